"""The model client against a real HTTP server that speaks the serving API, well and badly."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from sentinel.agent.action_format import STOP
from sentinel.agent.model import MAX_REPLY, Sampling, StudentModel
from sentinel.core.errors import ModelUnavailable, SettingsError

MESSAGES = [{"role": "system", "content": "s"}, {"role": "user", "content": "u"}]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def completion(n: int = 2, **changes: Any) -> dict[str, Any]:
    """An answer in the shape that the serving environment's vLLM gives."""
    choices: list[dict[str, Any]] = [
        {
            "index": i,
            "message": {"role": "assistant", "content": f" Sample {i}.", "refusal": None, "tool_calls": []},
            "logprobs": None,
            "finish_reason": "stop",
            "stop_reason": STOP,
            "token_ids": [7] * (10 + i),
        }
        for i in range(n)
    ]
    usage = {"prompt_tokens": 40, "total_tokens": 61, "completion_tokens": 21, "prompt_tokens_details": None}
    return {"id": "x", "object": "chat.completion", "model": "nano", "choices": choices, "usage": usage} | changes


class Server:
    """Answers with what the test puts here, and remembers what it was asked."""

    def __init__(self) -> None:
        self.answer: Handler = self.give(completion())
        self.models: Any = {"object": "list", "data": [{"id": "nano", "object": "model"}]}
        self.healthy = True
        self.asked: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.url = ""

    @staticmethod
    def give(body: Any, status: int = 200) -> Handler:
        async def handler(_: web.Request) -> web.StreamResponse:
            text = body if isinstance(body, str) else json.dumps(body)
            return web.Response(text=text, status=status, content_type="application/json")

        return handler

    async def chat(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(await request.json())
        self.headers.append(dict(request.headers))
        return await self.answer(request)

    async def list_models(self, _: web.Request) -> web.StreamResponse:
        return web.json_response(self.models)

    async def health(self, _: web.Request) -> web.StreamResponse:
        return web.Response(status=200 if self.healthy else 503)


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    state, app = Server(), web.Application()
    app.router.add_post("/v1/chat/completions", state.chat)
    app.router.add_get("/v1/models", state.list_models)
    app.router.add_get("/health", state.health)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    state.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    yield state
    await runner.cleanup()


@asynccontextmanager
async def client(server: Server, sampling: Sampling | None = None, **options: Any) -> AsyncIterator[StudentModel]:
    async with StudentModel(server.url, "nano", sampling, **options) as model:
        yield model


async def test_one_request_asks_for_all_samples(server: Server) -> None:
    """n, stop string and sampling stand in the request; nothing more is sent without a prefill."""
    async with client(server, Sampling(0.4, 0.8, 128, seed=5)) as model:
        samples = await model.sample(MESSAGES, 2)
    assert server.asked == [
        {
            "model": "nano",
            "messages": MESSAGES,
            "n": 2,
            "temperature": 0.4,
            "top_p": 0.8,
            "max_tokens": 128,
            "stop": [STOP],
            "return_token_ids": True,
            "seed": 5,
        }
    ]
    assert [(s.index, s.text, s.tokens, s.finish) for s in samples] == [
        (0, " Sample 0.", 10, "stop"),
        (1, " Sample 1.", 11, "stop"),
    ]
    assert model.source == "student:nano"


async def test_further_samples_have_the_seeds_that_follow(server: Server) -> None:
    """The same request with the same seed would only give the same samples again."""
    async with client(server, Sampling(seed=5)) as model:
        await model.sample(MESSAGES, 2, after=8)
    assert server.asked[0]["seed"] == 13


async def test_a_prefill_is_a_partial_turn_and_part_of_every_sample(server: Server) -> None:
    """The server goes on from it; the sample's text is the whole turn."""
    async with client(server) as model:
        samples = await model.sample(MESSAGES, 2, "Thought: I look.")
    asked = server.asked[0]
    assert asked["messages"] == [*MESSAGES, {"role": "assistant", "content": "Thought: I look."}]
    assert (asked["add_generation_prompt"], asked["continue_final_message"]) == (False, True)
    assert "seed" not in asked
    assert samples[1].text == "Thought: I look. Sample 1."


async def test_samples_come_by_index_with_their_ends(server: Server) -> None:
    """Whatever order the server gives; unknown ends count as aborted."""
    body = completion(3)
    body["choices"][1]["finish_reason"] = "length"
    body["choices"][2]["finish_reason"] = "content_filter"
    del body["choices"][2]["token_ids"]
    body["choices"].reverse()
    server.answer = server.give(body)
    async with client(server) as model:
        samples = await model.sample(MESSAGES, 3)
    assert [(s.index, s.finish) for s in samples] == [(0, "stop"), (1, "length"), (2, "abort")]
    assert samples[2].tokens == 21 // 3


BAD: dict[str, tuple[Any, str]] = {
    "half a surrogate pair": (json.dumps(completion()).replace('"content": "', '"content": "\\ud800'), "not JSON"),
    "cut off": (json.dumps(completion())[:100], "not JSON"),
    "empty": ("", "not JSON"),
    "HTML": ("<html>Bad gateway</html>", "not JSON"),
    "deep": ("[" * 100_000, "not JSON"),
    "null": ("null", "unexpected shape"),
    "a list": ("[]", "unexpected shape"),
    "no choices": ({"model": "nano"}, "unexpected shape"),
    "choices of null": (completion(choices=[None, None]), "unexpected shape"),
    "too few": (completion(1), "asked for 2 samples, got 1"),
    "too many": (completion(3), "asked for 2 samples, got 3"),
    "one index twice": (completion(choices=[completion()["choices"][0]] * 2), "asked for 2"),
    "an infinite index": (json.dumps(completion()).replace('"index": 0', '"index": 1e400'), "unexpected shape"),
    "another model": (completion(model="large"), "large answered, not nano"),
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
    async with StudentModel("http://127.0.0.1:9/v1", "nano") as model:
        with pytest.raises(ModelUnavailable):
            await model.sample(MESSAGES, 2)


async def test_health_means_up_and_serving_the_named_model(server: Server) -> None:
    """A swapped model is refused by name."""
    async with client(server) as model:
        await model.health()
        server.models = {"data": [{"id": "large"}]}
        with pytest.raises(ModelUnavailable, match="serves large, not nano"):
            await model.health()
        server.models = {"data": None}
        with pytest.raises(ModelUnavailable, match="unexpected shape"):
            await model.health()
        server.healthy = False
        with pytest.raises(ModelUnavailable, match="HTTP 503"):
            await model.health()


async def test_a_server_that_is_not_vllm_is_asked_for_the_common_things(server: Server) -> None:
    """No page of vLLM's, no field of its own; the only model that it serves is meant, and from then on no other."""
    server.healthy = False
    async with StudentModel(server.url, "", vllm=False) as model:
        assert model.source == "server:?"
        server.models = {"data": [{"id": "a"}, {"id": "b"}]}
        for call in (model.health(), model.sample(MESSAGES, 2)):
            with pytest.raises(ModelUnavailable, match="serves a, b: set SENTINEL_MODEL__NAME"):
                await call
        for names in ([], ["x" * 65], ["a\nb"]):
            server.models = {"data": [{"id": name} for name in names]}
            with pytest.raises(ModelUnavailable, match="set SENTINEL_MODEL__NAME"):
                await model.health()
        server.models = {"data": [{"id": "nano"}]}
        await model.sample(MESSAGES, 2)
        assert model.source == "server:nano"
        assert set(server.asked[0]) == {"model", "messages", "n", "temperature", "top_p", "max_tokens", "stop"}
        server.models = {"data": [{"id": "other"}]}
        with pytest.raises(ModelUnavailable, match="serves other, not nano"):
            await model.health()
        server.answer = server.give(completion(model="other"))
        with pytest.raises(ModelUnavailable, match="other answered, not nano"):
            await model.sample(MESSAGES, 2)


async def test_greedy_is_one_sample(server: Server) -> None:
    """The server refuses n > 1 at temperature 0, so we never ask."""
    server.answer = server.give(completion(1))
    async with client(server, Sampling(temperature=0)) as model:
        assert len(await model.sample(MESSAGES, 1)) == 1
        with pytest.raises(ValueError, match="greedy"):
            await model.sample(MESSAGES, 2)
    assert len(server.asked) == 1


async def test_the_key_is_sent_and_shown_nowhere(server: Server, tmp_path: Path) -> None:
    """From a file, as a bearer; not in repr, not in an error."""
    key = tmp_path / "key"
    key.write_text("canary-key\n")
    async with client(server, api_key_file=key) as model:
        await model.sample(MESSAGES, 2)
        assert server.headers[0]["Authorization"] == "Bearer canary-key"
        server.answer = server.give("no", 401)
        with pytest.raises(ModelUnavailable) as fault:
            await model.sample(MESSAGES, 2)
        assert "canary" not in f"{model!r}{fault.value!r}"
    with pytest.raises(SettingsError, match="SENTINEL_MODEL__API_KEY_FILE"):
        StudentModel(server.url, "nano", api_key_file=tmp_path / "absent")


async def test_usage_and_latency_are_observed(server: Server) -> None:
    """One call for each answered request."""
    seen: list[tuple[float, int, int, int]] = []

    class Watch:
        def sampled(self, seconds: float, n: int, prompt_tokens: int, completion_tokens: int) -> None:
            seen.append((seconds, n, prompt_tokens, completion_tokens))

    async with client(server, observer=Watch()) as model:
        await model.sample(MESSAGES, 2)
    assert seen[0][0] > 0
    assert seen[0][1:] == (2, 40, 21)
