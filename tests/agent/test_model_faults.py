"""The model client against a server whose answers are wrong, late or missing."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from aiohttp import web

from sentinel.agent.model import MAX_REPLY, StudentModel
from sentinel.core.errors import ModelUnavailable
from tests.agent.model_server import MESSAGES, Server, client, completion

BAD: dict[str, tuple[Any, str]] = {
    "half a surrogate pair": (json.dumps(completion()).replace('"content": "', '"content": "\\ud800'), "not JSON"),
    "cut off": (json.dumps(completion())[:100], "not JSON"),
    "empty": ("", "not JSON"),
    "HTML": ("<html>Bad gateway</html>", "not JSON"),
    "deep": ("[" * 100_000, "not JSON"),
    "null": ("null", "unexpected shape"),
    "a list": ("[]", "unexpected shape"),
    "no choices": ({"model": "small"}, "unexpected shape"),
    "choices of null": (completion(choices=[None, None]), "unexpected shape"),
    "too few": (completion(1), "asked for 2 samples, got 1"),
    "too many": (completion(3), "asked for 2 samples, got 3"),
    "one index twice": (completion(choices=[completion()["choices"][0]] * 2), "asked for 2"),
    "an infinite index": (json.dumps(completion()).replace('"index": 0', '"index": 1e400'), "unexpected shape"),
    "another model": (completion(model="large"), "large answered, not small"),
    "no text": (completion(choices=[dict(c, message={"content": 5}) for c in completion()["choices"]]), "shape"),
    "huge": ("[" + "0," * (MAX_REPLY // 2) + "0]", "too large"),
}


@pytest.mark.parametrize(("body", "why"), BAD.values(), ids=BAD.keys())
async def test_a_bad_answer_is_a_model_that_is_unavailable(server: Server, body: Any, why: str) -> None:
    """Every fault of the endpoint is one error, with its reason, and the next good answer is taken."""
    server.answer = server.give(body)
    async with client(server) as model:
        with pytest.raises(ModelUnavailable, match=why):
            await model.sample(MESSAGES, 2)
        server.answer = server.give(completion())
        assert len(await model.sample(MESSAGES, 2)) == 2


@pytest.mark.parametrize("status", [302, 400, 401, 429, 500, 503])
async def test_any_status_but_200_is_unavailable(server: Server, status: int) -> None:
    """The reason names the status; nothing is repeated."""
    server.answer = server.give({"error": {"message": "no"}}, status)
    async with client(server) as model:
        with pytest.raises(ModelUnavailable, match=f"HTTP {status}"):
            await model.sample(MESSAGES, 2)
    assert len(server.asked) == 1


async def test_a_late_answer_is_no_answer(server: Server) -> None:
    """The wait is bounded, also when bytes drip slowly."""

    async def drip(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(100):
            await response.write(b" ")
            await asyncio.sleep(0.05)
        return response

    server.answer = drip
    async with client(server, timeout=0.3) as model:
        started = asyncio.get_running_loop().time()
        with pytest.raises(ModelUnavailable, match=r"no answer within 0\.3 s"):
            await model.sample(MESSAGES, 2)
        assert asyncio.get_running_loop().time() - started < 2


async def test_a_connection_that_breaks_is_unavailable(server: Server) -> None:
    """Mid-answer or before it began."""

    async def drop(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.close()
        return web.Response()

    server.answer = drop
    async with client(server) as model:
        with pytest.raises(ModelUnavailable):
            await model.sample(MESSAGES, 2)
    async with StudentModel("http://127.0.0.1:9/v1", "small") as model:
        with pytest.raises(ModelUnavailable):
            await model.sample(MESSAGES, 2)
