"""A model server that lies in its figures or floods its texts costs a Hold at most, never the daemon."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import web

from sentinel.agent.model import MAX_TEXT, StudentModel
from sentinel.config.network_file import load_network
from sentinel.core.errors import ModelUnavailable
from sentinel.observe.metrics import Metrics

pytestmark = pytest.mark.attack("a model that misbehaves", "contained")

MESSAGES = [{"role": "user", "content": "u"}]


def answer(**changes: Any) -> dict[str, Any]:
    choices = [{"index": i, "message": {"content": "Thought: x"}, "finish_reason": "stop"} for i in range(2)]
    return {"model": "small", "choices": choices, "usage": {"prompt_tokens": 1, "completion_tokens": 2}} | changes


@contextlib.asynccontextmanager
async def server(body: str) -> AsyncIterator[StudentModel]:
    async def reply(_: web.Request) -> web.Response:
        return web.Response(text=body, content_type="application/json")

    app = web.Application()
    app.router.add_post("/v1/chat/completions", reply)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    try:
        async with StudentModel(url, "small", observer=Metrics(load_network("devnet"))) as model:
            yield model
    finally:
        await runner.cleanup()


@pytest.mark.parametrize("count", [-1, 10**400, -(10**400), 1e308, True, 2**63])
@pytest.mark.parametrize("name", ["prompt_tokens", "completion_tokens"])
async def test_absurd_token_counts_reach_the_metrics_as_nothing(name: str, count: float) -> None:
    """A counter takes neither a negative number nor one beyond a float, and the daemon must not stop over it."""
    async with server(json.dumps(answer(usage={name: count}))) as model:
        samples = await model.sample(MESSAGES, 2)
    assert all(0 <= sample.tokens <= 2**23 for sample in samples)


@pytest.mark.parametrize("usage", ["[1]", "7", '{"prompt_tokens": "many"}', '{"prompt_tokens": [1]}', "[" * 50_000])
async def test_usage_of_another_shape_is_a_model_that_is_unavailable(usage: str) -> None:
    """Whatever stands where the figures should be."""
    async with server(json.dumps(answer(usage=0)).replace('"usage": 0', f'"usage": {usage}')) as model:
        with pytest.raises(ModelUnavailable):
            await model.sample(MESSAGES, 2)


async def test_a_flood_of_text_is_cut_and_counts_as_truncated() -> None:
    """Two megabytes in one sample do not reach the journal or the next prompt."""
    body = answer()
    body["choices"][0]["message"]["content"] = "Thought: " + "x" * 2_000_000
    async with server(json.dumps(body)) as model:
        flooded, plain = await model.sample(MESSAGES, 2)
    assert len(flooded.text) <= MAX_TEXT
    assert (flooded.finish, plain.finish) == ("length", "stop")
