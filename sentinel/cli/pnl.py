"""`pnl`: profit and loss by UTC day from receipts and balances, with equity against buy-and-hold as text or picture."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sentinel.cli import common
from sentinel.cli.common import DOT_ENV, EnvFile, Json, Sets
from sentinel.core.errors import OperatorError
from sentinel.core.network import NATIVE
from sentinel.core.units import DAY
from sentinel.core.valuation import whole, whole_quote

if TYPE_CHECKING:
    from sentinel.core.network import Network
    from sentinel.journal.performance import EquityStep, PerformanceDay

MONEY = ("realised", "gas_quote", "flow", "change", "equity", "hold")  # fields in base units of the quote token


def pnl(
    svg: Annotated[
        Path | None,
        typer.Option("--svg", help="Draw equity against buy-and-hold to this file (needs the extra `plot`)."),
    ] = None,
    sets: Sets = None,
    env_file: EnvFile = DOT_ENV,
    json: Json = False,
) -> None:
    """List by UTC day: trades, realised profit and loss, gas, deposits and withdrawals, equity against buy-and-hold.

    A deposit or withdrawal (`flow`) is a change that no transaction of ours explains. It does not count as profit.
    After a dry run this is the paper wallet, which says so.
    """
    from sentinel.journal.performance import days, steps

    journal, network = common.open_journal(common.load(sets, env_file), read_only=True)
    try:
        paper = journal.paper.on
        source = journal.paper.equity if paper else journal.equity
        points, own = source.points(), source.own()
    finally:
        journal.close()
    series = steps(points, own, network)
    if svg is not None:
        try:
            svg.write_text(picture(series, network), encoding="utf-8")
        except OSError as error:
            raise OperatorError(f"--svg {svg}: {error.strerror}; name a file that can be written") from error
    unvalued = {day.day for day in days((), [item for item in own if item.gas_cost and not item.gas_quote])}
    rows = [_row(day, network) | ({"gas_quote": None} if day.day in unvalued else {}) for day in days(series, own)]
    common.emit(
        {"quote": network.quote, "paper": paper, "days": rows}, json, lambda: _lines(rows, network.quote, paper)
    )


def _row(day: PerformanceDay, network: Network) -> dict[str, Any]:
    """One day as JSON, with amounts in whole tokens."""
    row = asdict(day)
    row |= {name: None if row[name] is None else whole_quote(row[name], network) for name in MONEY}
    return row | {"gas_cost": whole(day.gas_cost, NATIVE, network)}


def _lines(rows: list[dict[str, Any]], quote: str, paper: bool) -> Iterator[str]:
    if paper:
        yield "PAPER: the balances of a dry run, changed by its simulated trades alone; nothing was sent"
    yield "day        trades   realised       gas       flow     change       equity         hold  drawdown"
    for row in rows:
        equity, hold = ("-" if row[name] is None else f"{row[name]:,.2f}" for name in ("equity", "hold"))
        gas = "-" if row["gas_quote"] is None else f"{row['gas_quote']:.2f}"  # schema 1 recorded no value of gas
        yield (
            f"{row['day']} {row['trades']:>6} {row['realised']:>+10.2f} {gas:>9} {row['flow']:>+10.2f} "
            f"{row['change']:>+10.2f} {equity:>12} {hold:>12}  {row['drawdown_bps'] / 100:.2f} %"
        )
    if not rows:
        yield "nothing has been recorded yet"
    else:
        yield f"in {quote}; change: of equity, flows taken out; hold: the first balances and all flows, untraded"


def picture(series: tuple[EquityStep, ...], network: Network) -> str:
    """An SVG of equity and of the value of buy-and-hold, over days since the first point."""
    from sentinel.observe import plot

    days = [(step.at - series[0].at) / DAY for step in series]
    drawn = plot.axes(f"Equity against buy-and-hold, {network.name}", "days", network.quote)
    hold, equity = ([whole_quote(getattr(step, name), network) for step in series] for name in ("hold", "equity"))
    drawn.plot(days, hold, "--", color=plot.HOLD, label="doing nothing, flows counted", gid="hold")
    drawn.plot(days, equity, color=plot.ACT, label="equity", gid="equity")
    drawn.yaxis.set_major_formatter("{x:,.6g}")
    return plot.svg(drawn)
