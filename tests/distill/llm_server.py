"""A chat endpoint that answers like a teacher LLM, from recorded/teacher.json, and fails where a test says so.

The recorded answers were written by hand in an LLM's manner: some right, one mended after an error, one without a look
at the market, one that never writes code. Placeholders stand for the operator's numbers, which an LLM would copy.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web

from sentinel.distill.teaching import first_thoughts

RECORDED: dict[str, Any] = json.loads(Path(__file__).with_name("recorded").joinpath("teacher.json").read_text())
MODEL = "teacher-32b"
KEY = "sk-a-key-that-nobody-may-see"


@dataclass(slots=True)
class LlmServer:
    url: str = ""
    faults: dict[int, str] = field(default_factory=dict)  # number of the request, from 0 -> what goes wrong
    always: str = ""  # goes wrong with every request
    on_request: Callable[[int], None] = lambda _: None
    asked: list[dict[str, Any]] = field(default_factory=list)
    flying: int = 0
    most_flying: int = 0

    async def chat(self, request: web.Request) -> web.Response:
        number, body = len(self.asked), await request.json()
        self.asked.append(body)
        self.on_request(number)
        self.flying += 1
        self.most_flying = max(self.most_flying, self.flying)
        await asyncio.sleep(0.005)
        self.flying -= 1
        fault = self.always or self.faults.get(number, "")
        if fault.isdigit():
            return web.Response(status=int(fault), text=f"no: your key is {request.headers['Authorization']}")
        if request.headers.get("Authorization") != f"Bearer {KEY}":
            return web.Response(status=401, text="who are you?")
        text, finish = self.answer(body), "stop"
        if fault == "malformed":
            return web.Response(text='{"choices": [', content_type="application/json")
        if fault == "truncated":
            text, finish = text[:20], "length"
        if fault == "anew":
            text = "Thought: I begin anew.\nCode:\n```py\nhold()\n```"
        choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": finish}
        usage = {"prompt_tokens": 1000, "completion_tokens": 50}
        model = "another-model" if fault == "wrong model" else MODEL
        return web.json_response({"model": model, "choices": [choice], "usage": usage})

    @staticmethod
    def answer(body: dict[str, Any]) -> str:
        """The recorded turn that comes next; after a prefill only what follows the first thought."""
        messages = body["messages"]
        lines = dict(line.split(": ", 1) for line in messages[1]["content"].splitlines())
        base, _, quote = lines["Pair"].partition("/")
        recorded = RECORDED[lines["Playbook"]]
        if messages[0]["content"] == first_thoughts.SYSTEM:
            return fill(recorded["cot"], lines | {"base": base, "quote": quote})
        prefilled = bool(body.get("continue_final_message"))
        step = sum(message["role"] == "assistant" for message in messages) - prefilled
        text = fill(
            recorded["turns"][min(step, len(recorded["turns"]) - 1)], lines | {"base": base, "quote": quote}
        ).removesuffix("<end_code>")
        return text[text.find("\n") if "\n" in text else 0 :] if prefilled else text


def fill(text: str, values: dict[str, str]) -> str:
    for name, value in values.items():
        text = text.replace("{" + name + "}", value)
    return text


@asynccontextmanager
async def recorded_server() -> AsyncIterator[LlmServer]:
    state, app = LlmServer(), web.Application()
    app.router.add_post("/v1/chat/completions", state.chat)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    state.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    yield state
    await runner.cleanup()
