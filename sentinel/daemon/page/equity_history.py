"""Equity against buy-and-hold and against cash, at the points of the equity series and at cycles between them.

Buy-and-hold keeps the first point's balances and all flows since; cash is the first point's equity and all flows, kept
in the quote token. A flow is a deposit or a withdrawal, see `sentinel.journal.performance`.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field

from sentinel.core.network import Network, Symbol
from sentinel.core.transaction import EquityPoint
from sentinel.core.valuation import value
from sentinel.daemon.page.journal_thread import Opened
from sentinel.journal.performance import OwnTransaction, steps


@dataclass(frozen=True, slots=True)
class Standing:
    """What is held by whom at one point."""

    point: EquityPoint
    equity: int  # base units of the quote token, as are the next two
    hold: int
    cash: int
    held: dict[Symbol, int]  # by buy-and-hold, base units


@dataclass(slots=True)
class EquityHistory:
    """Reads each recorded point once. For one thread."""

    network: Network
    _last: int = 0  # the record of the last point that was read
    _points: list[EquityPoint] = field(default_factory=list)
    _settlements: tuple[int, int] = (0, 0)
    _own: tuple[OwnTransaction, ...] = ()
    _recorded: list[Standing] = field(default_factory=list)

    def between(self, opened: Opened, since: float | None, finer: Sequence[EquityPoint]) -> list[Standing]:
        """At the recorded points since then (Unix seconds; None: all) and the one before, and at `finer` points."""
        self._read(opened)
        if not self._recorded:
            return []
        times = [standing.point.at for standing in self._recorded]
        start = 0 if since is None else max(0, bisect_right(times, since) - 1)
        first = self._recorded[start]
        later = {point.block: point for point in finer if point.block > first.point.block}
        later |= {standing.point.block: standing.point for standing in self._recorded[start + 1 :]}
        return self._continued(first, [later[block] for block in sorted(later)])

    def _read(self, opened: Opened) -> None:
        """Take in what was recorded since the last call."""
        added, settlements = opened.browsing.equity_points(self._last), opened.browsing.settlements()
        if not added and settlements == self._settlements:
            return
        self._points += [point for _, point in added]
        self._last = added[-1][0] if added else self._last
        self._settlements, self._own = settlements, opened.journal.equity.own()
        if self._points:
            origin = self._points[0]
            equity = value(origin.balances, origin.prices, self.network)
            first = Standing(origin, equity, equity, equity, dict(origin.balances))
            self._recorded = self._continued(first, self._points[1:])

    def _continued(self, first: Standing, later: Sequence[EquityPoint]) -> list[Standing]:
        own = [transaction for transaction in self._own if transaction.block > first.point.block]
        made = steps([first.point, *later], own, self.network)
        standings, held, cash = [first], dict(first.held), first.cash
        for step, point in zip(made[1:], later, strict=True):
            for symbol, amount in step.flows.items():
                held[symbol] = held.get(symbol, 0) + amount
            cash += step.flow
            hold = value(held, point.prices, self.network)
            standings.append(Standing(point, step.equity, hold, cash, dict(held)))
        return standings
