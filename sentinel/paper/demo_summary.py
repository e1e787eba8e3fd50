"""The summary of the demo: counts from the journal, values at the last block's prices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from rich.console import Console
from rich.table import Table

from sentinel.core import valuation
from sentinel.core.market_state import MarketState
from sentinel.core.network import Network, Symbol
from sentinel.journal.reports import JournalSummary as Journaled
from sentinel.market.local_market import LocalMarket


@dataclass(frozen=True, slots=True)
class DemoSummary:
    """Equities are in quote tokens, native coin included, at the last block's pool prices."""

    cycles: int
    acts: int
    holds: int
    confirmed: int
    reverted: int
    unknown: int  # open intents included
    sampled: int  # final actions asked for
    parsed: int  # of these, became typed actions
    simulated: int  # of these, ran without a revert
    shortfall_bps: float | None  # the largest by magnitude of the confirmed trades; positive if the trade realised less
    equity: float
    equity_hold: float  # equity if the wallet had done nothing
    prices: str  # that the market follows, as text
    price_source: Mapping[str, str | int]  # their name, and their SHA-256 or seed

    @property
    def good(self) -> bool:
        return self.confirmed >= 1 and self.unknown == 0


def summarise(
    journaled: Journaled, start: Mapping[Symbol, int], end: MarketState, network: Network, market: LocalMarket
) -> DemoSummary:
    """`start` holds the wallet's balances before the first block, in base units."""
    return DemoSummary(
        cycles=journaled.cycles,
        acts=journaled.acts,
        holds=journaled.holds,
        confirmed=journaled.confirmed,
        reverted=journaled.reverted,
        unknown=journaled.unknown + journaled.open_intents,
        sampled=journaled.sampled,
        parsed=journaled.parsed,
        simulated=journaled.simulated,
        shortfall_bps=None if journaled.shortfall_bps is None else round(journaled.shortfall_bps, 3),
        equity=round(valuation.equity(end.balances, end.prices, network), 2),
        equity_hold=round(valuation.equity(start, end.prices, network), 2),
        prices=market.source,
        price_source=market.price_source.as_json(),
    )


def as_json(summary: DemoSummary) -> dict[str, object]:
    return asdict(summary)


def show(summary: DemoSummary, network: Network) -> None:
    """Print the summary as a table on standard output."""
    table = Table(title="Summary", show_header=False, title_justify="left")
    rows = {
        "cycles": f"{summary.cycles}: {summary.acts} acts, {summary.holds} holds",
        "transactions": f"{summary.confirmed} confirmed, {summary.reverted} reverted, {summary.unknown} unknown",
        "candidates": f"{summary.sampled} sampled, {summary.parsed} parsed, {summary.simulated} simulated",
        "realised against simulated": "no confirmed trade"
        if summary.shortfall_bps is None
        else f"{0.0 - summary.shortfall_bps:+.3f} bps at most",
        "equity": f"{summary.equity:,.2f} {network.quote}, gas paid",
        "doing nothing": f"{summary.equity_hold:,.2f} {network.quote}  "
        f"(difference {summary.equity - summary.equity_hold:+,.2f})",
        "prices": summary.prices,
    }
    for name, text in rows.items():
        table.add_row(name, text)
    Console().print(table)
