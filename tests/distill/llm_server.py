"""A chat endpoint that answers as a test says, and fails where a test says so."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

MODEL = "teacher-32b"
KEY = "sk-a-key-that-nobody-may-see"


@dataclass(slots=True)
class LlmServer:
    answer: Callable[[str, str], str] = lambda system, user: "Ask: how much?"
    url: str = ""
    faults: dict[int, str] = field(default_factory=dict)  # number of the request, from 0 -> what goes wrong
    always: str = ""  # goes wrong with every request
    asked: list[dict[str, Any]] = field(default_factory=list)
    flying: int = 0
    most_flying: int = 0

    async def chat(self, request: web.Request) -> web.Response:
        number, body = len(self.asked), await request.json()
        self.asked.append(body)
        self.flying += 1
        self.most_flying = max(self.most_flying, self.flying)
        await asyncio.sleep(0.005)
        self.flying -= 1
        fault = self.always or self.faults.get(number, "")
        if fault.isdigit():
            return web.Response(status=int(fault), text=f"no: your key is {request.headers['Authorization']}")
        if request.headers.get("Authorization") != f"Bearer {KEY}":
            return web.Response(status=401, text="who are you?")
        if fault == "malformed":
            return web.Response(text='{"choices": [', content_type="application/json")
        system, user = (message["content"] for message in body["messages"])
        text, finish = self.answer(system, user), "stop"
        if fault == "truncated":
            text, finish = text[:20], "length"
        choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": finish}
        usage = {"prompt_tokens": 1000, "completion_tokens": 50}
        model = "another-model" if fault == "wrong model" else MODEL
        return web.json_response({"model": model, "choices": [choice], "usage": usage})


@asynccontextmanager
async def llm_server() -> AsyncIterator[LlmServer]:
    state, app = LlmServer(), web.Application()
    app.router.add_post("/v1/chat/completions", state.chat)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    state.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    yield state
    await runner.cleanup()
