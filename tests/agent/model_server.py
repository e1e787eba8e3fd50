"""A real HTTP server that speaks the serving API, well and badly, and a client of it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from sentinel.agent.action_format import STOP
from sentinel.agent.model import Sampling, StudentModel

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
    return {"id": "x", "object": "chat.completion", "model": "small", "choices": choices, "usage": usage} | changes


class Server:
    """Answers with what the test puts here, and remembers what it was asked."""

    def __init__(self) -> None:
        self.answer: Handler = self.give(completion())
        self.models: Any = {"object": "list", "data": [{"id": "small", "object": "model"}]}
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


@asynccontextmanager
async def running() -> AsyncIterator[Server]:
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
    async with StudentModel(server.url, "small", sampling, **options) as model:
        yield model
