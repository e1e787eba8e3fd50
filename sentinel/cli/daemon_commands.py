"""`run`, `status`, `pause`, `resume`, `reload`, `stop`: run the daemon, and operate it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sentinel.cli import common, order_option
from sentinel.cli.common import DOT_ENV, EnvFile, Json, Sets
from sentinel.core.age import Age
from sentinel.core.errors import NotRunning, SettingsError

if TYPE_CHECKING:
    from sentinel.config.settings import Settings


def run(
    network: Annotated[str | None, typer.Option(help="Name of a file in sentinel/config/networks/, or a path.")] = None,
    rpc_url: Annotated[str | None, typer.Option(help="JSON-RPC endpoint of the chain.")] = None,
    ws_url: Annotated[str | None, typer.Option(help="WebSocket endpoint of the chain.")] = None,
    proposer: Annotated[str | None, typer.Option(help="student, oracle, code or a URL: see SENTINEL_PROPOSER.")] = None,
    order: Annotated[str | None, typer.Option(help=order_option.HELP)] = None,
    live: Annotated[bool, typer.Option("--live", help="Send transactions. Without it nothing is sent.")] = False,
    blocks: Annotated[int | None, typer.Option(min=1, help="Stop after this many cycles.")] = None,
    sets: Sets = None,
    env_file: EnvFile = DOT_ENV,
) -> None:
    """Run the daemon in the foreground: a dry run unless --live or SENTINEL_EXECUTION__MODE says otherwise."""
    existed = env_file.is_file()

    def load() -> Settings:
        if existed and not env_file.is_file():  # the limits in it would silently fall back to the defaults
            raise SettingsError(f"{env_file} existed at the start and is gone now")
        return common.load(
            sets,
            env_file,
            network=network,
            proposer=proposer,
            rpc={"url": rpc_url, "ws_url": ws_url},
            strategy={"order": order},
            execution={"mode": "live" if live else None},
        )

    settings = load()
    if order is not None:
        order_option.accepted(order, settings.network, err=False)
    from sentinel.daemon.serve import serve

    raise typer.Exit(serve(settings, cycles=blocks, shadow=common.shadow(settings), reload=load))


def status(sets: Sets = None, env_file: EnvFile = DOT_ENV, json: Json = False) -> None:
    """Show what the daemon is doing. Exit code 3 if none is running, 4 if its journal is not as it was written."""
    settings = common.load(sets, env_file)
    try:
        report = common.status_of_daemon(settings)
    except NotRunning:
        halt_reason, sale = _journaled(settings)
        if json:
            common.emit({"state": "not running", "paused": halt_reason, "flatten": sale}, True, lambda: [])
            raise typer.Exit(common.NOT_RUNNING) from None
        message = "the daemon is not running" + (f"; trading is halted: {halt_reason}" if halt_reason else "")
        if sale is not None and sale["state"] == "selling":
            message += "; its next start continues to sell everything (`sentinel resume` cancels that)"
        raise NotRunning(message) from None
    common.emit(report, json, lambda: _status_lines(report))
    common.refuse_tampered(report)


def _status_lines(report: dict[str, Any]) -> list[str]:
    head, age = report.get("head") or {}, report.get("head_age_seconds")
    lines = [
        f"state        {report['state']}" + (f": {report['paused']}" if report.get("paused") else ""),
        f"network      {report['network']} (chain {report['chain_id']}), {report['mode']}",
        f"wallet       {report['wallet']}",
        f"proposer     {report['proposer']}",
        f"head         {head.get('number', '-')} ({'-' if age is None else Age(age)})",
        f"cycles       {report['cycles']}: {report['acts']} acts, {report['holds']} holds",
        f"transactions {', '.join(f'{n} {name}' for name, n in report['transactions'].items()) or 'none'}",
        f"open intent  {report['open_intent'] or 'none'}",
        f"equity       {report['equity']:.2f} {report['quote']}" if report["equity"] is not None else "equity       -",
        f"order        {_order_line(report.get('order'))}",
        f"page         {report.get('web') or '-'}",
    ]
    if report.get("prices"):
        lines.insert(2, f"prices       {report['prices']}")
    if report.get("flatten"):
        lines.insert(1, f"sold so far  {_totals(report['flatten']) or 'nothing'}")
    for endpoint in report.get("endpoints", []):
        for kind, requests in endpoint.get("rests", {}).items():
            lines.append(f"resting      {endpoint['name']} for {kind}: {requests}")
    return lines + [f"not ready    {c['name']}: {c['why']}" for c in report.get("checks", []) if not c["ok"]]


def _order_line(order: dict[str, Any] | None) -> str:
    """Its reading and what it does now, as far as one line holds."""
    return "none" if order is None else f"{order['reading'][:60]} ({order['now'] or order['status']})"


def pause(
    reason: Annotated[str, typer.Argument(help="The reason; it is journaled and shown.")] = "by the operator",
    sets: Sets = None,
    env_file: EnvFile = DOT_ENV,
    json: Json = False,
) -> None:
    """Halt trading across restarts, until `sentinel resume`. An open intent is still followed."""
    from sentinel.daemon.operator.control import ask, clean_reason

    settings = common.load(sets, env_file)
    shown = clean_reason(reason)
    try:
        ask(common.state_dir(settings), "pause", reason=shown)
    except NotRunning:
        journal, _ = common.open_journal(settings, read_only=False)
        try:
            journal.halt(shown, by="operator")
        finally:
            journal.close()
    common.emit({"paused": shown}, json, lambda: [f"trading is halted: {shown}"])


def resume(sets: Sets = None, env_file: EnvFile = DOT_ENV, json: Json = False) -> None:
    """Release a halt and cancel a flatten, so that the daemon trades again."""
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
    common.emit({"paused": None}, json, lambda: ["trading is no longer halted"])


def reload(sets: Sets = None, env_file: EnvFile = DOT_ENV, json: Json = False) -> None:
    """Reload the daemon's settings from its own files. All changes take effect with its next cycle, or none does.

    The environment of a running daemon cannot change, so a change must be made in the daemon's --env-file.
    """
    from sentinel.daemon.operator.control import ask

    changes = ask(common.state_dir(common.load(sets, env_file)), "reload")["changed"]
    lines = [f"{name}: {old} -> {new}" for name, (old, new) in changes.items()] or ["nothing has changed"]
    common.emit(changes, json, lambda: lines)


def stop(
    flatten: Annotated[bool, typer.Option("--flatten", help="First sell every token for the quote token.")] = False,
    timeout: Annotated[
        float | None, typer.Option("--timeout", min=0, max=86_400, help="Seconds to wait; 60, or 900 with --flatten.")
    ] = None,
    sets: Sets = None,
    env_file: EnvFile = DOT_ENV,
    json: Json = False,
) -> None:
    """Stop the daemon: it takes no new heads and finishes the running cycle. Exit code 5 if --timeout passes first.

    With --flatten the daemon first sells every token under the same limits, and continues after a restart; `pause` and
    `resume` cancel that. Exit code 1 if a token worth at least SENTINEL_LIMITS__MIN_TRADE is not sold;
    the reason is printed beside each token.
    """
    from sentinel.daemon.operator.control import ask

    settings = common.load(sets, env_file)
    folder = common.state_dir(settings)
    ask(folder, "flatten" if flatten else "stop")
    seconds = timeout if timeout is not None else 900.0 if flatten else 60.0
    deadline = time.monotonic() + seconds
    printed = 0
    while time.monotonic() < deadline:
        try:
            report = ask(folder, "status", timeout=1.0)["status"]
        except TimeoutError:
            pass  # the daemon is busy but has not ended
        except NotRunning:
            break
        else:
            if flatten and report.get("flatten"):
                printed = _progress(report["flatten"], printed, json)
        time.sleep(0.3 if flatten else 0.05)
    else:
        if flatten:
            raise TimeoutError(f"the daemon is still selling after {seconds:g} s and continues: see `sentinel status`")
        raise TimeoutError(f"the daemon has not stopped within {seconds:g} s")
    if not flatten:
        common.emit({"state": "stopped"}, json, lambda: ["stopped"])
        return
    _, sold = _journaled(settings)
    assert sold is not None  # the daemon journaled the request before it answered
    _progress(sold, printed, json)
    common.emit(sold, json, lambda: _sale_lines(sold))
    if sold["state"] != "done" or not sold["clean"]:
        raise typer.Exit(common.ERROR)


def _progress(selling: dict[str, Any], printed: int, json: bool) -> int:
    """Print each ended sale after the first `printed` ones. Returns how many are printed now."""
    ended = [sale for sale in selling["sales"] if sale["ended"]]
    for sale in ended[printed:]:
        line = f"{sale['state']:9}  sold {sale['sold']:,.6g} {sale['token']} for {sale['for']:,.2f} {selling['quote']}"
        typer.echo(line, err=json)
    return max(printed, len(ended))


def _totals(sale: dict[str, Any]) -> str:
    """The sums by token, such as '2 WETH for 3,106.20 USDC'."""
    return ", ".join(
        f"{t['sold']:,.6g} {token} for {t['for']:,.2f} {sale['quote']}" for token, t in sale["sold"].items()
    )


def _sale_lines(sold: dict[str, Any]) -> Iterator[str]:
    yield f"sold      {_totals(sold) or 'nothing'}"
    for token, left in sold["left"].items():
        yield f"NOT SOLD  {left['amount']:,.6g} {token}: {left['why']}"
    match sold["state"]:
        case "done":
            yield "stopped; trading stays halted until `sentinel resume`"
        case "selling":
            yield "the daemon stopped before all was sold; its next start continues, `sentinel resume` cancels that"
        case _:
            yield "the sale was cancelled"


def _journaled(settings: Any) -> tuple[str | None, dict[str, Any] | None]:
    """The reason of the halt and the last sale, from the journal; both None if there is no journal."""
    from sentinel.daemon.flatten.report import report

    try:
        journal, network = common.open_journal(settings, read_only=True)
    except NotRunning:
        return None, None
    try:
        return journal.halt_reason, report(journal, network)
    finally:
        journal.close()
