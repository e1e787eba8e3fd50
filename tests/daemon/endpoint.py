"""A small OpenAI-compatible endpoint that answers as the oracle would: for what is not about the model itself."""

from __future__ import annotations

import asyncio
from typing import Any

from aiohttp import web

from sentinel.agent.oracle import OracleModel
from sentinel.core.actions import Finish, Sample
from sentinel.core.host.process import free_port

NAME = "sentinel-student"


class Endpoint:
    """Starts and stops any number of times on one port."""

    def __init__(self, text: str | None = None) -> None:
        """`text`: each answer, in place of the oracle's."""
        self.text = text
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}/v1"
        self.asked = 0
        self.spoilt = 0  # samples of each answer that are nonsense
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        app = web.Application()
        app.router.add_get("/health", self._health)
        app.router.add_get("/v1/models", self._models)
        app.router.add_post("/v1/chat/completions", self._complete)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port, reuse_address=True).start()

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None
            await asyncio.sleep(0)

    async def _health(self, _: web.Request) -> web.Response:
        return web.Response()

    async def _models(self, _: web.Request) -> web.Response:
        return web.json_response({"data": [{"id": NAME}]})

    async def _complete(self, request: web.Request) -> web.Response:
        asked: dict[str, Any] = await request.json()
        self.asked += 1
        messages, prefill = asked["messages"], ""
        if asked.get("continue_final_message"):
            messages, prefill = messages[:-1], messages[-1]["content"]
        if self.text is None:
            samples = await OracleModel().sample(messages, asked["n"], prefill)
        else:
            samples = [Sample(0, index, self.text, 0, Finish.STOP) for index in range(asked["n"])]
        choices = [
            {
                "index": sample.index,
                "message": {"role": "assistant", "content": sample.text.removeprefix(prefill)},
                "finish_reason": "stop",
            }
            for sample in samples
        ]
        for choice in choices[: self.spoilt]:
            choice["message"] = {"role": "assistant", "content": "I would rather not."}
        usage = {"prompt_tokens": 100, "completion_tokens": 50 * len(choices)}
        return web.json_response({"model": NAME, "choices": choices, "usage": usage})
