"""`sentinel order`: say what is wanted, read it back, approve it, and see what became of it."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sentinel.cli import common
from sentinel.cli.common import DOT_ENV, EnvFile, Json, Sets
from sentinel.cli.order_judgement import AcceptJudgement, accepted
from sentinel.cli.order_presets import EXTRA, preset
from sentinel.core.errors import NotRunning, OperatorError

if TYPE_CHECKING:
    from sentinel.cli.order_words import ReadOrder
    from sentinel.config.settings import Settings
    from sentinel.orders.language.reading_parser import NotRead
    from sentinel.orders.typed.order import Order

app = typer.Typer(no_args_is_help=True, help="Say what is wanted, read it back and approve it.")
app.command(context_settings=EXTRA)(preset)
COMPLETED = "completed"  # OrderStatus
MOST = 1_000  # orders that are listed or searched
SHORT = 12  # digits of a hash that people are shown
APPROVED, NOT_APPROVED = "approved", "not approved: nothing has changed"


@app.command("set")
def set_order(
    text: Annotated[str, typer.Argument(help="The order; `-` reads it from standard input.")],
    yes: Annotated[bool, typer.Option("--yes", help="Approve it without a question.")] = False,
    accept_judgement: AcceptJudgement = False,
    sets: Sets = None,
    env_file: EnvFile = DOT_ENV,
    json: Json = False,
) -> None:
    """Read an order back, and approve it if you say so.

    A reading (docs/orders.md) needs no model. Other words are read by the student that is served: you see what its
    readings mean, and approve one by its number.
    A running daemon reads words by its own student; its cycles go on. It trades the approved order from its next
    block on, and a later start takes it up. The order replaces the one before it. Without a terminal and without
    --yes it is only read back. What the student alone would judge must be accepted beside it.
    """
    from sentinel.cli.order_reading import lines, read_back
    from sentinel.daemon.approved_order import require_own
    from sentinel.orders.language.reading import render
    from sentinel.orders.playing.envelope import order_hash
    from sentinel.orders.typed.order import Order

    settings = common.load(sets, env_file)
    given = sys.stdin.read() if text == "-" else text
    asks = _at_terminal() and text != "-" and not json
    order = _order(settings, given)
    if not isinstance(order, Order):
        chosen = _from_words(settings, given, order.why, yes=yes, asks=asks, json=json)
        if chosen is not None and not accepted(chosen.order, given=accept_judgement, asks=asks):
            chosen = None
        if chosen is not None:
            _approve(settings, render(chosen.order), order_hash(chosen.order), chosen.words)
        if not json:
            common.emit(None, False, lambda: [NOT_APPROVED if chosen is None else APPROVED])
        return
    require_own(settings, order_hash(order))
    facts = read_back(settings, order)
    if not json:
        common.emit(facts, False, lambda: lines(facts))
    approved = yes or (asks and typer.confirm("Approve this order?", default=False))
    approved = approved and accepted(order, given=accept_judgement, asks=asks)
    if approved:
        _approve(settings, facts["reading"], facts["hash"])
    said = APPROVED if approved else f"{NOT_APPROVED} (--yes approves it)"
    common.emit({**facts, "approved": approved}, json, lambda: [said])


@app.command()
def show(sets: Sets = None, env_file: EnvFile = DOT_ENV, json: Json = False) -> None:
    """Show the approved order, what it has done, and why it trades or holds now.

    If the daemon is not running, it says what a start with these settings would do instead.
    Exit code 3 if there is none, or if it is complete; then the last order is shown.
    """
    from sentinel.daemon.operator.order_report import order_of_next_start

    settings = common.load(sets, env_file)
    try:
        report = common.status_of_daemon(settings)
        common.refuse_tampered(report)
        order = report["order"]
    except NotRunning:
        journal, network = common.open_journal(settings, read_only=True)
        try:
            order = order_of_next_start(settings, network, journal)
        finally:
            journal.close()
    if order is None:
        raise NotRunning("no order is approved: `sentinel order set`")
    common.emit(order, json, lambda: _shown(order))
    if order["status"] == COMPLETED:
        raise typer.Exit(common.NOT_RUNNING)


@app.command()
def approve(
    digest: Annotated[str, typer.Argument(metavar="HASH", help="The hash that `order set` or `order history` shows.")],
    accept_judgement: AcceptJudgement = False,
    sets: Sets = None,
    env_file: EnvFile = DOT_ENV,
    json: Json = False,
) -> None:
    """Approve an earlier order again, by its hash or the beginning of it. Its times begin anew."""
    from sentinel.daemon.approved_order import require_own
    from sentinel.orders.typed.order import Order

    settings = common.load(sets, env_file)
    journal, _ = common.open_journal(settings, read_only=True)
    try:
        newest = [one for one in journal.orders.history(MOST) if one.hash.startswith(digest)]
        found = {one.hash: (one.reading, one.text) for one in reversed(newest)}
    finally:
        journal.close()
    if len(found) != 1:
        raise OperatorError(f"{len(found)} orders have a hash that begins with {digest}: see `sentinel order history`")
    ((whole, (reading, words)),) = found.items()
    require_own(settings, whole)
    order = _order(settings, reading)
    if not isinstance(order, Order) or not accepted(order, given=accept_judgement, asks=_at_terminal() and not json):
        raise OperatorError("nothing is approved")
    _approve(settings, reading, whole, words)
    common.emit({"approved": whole, "reading": reading}, json, lambda: ["approved:", *sentences(reading)])


@app.command()
def cancel(
    reason: Annotated[str, typer.Argument(help="The reason; it is journaled and shown.")] = "by the operator",
    sets: Sets = None,
    env_file: EnvFile = DOT_ENV,
    json: Json = False,
) -> None:
    """Cancel the approved order: nothing more is traded for it. An open intent is still followed."""
    from sentinel.daemon.approved_order import require_own
    from sentinel.daemon.operator.control import ask, clean_reason

    settings, shown = common.load(sets, env_file), clean_reason(reason)
    require_own(settings, None)
    try:
        ask(common.state_dir(settings), "cancel_order", reason=shown)
    except NotRunning:
        journal, _ = common.open_journal(settings, read_only=False)
        try:
            if (current := journal.orders.current()) is None:
                raise OperatorError("no order is approved") from None
            journal.orders.cancelled(current.hash, shown)
        finally:
            journal.close()
    common.emit({"cancelled": shown}, json, lambda: [f"the order is cancelled: {shown}"])


@app.command()
def entry(
    given: Annotated[str, typer.Argument(metavar="COIN=PRICE", help="Average cost in quote tokens, e.g. WETH=2000.")],
    coins: Annotated[float, typer.Option(min=0, help="Number of coins that it is the cost of; 0 corrects the last.")],
    sets: Sets = None,
    env_file: EnvFile = DOT_ENV,
    json: Json = False,
) -> None:
    """Say what coins cost that Sentinel did not buy. Orders that look at the entry price or the high need it."""
    from sentinel.cli.order_reading import number
    from sentinel.daemon.operator.control import ask

    settings = common.load(sets, env_file)
    coin, _, price = given.partition("=")
    fields: dict[str, Any] = {"coin": coin, "price": str(number(price)), "coins": repr(coins)}
    try:
        ask(common.state_dir(settings), "give_entry", **fields)
    except NotRunning:
        from sentinel.cli.order_reading import chain_time

        time = chain_time(settings)
        journal, _ = common.open_journal(settings, read_only=False)
        try:
            journal.positions.give_entry(coin, number(price), number(repr(coins)), time)
        finally:
            journal.close()
    common.emit(fields, json, lambda: [_entry_text(coin, price, coins)])


@app.command()
def history(sets: Sets = None, env_file: EnvFile = DOT_ENV, json: Json = False) -> None:
    """List the orders that were set, newest first, with the number of their trades and how they ended."""
    from sentinel.daemon.operator.order_report import order_report

    journal, _ = common.open_journal(common.load(sets, env_file), read_only=True)
    try:
        found = [order_report(journal, order) for order in journal.orders.history(MOST)]
    finally:
        journal.close()
    common.emit(found, json, lambda: (line for one in found for line in _history_lines(one)))


def _at_terminal() -> bool:
    return sys.stdin.isatty()


def _order(settings: Settings, text: str) -> Order | NotRead:
    """The order that a reading means. Raises SettingsError for one that this network lacks, and for other readings."""
    from sentinel.config.network_file import load_network
    from sentinel.daemon.approved_order import read_order
    from sentinel.orders.language.reading_parser import NotRead, parse

    network, line = load_network(settings.network), " ".join(text.split())
    found = parse(line, network.quote)
    return found if isinstance(found, NotRead) else read_order(line, network, where="")


def _from_words(settings: Settings, text: str, why: str, *, yes: bool, asks: bool, json: bool) -> ReadOrder | None:
    """The reading of the words that the operator approves, if any. `why`: what makes them no reading."""
    from sentinel.cli.order_words import approved_reading
    from sentinel.daemon.approved_order import require_own
    from sentinel.orders.playing.envelope import order_hash

    require_own(settings, settings.strategy.order_hash or None)
    found = approved_reading(settings, text, why, yes=yes, asks=asks, json=json)
    if found is not None:
        require_own(settings, order_hash(found.order))
    return found


def _approve(settings: Settings, reading: str, digest: str, words: str = "") -> None:
    """`words`: the operator's, that the reading was read from; empty if the order was given as its reading."""
    from sentinel.daemon.operator.control import ask

    try:
        fields: dict[str, Any] = {"reading": reading, "hash": digest, "words": words, "accept_judgement": True}
        ask(common.state_dir(settings), "approve_order", **fields)  # `accepted` was asked before
    except NotRunning:
        from sentinel.cli.order_reading import chain_time, prices_at
        from sentinel.daemon.approved_order import approve_by_command

        if not common.journal_path(settings).exists():
            raise NotRunning(
                "no daemon has run with this state directory yet: start it, or give it the order as "
                "SENTINEL_STRATEGY__ORDER"
            ) from None
        time = chain_time(settings)
        prices = prices_at(settings, time)
        journal, _ = common.open_journal(settings, read_only=False)
        try:
            approve_by_command(journal.orders, reading, digest, time, prices, words)
        finally:
            journal.close()


def _history_lines(one: dict[str, Any]) -> Iterator[str]:
    yield f"{one['hash'][:SHORT]}  {one['status']:9}  {one['trades']:3} trades  {one['reading']}"
    if one["words"] != one["reading"]:
        yield f"{'':{SHORT}}  {'words':9}  {one['words']}"


def _entry_text(coin: str, price: str, coins: float) -> str:
    return f"{coins:g} {coin} cost {price} each" if coins else f"the last entry of {coin} costs {price} each now"


def _shown(order: dict[str, Any]) -> list[str]:
    lines = [f"order   {order['hash'][:SHORT]}, {order['status']} by {order['by']}, {order['trades']} trades"]
    lines += [f"        {sentence}" for sentence in sentences(order["reading"])]
    if order["words"] != order["reading"]:
        lines.append(f"words   {order['words']}")
    lines += [f'judged  "{phrase}", by the student alone' for phrase in order["judgements"]]
    complete = "the order is complete" if order["status"] == COMPLETED else None
    return [*lines, f"now     {complete or order['now'] or 'the daemon is not running: ' + order['start']}"]


def sentences(reading: str) -> list[str]:
    """One line for each clause and limit."""
    return [one if one.endswith(".") else f"{one}." for one in reading.split(". ")]
