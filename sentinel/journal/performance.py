"""What the wallet's points in time say: profit and loss, flows, gas, drawdown, and doing nothing beside it. Pure.

Between two points every change of a balance is either our own transactions', known from their receipts and from the
balances around their blocks, or a flow: a deposit or a withdrawal, which is no profit. In base units of the quote token
the sum of all changes and flows is exactly what equity moved by.
NOTE: what somebody sends into the very block of a trade of ours counts as that trade's: balances do not tell which.
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
    changes: Mapping[Symbol, int]  # base units, its gas taken off the native coin
    trade: bool  # a confirmed swap; else an approval, a cancel, or what reverted
    gas_cost: int  # wei
    gas_quote: int  # the same in base units of the quote token, at the prices of the decision
    pnl: int  # base units of the quote token at the prices of the decision, gas included


@dataclass(frozen=True, slots=True)
class EquityStep:
    """One point, and what came about since the one before. Base units of the quote token, at this point's prices."""

    at: int  # Unix seconds
    block: int
    equity: int
    hold: int  # worth of the first point's balances and of all flows since: what doing nothing would have
    flows: Mapping[Symbol, int]  # base units of each token that came (negative: went) by no transaction of ours
    flow: int  # their worth
    change: int  # of equity, flows taken out: by prices and by trades
    drawdown_bps: int  # below the highest so far, flows taken out


@dataclass(frozen=True, slots=True)
class PerformanceDay:
    """One UTC day. Base units of the quote token where not said otherwise."""

    day: str  # 2026-11-25
    trades: int
    realised: int  # profit and loss of the day's transactions at their decisions' prices, gas included
    gas_cost: int  # wei
    gas_quote: int
    flow: int
    change: int
    equity: int | None  # at the day's last point; None before the first one
    hold: int | None
    drawdown_bps: int  # the deepest that was seen this day


def steps(points: Sequence[EquityPoint], own: Sequence[OwnTransaction], network: Network) -> tuple[EquityStep, ...]:
    """`points` by ascending block. The first one is where counting begins."""
    found: list[EquityStep] = []
    held: dict[Symbol, int] = {}
    index = peak = 1.0
    for place, point in enumerate(points):
        equity = value(point.balances, point.prices, network)
        if place == 0:
            held, flows, flow, change = dict(point.balances), {}, 0, 0
        else:
            before = points[place - 1]
            flows = dict(_flows(before, point, own))
            for symbol, amount in flows.items():
                held[symbol] = held.get(symbol, 0) + amount
            flow = value(flows, point.prices, network)
            change = equity - found[-1].equity - flow
            if found[-1].equity > 0:
                index *= max(0.0, 1 + change / found[-1].equity)
        peak = max(peak, index)
        hold = value(held, point.prices, network)
        fallen = round((1 - index / peak) * BPS)
        found.append(EquityStep(point.at, point.block, equity, hold, flows, flow, change, fallen))
    return tuple(found)


def days(points: Sequence[EquityStep], own: Sequence[OwnTransaction]) -> tuple[PerformanceDay, ...]:
    """Oldest first; a day without a point or a transaction is left out."""
    found = []
    last: EquityStep | None = None
    for day in sorted({_day(step.at) for step in points} | {_day(one.at) for one in own}):
        seen = [step for step in points if _day(step.at) == day]
        mined = [one for one in own if _day(one.at) == day]
        last = seen[-1] if seen else last
        found.append(
            PerformanceDay(
                day=day,
                trades=sum(one.trade for one in mined),
                realised=sum(one.pnl for one in mined),
                gas_cost=sum(one.gas_cost for one in mined),
                gas_quote=sum(one.gas_quote for one in mined),
                flow=sum(step.flow for step in seen),
                change=sum(step.change for step in seen),
                equity=last.equity if last else None,
                hold=last.hold if last else None,
                drawdown_bps=max((step.drawdown_bps for step in seen), default=last.drawdown_bps if last else 0),
            )
        )
    return tuple(found)


def _flows(before: EquityPoint, after: EquityPoint, own: Sequence[OwnTransaction]) -> Iterator[tuple[Symbol, int]]:
    """What no transaction of ours, mined after the one point and up to the other, explains; zeros left out."""
    ours = [one.changes for one in own if before.block < one.block <= after.block]
    for symbol in sorted({*before.balances, *after.balances}):
        moved = after.balances.get(symbol, 0) - before.balances.get(symbol, 0)
        if rest := moved - sum(changes.get(symbol, 0) for changes in ours):
            yield symbol, rest


def _day(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).date().isoformat()
