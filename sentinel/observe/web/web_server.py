"""GET / (status page), /status.json, /metrics, /healthz, /readyz. Read-only."""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Any

from aiohttp import web

from sentinel.core.errors import OperatorError
from sentinel.observe.health import Health, HealthCheck
from sentinel.observe.internal_errors import InternalErrors
from sentinel.observe.metrics import Metrics
from sentinel.observe.status_board import Board
from sentinel.observe.web.status_page import render

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


class WebServer:
    """Started and stopped by the daemon. `refresh` updates the gauges before a scrape."""

    def __init__(
        self,
        host: str,
        port: int,
        *,
        board: Board,
        metrics: Metrics,
        health: Health,
        status: Callable[[], dict[str, Any]],
        errors: InternalErrors,
        refresh: Callable[[], None] = lambda: None,
    ) -> None:
        self._host, self._port = host, port
        self._board, self._metrics, self._health = board, metrics, health
        self._status, self._refresh, self._errors = status, refresh, errors
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        """Listen; `board.web` then holds the address. Raises OperatorError if the port is taken."""
        app = web.Application(middlewares=[_harden, self._answer_errors])
        app.router.add_get("/", self._page)
        app.router.add_get("/status.json", self._json)
        app.router.add_get("/metrics", self._prometheus)
        app.router.add_get("/healthz", self._healthz)
        app.router.add_get("/readyz", self._readyz)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await self._runner.setup()
        listener = socket.socket(socket.AF_INET6 if ":" in self._host else socket.AF_INET, socket.SOCK_STREAM)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((self._host, self._port))
            await web.SockSite(self._runner, listener).start()
        except Exception as error:  # beside OSError: what Python raises for a text that can be no host
            listener.close()
            await self.stop()
            why = error.strerror if isinstance(error, OSError) else f"{type(error).__name__} in SENTINEL_WEB__HOST"
            raise OperatorError(
                f"cannot listen on {self._host}:{self._port}: {why}; set SENTINEL_WEB__PORT (0: any)"
            ) from error
        name = f"[{self._host}]" if ":" in self._host else self._host
        self._board.listens(f"http://{name}:{listener.getsockname()[1]}")

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    @web.middleware
    async def _answer_errors(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """An exception of a page is an answer with status 500; it never ends the server."""
        try:
            return await handler(request)
        except web.HTTPException:
            raise
        except Exception as error:
            return web.Response(text=self._errors.report("web", error, path=request.path), status=500)

    async def _page(self, _: web.Request) -> web.Response:
        checks = self._health.ready()
        text = render(self._status(), self._board.recent(), self._board.trades(), self._board.equity(), checks)
        return web.Response(text=text, content_type="text/html")

    async def _json(self, _: web.Request) -> web.Response:
        return web.json_response(
            {"status": self._status(), "cycles": self._board.recent(), "trades": self._board.trades()}
        )

    async def _prometheus(self, _: web.Request) -> web.Response:
        self._refresh()
        return web.Response(
            body=self._metrics.exposition(), headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"}
        )

    async def _healthz(self, _: web.Request) -> web.Response:
        return _verdict(self._health.alive())

    async def _readyz(self, _: web.Request) -> web.Response:
        return _verdict(self._health.ready())


def _verdict(checks: tuple[HealthCheck, ...]) -> web.Response:
    ok = all(check.ok for check in checks)
    return web.json_response({"ok": ok, "checks": [asdict(check) for check in checks]}, status=200 if ok else 503)


@web.middleware
async def _harden(request: web.Request, handler: Handler) -> web.StreamResponse:
    response = await handler(request)
    response.headers.update(HEADERS)
    return response
