"""The report of a backtest in JSON types: exact, and the same bytes for the same prices, orders, settings and seeds."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sentinel import __version__
from sentinel.core.network import Network
from sentinel.paper.backtest.measures import mean_interval, measures
from sentinel.paper.backtest.orders import NamedOrder
from sentinel.paper.backtest.played import Minute, Played
from sentinel.paper.backtest.replayed_market import AHEAD
from sentinel.paper.backtest.segments import Segment
from sentinel.prices.bars import PriceHistory

VERSION = 1
MODEL_OF_MARKET = (
    "Each minute is one block. A decision is made on the minute's close. Its transaction is mined in the next block, "
    "before the crowd moves the pools to the next close, or after it in a fifth of the blocks. Pools, "
    "fees, slippage and gas are those of real contracts whose depth is the local market's own: they are not the pools "
    "of the day that the prices are from. WBTC, the base fee and the openings between pools are drawn from the seed."
)


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that a backtest is asked to play."""

    prices: PriceHistory
    segments: tuple[Segment, ...]
    orders: tuple[NamedOrder, ...]
    seeds: tuple[int, ...]
    proposer: str
    settings: Mapping[str, str]  # those of the daemon that are no defaults


def report(plan: Plan, runs: Sequence[Played], network: Network) -> dict[str, Any]:
    """`runs` hold each order on each segment with each seed, in any order."""
    unit = 10 ** network.tokens[network.quote].decimals
    return {
        "version": VERSION,
        "sentinel": __version__,
        "quote": network.quote,
        "proposer": plan.proposer,
        "prices": _prices(plan),
        "seeds": list(plan.seeds),
        "settings": dict(plan.settings),
        "market": {"text": MODEL_OF_MARKET, "crowd_first": AHEAD},
        "orders": [_order(order, runs, unit) for order in plan.orders],
    }


def canonical(value: Mapping[str, Any]) -> str:
    """The bytes of a report, but for their encoding."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False) + "\n"


def timings(runs: Sequence[Played]) -> dict[str, Any]:
    """Where the time of each run went: the only part of a result that differs from time to time."""
    return {
        "runs": [
            {
                "order": run.name,
                "segment": run.segment,
                "seed": run.seed,
                "cycles": len(run.minutes),
                "cycles_per_second": round(len(run.minutes) / (run.timings["wall"] or 1e-9), 3),
                "cycles_per_cpu_second": round(len(run.minutes) / (run.timings["cpu"] or 1e-9), 3),
                "seconds": {stage: round(seconds, 6) for stage, seconds in sorted(run.timings.items())},
            }
            for run in runs
        ]
    }


def _prices(plan: Plan) -> dict[str, Any]:
    return {
        **plan.prices.source.as_json(),
        "segments": [
            {
                "from": one.start,
                "minutes": len(one.closes),
                "filled": one.filled,
                "known_before": len(one.before),
            }
            for one in plan.segments
        ],
    }


def _order(order: NamedOrder, runs: Sequence[Played], unit: int) -> dict[str, Any]:
    mine = sorted((run for run in runs if run.name == order.name), key=lambda run: (run.segment, run.seed))
    measured = [measures(run, unit) for run in mine]
    return {
        "name": order.name,
        "reading": order.reading,
        "hash": mine[0].order_hash,
        "over_all": {
            **{
                name: mean_interval([one[name] for one in measured])
                for name in ("return", "return_of_hold", "return_over_hold", "drawdown", "turnover", "exposure")
            },
            **{
                name: round(sum(one[name] for one in measured), 6) + 0.0
                for name in ("gain", "gain_of_hold", "gain_of_player", "over_hold", "over_player", "volume", "gas")
            },
            **{
                name: sum(one[name] for one in measured)
                for name in ("minutes", "trades", "sales", "wins", "wanted", "missed", "disagreed")
            },
        },
        "runs": [_run(run, one, unit) for run, one in zip(mine, measured, strict=True)],
    }


def _run(run: Played, measured: Mapping[str, Any], unit: int) -> dict[str, Any]:
    return {
        "segment": run.segment,
        "seed": run.seed,
        "wallet": dict(run.begin),
        "measures": measured,
        "missed": [asdict(one) for one in run.missed],
        "alarms": dict(run.alarms),
        "halted": run.halted,
        "trades": [
            {
                **asdict(trade),
                "value": trade.value / unit,
                "gas": trade.gas / unit,
                "profit": trade.profit / unit,
            }
            for trade in run.trades
        ],
        "series": _series(run.minutes, unit),
    }


def _series(minutes: Sequence[Minute], unit: int) -> dict[str, list[float]]:
    """One value a minute; times are Unix seconds, the others quote tokens."""
    return {
        "time": [one.time for one in minutes],
        "price": [one.price for one in minutes],
        "equity": [one.equity / unit for one in minutes],
        "hold": [one.hold / unit for one in minutes],
        "player": [one.player / unit for one in minutes],
    }
