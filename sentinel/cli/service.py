"""`run`, `signer`, `status`, `pause`, `resume`, `stop`: the daemon, its signer and its operator."""

from __future__ import annotations

import time
from typing import Annotated, Any

import typer

from sentinel.cli import common
from sentinel.cli.common import DOT_ENV, EnvFile, Json, Sets
from sentinel.errors import NotRunning

Wait = Annotated[float, typer.Option("--timeout", min=0, help="Seconds to wait.")]


def run(
    network: Annotated[str | None, typer.Option(help="File of deploy/networks/, or a path.")] = None,
    rpc_url: Annotated[str | None, typer.Option(help="JSON-RPC endpoint of the chain.")] = None,
    ws_url: Annotated[str | None, typer.Option(help="WebSocket endpoint of the chain.")] = None,
    playbook: Annotated[str | None, typer.Option(help="What the trader does: see SENTINEL_STRATEGY__PLAYBOOK.")] = None,
    proposer: Annotated[str | None, typer.Option(help="student, or oracle (the built-in solver).")] = None,
    live: Annotated[bool, typer.Option("--live", help="Send transactions. Without it nothing is sent.")] = False,
    blocks: Annotated[int | None, typer.Option(min=1, help="Stop after so many cycles.")] = None,
    sets: Sets = None,
    env_file: EnvFile = DOT_ENV,
) -> None:
    """Run the daemon in the foreground: a dry run unless --live or SENTINEL_EXECUTION__MODE says otherwise."""
    settings = common.load(
        sets,
        env_file,
        network=network,
        proposer=proposer,
        rpc={"url": rpc_url, "ws_url": ws_url},
        strategy={"playbook": playbook},
        execution={"mode": "live" if live else None},
    )
    from sentinel.app import serve

    model, shadow = common.trader_model(settings), common.shadow(settings)
    raise typer.Exit(serve(settings, cycles=blocks, trader_model=model, shadow=shadow))


def signer(sets: Sets = None, env_file: EnvFile = DOT_ENV) -> None:
    """Run the signer by itself in the foreground: it holds the key, and the daemon connects to its socket."""
    from sentinel.signer.process import serve as serve_signer

    raise typer.Exit(serve_signer(common.load(sets, env_file)))


def status(sets: Sets = None, env_file: EnvFile = DOT_ENV, json: Json = False) -> None:
    """What the daemon is doing. Exit code 3 where none is running."""
    from sentinel.control import ask

    settings = common.load(sets, env_file)
    try:
        found = ask(common.state_dir(settings), "status")["status"]
    except NotRunning:
        latch = _journaled_latch(settings)
        if json:
            common.emit({"state": "not running", "paused": latch}, True, lambda: [])
            raise typer.Exit(common.NOT_RUNNING) from None
        raise NotRunning("the daemon is not running" + (f"; trading is paused: {latch}" if latch else "")) from None
    common.emit(found, json, lambda: _status_lines(found))


def _status_lines(found: dict[str, Any]) -> list[str]:
    head = found.get("head") or {}
    lines = [
        f"state        {found['state']}" + (f": {found['paused']}" if found.get("paused") else ""),
        f"network      {found['network']} (chain {found['chain_id']}), {found['mode']}",
        f"wallet       {found['wallet']}",
        f"proposer     {found['proposer']}",
        f"head         {head.get('number', '-')} ({found.get('head_age_seconds', '-')} s old)",
        f"cycles       {found['cycles']}: {found['acts']} acts, {found['holds']} holds",
        f"transactions {', '.join(f'{n} {name}' for name, n in found['transactions'].items()) or 'none'}",
        f"in flight    {found.get('in_flight') or 'nothing'}",
        f"equity       {found['equity']:.2f} {found['quote']}" if found["equity"] is not None else "equity       -",
        f"page         {found.get('web') or '-'}",
    ]
    return lines + [f"not ready    {c['name']}: {c['why']}" for c in found.get("checks", []) if not c["ok"]]


def pause(
    reason: Annotated[str, typer.Argument(help="Why; it is journaled and shown.")] = "by the operator",
    sets: Sets = None,
    env_file: EnvFile = DOT_ENV,
    json: Json = False,
) -> None:
    """Stop trading, durably: it holds across restarts until `sentinel resume`. What is in flight is still followed."""
    from sentinel.control import ask, clean_reason

    settings = common.load(sets, env_file)
    told = clean_reason(reason)
    try:
        ask(common.state_dir(settings), "pause", reason=told)
    except NotRunning:
        journal, _ = common.open_journal(settings, read_only=False)
        try:
            journal.latch(told, by="operator")
        finally:
            journal.close()
    common.emit({"paused": told}, json, lambda: [f"trading is paused: {told}"])


def resume(sets: Sets = None, env_file: EnvFile = DOT_ENV, json: Json = False) -> None:
    """Trade again."""
    from sentinel.control import ask

    settings = common.load(sets, env_file)
    try:
        ask(common.state_dir(settings), "resume")
    except NotRunning:
        journal, _ = common.open_journal(settings, read_only=False)
        try:
            journal.unlatch(by="operator")
        finally:
            journal.close()
    common.emit({"paused": None}, json, lambda: ["trading is not paused any more"])


def stop(timeout: Wait = 60.0, sets: Sets = None, env_file: EnvFile = DOT_ENV, json: Json = False) -> None:
    """Stop the daemon: no new heads, the running cycle finishes. Exit code 5 where that takes longer than --timeout."""
    from sentinel.control import ask

    where = common.state_dir(common.load(sets, env_file))
    ask(where, "stop")
    until = time.monotonic() + timeout
    while time.monotonic() < until:
        try:
            ask(where, "status", timeout=1.0)
        except (NotRunning, TimeoutError):
            common.emit({"state": "stopped"}, json, lambda: ["stopped"])
            return
        time.sleep(0.05)
    raise TimeoutError(f"the daemon has not stopped within {timeout:g} s")


def _journaled_latch(settings: Any) -> str | None:
    try:
        journal, _ = common.open_journal(settings, read_only=True)
    except NotRunning:
        return None
    try:
        return journal.latched
    finally:
        journal.close()
