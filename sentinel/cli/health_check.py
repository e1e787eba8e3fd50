"""`health`: what a container's or a monitor's health check runs. Exit code 0 well, 1 not, 3 nobody answers."""

from __future__ import annotations

import json as json_
from typing import Annotated, Any

import typer

from sentinel.cli import common
from sentinel.cli.common import DOT_ENV, EnvFile, Json, Sets
from sentinel.core.errors import NotRunning, SentinelError

PATIENCE = 5.0  # seconds


def health(
    ready: Annotated[bool, typer.Option("--ready", help="Ready to trade (/readyz), not just alive.")] = False,
    signer: Annotated[bool, typer.Option("--signer", help="Ask the signer at its socket.")] = False,
    rpc: Annotated[str | None, typer.Option("--rpc", metavar="URL", help="Ask a node or a fork for its chain.")] = None,
    sets: Sets = None,
    env_file: EnvFile = DOT_ENV,
    json: Json = False,
) -> None:
    """Is the daemon of these settings alive (or the signer, or a node)?"""
    if rpc is not None:
        found = _node(rpc)
    else:
        settings = common.load(sets, env_file)
        found = _signer(settings) if signer else _daemon(settings.web.port, "readyz" if ready else "healthz")
    lines = [f"{'ok  ' if one['ok'] else 'FAIL'}  {one['name']}: {one['why']}" for one in found]
    common.emit(found, json, lambda: lines)
    if not all(one["ok"] for one in found):
        raise typer.Exit(common.ERROR)


def _daemon(port: int, page: str) -> list[dict[str, Any]]:
    from http.client import HTTPConnection, HTTPException

    try:
        channel = HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        channel.request("GET", f"/{page}")
        answer = channel.getresponse()
        checks: list[dict[str, Any]] = json_.loads(answer.read())["checks"]
    except (OSError, HTTPException, ValueError, KeyError, TypeError) as error:
        raise NotRunning(f"nothing answers at port {port}: {type(error).__name__}") from None
    if answer.status != 200 and all(one["ok"] for one in checks):
        return [*checks, {"name": page, "ok": False, "why": f"status {answer.status}"}]
    return checks


def _signer(settings: Any) -> list[dict[str, Any]]:
    import asyncio

    from sentinel.signing.client import ask_greeting, socket_of

    greeting = asyncio.run(ask_greeting(socket_of(settings)))
    return [{"name": "signer", "ok": True, "why": f"holds the key of {greeting.address}"}]


def _node(url: str) -> list[dict[str, Any]]:
    import asyncio

    from sentinel.chain.rpc import Rpc, quantity

    async def ask() -> int:
        async with Rpc(url, timeout=PATIENCE) as node:
            return quantity(await node.call("eth_chainId"))

    try:
        return [{"name": "node", "ok": True, "why": f"serves chain {asyncio.run(ask())}"}]
    except SentinelError as error:
        return [{"name": "node", "ok": False, "why": str(error)}]
