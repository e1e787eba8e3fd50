"""The status page, the decisions, /status.json, /metrics, /healthz, /readyz. Read-only unless it is given controls."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from aiohttp import web

from sentinel.core.errors import JournalError, OperatorError, RecordDropped
from sentinel.observe.health import Health, HealthCheck
from sentinel.observe.internal_errors import InternalErrors
from sentinel.observe.metrics import Metrics
from sentinel.observe.status_board import Board
from sentinel.observe.web import guard, html
from sentinel.observe.web.guard import Handler
from sentinel.observe.web.pages import RANGES, Controls, Pages, Wanted
from sentinel.observe.web.static_files import files

HEARTBEAT = 15.0  # seconds between two signs of life of a stream of events
ASK_LIMIT = 64 * 1024  # bytes of a request


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
        pages: Pages,
        errors: InternalErrors,
        refresh: Callable[[], None] = lambda: None,
        controls: Controls | None = None,
    ) -> None:
        """`controls`: None if the page is read-only."""
        self._host, self._port = host, port
        self._board, self._metrics, self._health = board, metrics, health
        self._status, self._refresh, self._errors = status, refresh, errors
        self._pages, self._controls = pages, controls
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        """Listen; `board.web` then holds the address. Raises OperatorError if the port is taken."""
        app = web.Application(
            middlewares=[guard.checked_host(self._host), self._answer_errors], client_max_size=ASK_LIMIT
        )
        app.on_response_prepare.append(guard.harden)
        app.on_shutdown.append(self._end_events)
        for path, handler in self._routes().items():
            app.router.add_get(path, handler)
        if self._controls is not None:
            app.router.add_post(r"/control/{name:[a-z_]+}", self._controls.handle)
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
            runner, self._runner = self._runner, None
            await runner.cleanup()
            await self._pages.close()

    def _routes(self) -> dict[str, Handler]:
        return {
            "/": self._page,
            "/decisions": self._decisions,
            r"/decisions/{seq:\d{1,15}}": self._decision,
            r"/series/{name:[a-z]+}.json": self._series,
            "/events": self._events,
            r"/static/{name:.+}": self._static,
            "/status.json": self._json,
            "/metrics": self._prometheus,
            "/healthz": self._healthz,
            "/readyz": self._readyz,
        }

    @web.middleware
    async def _answer_errors(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """An exception of a page is an answer with status 500; it never ends the server."""
        try:
            return await handler(request)
        except web.HTTPException:
            raise
        except JournalError as error:
            return web.Response(text=f"the journal cannot be read: {error}\n", status=503)
        except Exception as error:
            return web.Response(text=self._errors.report("web", error, path=request.path), status=500)

    # ---------------------------------------------------------------- pages

    async def _page(self, _: web.Request) -> web.Response:
        past, checks, status = await self._pages.past(), self._health.ready(), self._status()
        return await _html(
            "status.html.j2", past=past, checks=checks, status=status, controls=self._controls is not None
        )

    async def _decisions(self, request: web.Request) -> web.Response:
        try:
            wanted = Wanted.of(request.query)
        except ValueError as error:
            raise web.HTTPBadRequest(text=f"this filter is not understood: {error}\n") from None
        listed = await self._pages.decisions(wanted)
        return await _html("decisions.html.j2", listed=listed, wanted=wanted, query=dict(request.query))

    async def _decision(self, request: web.Request) -> web.Response:
        try:
            page = await self._pages.decision(int(request.match_info["seq"]))
        except RecordDropped as error:
            raise web.HTTPGone(text=f"{error}\n") from None
        if page is None:
            raise web.HTTPNotFound(text="the journal has no decision with this number\n")
        return await _html("decision.html.j2", page=page, quote=self._status().get("quote", ""))

    async def _series(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        if name not in RANGES:
            raise web.HTTPNotFound(text=f"the ranges are {', '.join(RANGES)}\n")
        return web.json_response(asdict(await self._pages.series(name)))

    async def _static(self, request: web.Request) -> web.Response:
        file = files().get(request.match_info["name"])
        if file is None:
            raise web.HTTPNotFound
        headers = {"ETag": f'"{file.etag}"', "Cache-Control": "no-cache"}
        if any(tag.value == file.etag for tag in request.if_none_match or ()):
            return web.Response(status=304, headers=headers)
        return web.Response(body=file.body, content_type=file.kind, charset="utf-8", headers=headers)

    async def _events(self, request: web.Request) -> web.StreamResponse:
        """What happens, as it happens, until the page or the daemon ends."""
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        with contextlib.suppress(ConnectionError), self._subscribed() as queue:
            await response.prepare(request)
            await response.write(b"retry: 2000\n\n")
            while True:
                try:
                    event = await asyncio.wait_for(queue.get(), HEARTBEAT)
                except TimeoutError:
                    event = ": still here\n\n"
                if event is None:
                    break
                await response.write(event.encode())
        return response

    @contextlib.contextmanager
    def _subscribed(self) -> Any:
        try:
            with self._board.live.subscribed() as queue:
                yield queue
        except OverflowError as error:
            raise web.HTTPServiceUnavailable(text=f"{error}\n") from None

    async def _end_events(self, _: web.Application) -> None:
        self._board.live.close()

    # ---------------------------------------------------------------- for machines

    async def _json(self, _: web.Request) -> web.Response:
        past = await self._pages.past()
        return web.json_response({"status": self._status(), **asdict(past)})

    async def _prometheus(self, _: web.Request) -> web.Response:
        self._refresh()
        return web.Response(
            body=self._metrics.exposition(), headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"}
        )

    async def _healthz(self, _: web.Request) -> web.Response:
        return _verdict(self._health.alive())

    async def _readyz(self, _: web.Request) -> web.Response:
        return _verdict(self._health.ready())


async def _html(template: str, **values: object) -> web.Response:
    """A page, rendered in another thread."""
    text = await asyncio.to_thread(html.render, template, **values)
    return web.Response(text=text, content_type="text/html")


def _verdict(checks: tuple[HealthCheck, ...]) -> web.Response:
    ok = all(check.ok for check in checks)
    return web.json_response({"ok": ok, "checks": [asdict(check) for check in checks]}, status=200 if ok else 503)
