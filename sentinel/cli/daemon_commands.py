"""`run`, `signer`, `status`, `pause`, `resume`, `stop`: the daemon, its signer and its operator."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sentinel.cli import common
from sentinel.cli.common import DOT_ENV, EnvFile, Json, Sets
from sentinel.core.age import Age
from sentinel.core.errors import NotRunning, SettingsError

if TYPE_CHECKING:
    from sentinel.config.settings import Settings


def run(
    network: Annotated[str | None, typer.Option(help="File of sentinel/config/networks/, or a path.")] = None,
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

    there = env_file.is_file()

    def load() -> Settings:
        if there and not env_file.is_file():  # its limits would silently fall back to the defaults
            raise SettingsError(f"{env_file} was there at the start and is gone")
        return common.load(
            sets,
            env_file,
            network=network,
            proposer=proposer,
            rpc={"url": rpc_url, "ws_url": ws_url},
            strategy={"playbook": playbook},
            execution={"mode": "live" if live else None},
        )

    settings = load()
    from sentinel.daemon.serve import serve

    model, shadow = common.trader_model(settings), common.shadow(settings)
    raise typer.Exit(serve(settings, cycles=blocks, trader_model=model, shadow=shadow, reload=load))


def signer(sets: Sets = None, env_file: EnvFile = DOT_ENV) -> None:
    """Run the signer by itself in the foreground: it holds the key, and the daemon connects to its socket."""
    from sentinel.signing.process.signer_process import serve as serve_signer

    raise typer.Exit(serve_signer(common.load(sets, env_file)))


def status(sets: Sets = None, env_file: EnvFile = DOT_ENV, json: Json = False) -> None:
    """What the daemon is doing. Exit code 3 where none is running."""
    from sentinel.daemon.operator.control import ask

    settings = common.load(sets, env_file)
    try:
        found = ask(common.state_dir(settings), "status")["status"]
    except NotRunning:
        latch, sale = _journaled(settings)
        if json:
            common.emit({"state": "not running", "paused": latch, "flatten": sale}, True, lambda: [])
            raise typer.Exit(common.NOT_RUNNING) from None
        told = "the daemon is not running" + (f"; trading is paused: {latch}" if latch else "")
        if sale is not None and sale["state"] == "selling":
            told += "; its next start goes on with selling everything (`sentinel resume` calls that off)"
        raise NotRunning(told) from None
    common.emit(found, json, lambda: _status_lines(found))


def _status_lines(found: dict[str, Any]) -> list[str]:
    head, age = found.get("head") or {}, found.get("head_age_seconds")
    lines = [
        f"state        {found['state']}" + (f": {found['paused']}" if found.get("paused") else ""),
        f"network      {found['network']} (chain {found['chain_id']}), {found['mode']}",
        f"wallet       {found['wallet']}",
        f"proposer     {found['proposer']}",
        f"head         {head.get('number', '-')} ({'-' if age is None else Age(age)})",
        f"cycles       {found['cycles']}: {found['acts']} acts, {found['holds']} holds",
        f"transactions {', '.join(f'{n} {name}' for name, n in found['transactions'].items()) or 'none'}",
        f"in flight    {found.get('in_flight') or 'nothing'}",
        f"equity       {found['equity']:.2f} {found['quote']}" if found["equity"] is not None else "equity       -",
        f"page         {found.get('web') or '-'}",
    ]
    if found.get("flatten"):
        lines.insert(1, f"sold so far  {_totals(found['flatten']) or 'nothing'}")
    return lines + [f"not ready    {c['name']}: {c['why']}" for c in found.get("checks", []) if not c["ok"]]


def pause(
    reason: Annotated[str, typer.Argument(help="Why; it is journaled and shown.")] = "by the operator",
    sets: Sets = None,
    env_file: EnvFile = DOT_ENV,
    json: Json = False,
) -> None:
    """Stop trading, durably: it holds across restarts until `sentinel resume`. What is in flight is still followed."""
    from sentinel.daemon.operator.control import ask, clean_reason

    settings = common.load(sets, env_file)
    told = clean_reason(reason)
    try:
        ask(common.state_dir(settings), "pause", reason=told)
    except NotRunning:
        journal, _ = common.open_journal(settings, read_only=False)
        try:
            journal.halt(told, by="operator")
        finally:
            journal.close()
    common.emit({"paused": told}, json, lambda: [f"trading is paused: {told}"])


def resume(sets: Sets = None, env_file: EnvFile = DOT_ENV, json: Json = False) -> None:
    """Trade again."""
    from sentinel.daemon.operator.control import ask

    settings = common.load(sets, env_file)
    try:
        ask(common.state_dir(settings), "resume")
    except NotRunning:
        journal, _ = common.open_journal(settings, read_only=False)
        try:
            journal.resume(by="operator")
        finally:
            journal.close()
    common.emit({"paused": None}, json, lambda: ["trading is not paused any more"])


def reload(sets: Sets = None, env_file: EnvFile = DOT_ENV, json: Json = False) -> None:
    """Load the daemon's settings again from its own files: whole or not at all, in force with its next cycle.

    The daemon's environment cannot change from outside, so what shall change has to stand in its --env-file.
    """
    from sentinel.daemon.operator.control import ask

    found = ask(common.state_dir(common.load(sets, env_file)), "reload")["changed"]
    lines = [f"{name}: {old} -> {new}" for name, (old, new) in found.items()] or ["nothing has changed"]
    common.emit(found, json, lambda: lines)


def stop(
    flatten: Annotated[bool, typer.Option("--flatten", help="First sell every token back to the quote token.")] = False,
    timeout: Annotated[
        float | None, typer.Option("--timeout", min=0, help="Seconds to wait; 60, and 900 with --flatten.")
    ] = None,
    sets: Sets = None,
    env_file: EnvFile = DOT_ENV,
    json: Json = False,
) -> None:
    """Stop the daemon: no new heads, the running cycle finishes. Exit code 5 where that takes longer than --timeout.

    With --flatten it first sells all, under the same limits, and goes on with that after a restart; `pause` and
    `resume` call it off. Exit code 1 where more than crumbs could not be sold: the reason stands beside each token.
    """
    from sentinel.daemon.operator.control import ask

    settings = common.load(sets, env_file)
    where = common.state_dir(settings)
    ask(where, "flatten" if flatten else "stop")
    seconds = timeout if timeout is not None else 900.0 if flatten else 60.0
    until = time.monotonic() + seconds
    told = 0
    while time.monotonic() < until:
        try:
            found = ask(where, "status", timeout=1.0)["status"]
        except TimeoutError:
            pass  # busy is not gone
        except NotRunning:
            break
        else:
            if flatten and found.get("flatten"):
                told = _progress(found["flatten"], told, json)
        time.sleep(0.3 if flatten else 0.05)
    else:
        what = "is still selling, and goes on: see `sentinel status`" if flatten else "has not stopped"
        raise TimeoutError(f"the daemon {what} within {seconds:g} s")
    if not flatten:
        common.emit({"state": "stopped"}, json, lambda: ["stopped"])
        return
    _, sold = _journaled(settings)
    assert sold is not None  # the daemon has taken the order
    _progress(sold, told, json)
    common.emit(sold, json, lambda: _sale_lines(sold))
    if sold["state"] != "done" or not sold["clean"]:
        raise typer.Exit(common.ERROR)


def _progress(selling: dict[str, Any], told: int, json: bool) -> int:
    """One line for each sale that ended since; how many there are now."""
    ended = [sale for sale in selling["sales"] if sale["ended"]]
    for sale in ended[told:]:
        line = f"{sale['state']:9}  sold {sale['sold']:,.6g} {sale['token']} for {sale['for']:,.2f} {selling['quote']}"
        typer.echo(line, err=json)
    return max(told, len(ended))


def _totals(sale: dict[str, Any]) -> str:
    """'2 WETH for 3,106.20 USDC'."""
    return ", ".join(
        f"{t['sold']:,.6g} {token} for {t['for']:,.2f} {sale['quote']}" for token, t in sale["sold"].items()
    )


def _sale_lines(sold: dict[str, Any]) -> Iterator[str]:
    yield f"sold      {_totals(sold) or 'nothing'}"
    for token, left in sold["left"].items():
        yield f"NOT SOLD  {left['amount']:,.6g} {token}: {left['why']}"
    match sold["state"]:
        case "done":
            yield "stopped; trading stays paused until `sentinel resume`"
        case "selling":
            yield "the daemon stopped before all was sold; its next start goes on, `sentinel resume` calls it off"
        case _:
            yield "the sale was called off"


def _journaled(settings: Any) -> tuple[str | None, dict[str, Any] | None]:
    """The latch and the last sale, as the journal has them."""
    from sentinel.daemon.flatten.report import report

    try:
        journal, network = common.open_journal(settings, read_only=True)
    except NotRunning:
        return None, None
    try:
        return journal.halt_reason, report(journal, network)
    finally:
        journal.close()
