"""`health`: the health check of a container or a monitor. Exit code 0 if healthy, 1 if not, 3 without an answer."""

from __future__ import annotations

import json as json_
from pathlib import Path
from typing import Annotated, Any

import typer

from sentinel.cli import common
from sentinel.cli.common import DOT_ENV, EnvFile, Json, Sets
from sentinel.core.errors import NotRunning, SentinelError, SignerUnavailable

TIMEOUT = 5.0  # seconds for one request


def health(
    ready: Annotated[
        bool, typer.Option("--ready", help="Check that it is ready to trade (/readyz), not only alive.")
    ] = False,
    signer: Annotated[bool, typer.Option("--signer", help="Check the signer at its socket.")] = False,
    rpc: Annotated[
        str | None,
        typer.Option("--rpc", metavar="URL", help="Check that a node or a fork (unix:///path) reports its chain id."),
    ] = None,
    sets: Sets = None,
    env_file: EnvFile = DOT_ENV,
    json: Json = False,
) -> None:
    """Check that the daemon of these settings is alive, or with --signer its signer, or with --rpc a node."""
    if rpc is not None:
        checks = _node(rpc)
    else:
        settings = common.load(sets, env_file)
        checks = _signer(settings) if signer else _daemon(settings.web.port, "readyz" if ready else "healthz")
    lines = [f"{'ok  ' if check['ok'] else 'FAIL'}  {check['name']}: {check['why']}" for check in checks]
    common.emit(checks, json, lambda: lines)
    if not all(check["ok"] for check in checks):
        raise typer.Exit(common.ERROR)


def _daemon(port: int, page: str) -> list[dict[str, Any]]:
    from http.client import HTTPConnection, HTTPException

    try:
        channel = HTTPConnection("127.0.0.1", port, timeout=TIMEOUT)
        channel.request("GET", f"/{page}")
        answer = channel.getresponse()
        checks: list[dict[str, Any]] = json_.loads(answer.read())["checks"]
    except (OSError, HTTPException, ValueError, KeyError, TypeError) as error:
        raise NotRunning(f"nothing answers at port {port}: {type(error).__name__}") from None
    if answer.status != 200 and all(check["ok"] for check in checks):
        return [*checks, {"name": page, "ok": False, "why": f"status {answer.status}"}]
    return checks


def _signer(settings: Any) -> list[dict[str, Any]]:
    import asyncio

    from sentinel.signing.client import ask_greeting, socket_of

    try:
        greeting = asyncio.run(ask_greeting(socket_of(settings)))
    except SignerUnavailable as error:
        raise NotRunning(str(error)) from None
    return [{"name": "signer", "ok": True, "why": f"holds the key of {greeting.address}"}]


def _node(url: str) -> list[dict[str, Any]]:
    import asyncio

    from sentinel.chain.rpc import Rpc, quantity
    from sentinel.chain.socket_rpc import SocketRpc

    path = url.removeprefix("unix://")

    async def chain_id() -> int:
        async with Rpc(url, timeout=TIMEOUT) if path == url else SocketRpc(Path(path), timeout=TIMEOUT) as node:
            return quantity(await node.call("eth_chainId"))

    try:
        return [{"name": "node", "ok": True, "why": f"serves chain {asyncio.run(chain_id())}"}]
    except SentinelError as error:
        return [{"name": "node", "ok": False, "why": str(error)}]
