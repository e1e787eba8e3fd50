"""Performance from the equity series: profit and loss, flows, gas, drawdown, and the result of doing nothing. Pure.

Between two points, each change of a balance has one of two causes. It comes from our own transactions, known from their
receipts and from the balances around their blocks, or it is a flow: a deposit or a withdrawal, which is not a profit.
In base units of the quote token, all changes and flows add up exactly to the change of equity.
NOTE: a deposit in the same block as one of our trades counts as the trade's, because balances cannot tell them apart.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sentinel.core.network import Network, Symbol
from sentinel.core.transaction import EquityPoint
from sentinel.core.units import BPS
from sentinel.core.valuation import value


@dataclass(frozen=True, slots=True)
class OwnTransaction:
    """One mined transaction of ours."""

    block: int
    at: int  # Unix seconds of its settlement
    changes: Mapping[Symbol, int]  # base units; its gas is subtracted from the native coin
    trade: bool  # true for a confirmed swap; false for an approval, a cancel or a revert
    gas_cost: int  # wei
    gas_quote: int  # the same in base units of the quote token, at the prices of the decision
    pnl: int  # base units of the quote token at the prices of the decision, gas included


@dataclass(frozen=True, slots=True)
class EquityStep:
    """One point and the changes since the point before, in base units of the quote token at this point's prices."""

    at: int  # Unix seconds
    block: int
    equity: int
    hold: int  # value of the first point's balances and all flows since: the equity without any trade
    flows: Mapping[Symbol, int]  # base units of each token that were deposited (negative: withdrawn)
    flow: int  # value of `flows`
    change: int  # of equity without the flows: by prices and by trades
    drawdown_bps: int  # below the highest equity so far, without the flows


@dataclass(frozen=True, slots=True)
class PerformanceDay:
    """One UTC day, in base units of the quote token unless noted otherwise."""

    day: str  # such as 2026-11-25
    trades: int
    realised: int  # profit and loss of the day's transactions at their decisions' prices, gas included
    gas_cost: int  # wei
    gas_quote: int
    flow: int
    change: int
    equity: int | None  # at the day's last point; None before the first point
    hold: int | None
    drawdown_bps: int  # the largest of the day


def steps(points: Sequence[EquityPoint], own: Sequence[OwnTransaction], network: Network) -> tuple[EquityStep, ...]:
    """The steps of `points`, which must be ordered by block. The count begins at the first point."""
    result: list[EquityStep] = []
    held: dict[Symbol, int] = {}
    index = peak = 1.0
    for position, point in enumerate(points):
        equity = value(point.balances, point.prices, network)
        if position == 0:
            held, flows, flow, change = dict(point.balances), {}, 0, 0
        else:
            before = points[position - 1]
            flows = dict(_flows(before, point, own))
            for symbol, amount in flows.items():
                held[symbol] = held.get(symbol, 0) + amount
            flow = value(flows, point.prices, network)
            change = equity - result[-1].equity - flow
            if result[-1].equity > 0:
                index *= max(0.0, 1 + change / result[-1].equity)
        peak = max(peak, index)
        hold = value(held, point.prices, network)
        drawdown = round((1 - index / peak) * BPS)
        result.append(EquityStep(point.at, point.block, equity, hold, flows, flow, change, drawdown))
    return tuple(result)


def days(points: Sequence[EquityStep], own: Sequence[OwnTransaction]) -> tuple[PerformanceDay, ...]:
    """The days with a point or a transaction, oldest first."""
    result = []
    last: EquityStep | None = None
    for day in sorted({_day(step.at) for step in points} | {_day(transaction.at) for transaction in own}):
        day_steps = [step for step in points if _day(step.at) == day]
        mined = [transaction for transaction in own if _day(transaction.at) == day]
        last = day_steps[-1] if day_steps else last
        result.append(
            PerformanceDay(
                day=day,
                trades=sum(transaction.trade for transaction in mined),
                realised=sum(transaction.pnl for transaction in mined),
                gas_cost=sum(transaction.gas_cost for transaction in mined),
                gas_quote=sum(transaction.gas_quote for transaction in mined),
                flow=sum(step.flow for step in day_steps),
                change=sum(step.change for step in day_steps),
                equity=last.equity if last else None,
                hold=last.hold if last else None,
                drawdown_bps=max((step.drawdown_bps for step in day_steps), default=last.drawdown_bps if last else 0),
            )
        )
    return tuple(result)


def _flows(before: EquityPoint, after: EquityPoint, own: Sequence[OwnTransaction]) -> Iterator[tuple[Symbol, int]]:
    """The balance changes between two points that our own transactions do not explain, without zeros."""
    ours = [transaction.changes for transaction in own if before.block < transaction.block <= after.block]
    for symbol in sorted({*before.balances, *after.balances}):
        moved = after.balances.get(symbol, 0) - before.balances.get(symbol, 0)
        if unexplained := moved - sum(changes.get(symbol, 0) for changes in ours):
            yield symbol, unexplained


def _day(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).date().isoformat()
