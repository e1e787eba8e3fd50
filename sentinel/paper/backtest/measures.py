"""What a run of minutes came to, in whole quote tokens and shares. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import sqrt
from typing import Any

from sentinel.core.units import BPS
from sentinel.paper.backtest.played import Minute, Played, PlayedTrade

# Two-sided 95 % quantiles of Student's t by degrees of freedom from 1; beyond, the normal distribution's.
T95 = (
    *(12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228),
    *(2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086),
    *(2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042),
)
Z95 = 1.96


def drawdown(values: Iterable[int]) -> float:
    """The largest fall below the highest value so far, as a share of that value."""
    peak, worst = 0, 0.0
    for value in values:
        peak = max(peak, value)
        worst = max(worst, 1 - value / peak if peak > 0 else 0.0)
    return worst


def mean_interval(values: Sequence[float]) -> dict[str, float | int | None]:
    """The mean, and its 95 % interval by Student's t; no interval for less than two values."""
    count = len(values)
    mean = sum(values) / count
    if count < 2:
        return {"mean": _share(mean), "low": None, "high": None, "runs": count}
    deviation = sqrt(sum((value - mean) ** 2 for value in values) / (count - 1))
    reach = (T95[count - 2] if count - 2 < len(T95) else Z95) * deviation / sqrt(count)
    return {"mean": _share(mean), "low": _share(mean - reach), "high": _share(mean + reach), "runs": count}


def measures(run: Played, quote_unit: int) -> dict[str, Any]:
    """The measures of one run, all net of gas, pool fees and slippage. `quote_unit`: base units of a quote token."""
    minutes, swaps = run.minutes, [trade for trade in run.trades if trade.kind == "swap"]
    confirmed = [trade for trade in swaps if trade.outcome == "confirmed"]
    begun, equity = minutes[0].equity, minutes[-1].equity
    volume, gas = sum(trade.value for trade in confirmed), sum(trade.gas for trade in run.trades)
    mean_equity = sum(one.equity for one in minutes) / len(minutes)
    gone = [trade.shortfall_bps for trade in confirmed if trade.shortfall_bps is not None]

    def money(amount: float) -> float:
        return round(amount / quote_unit, 6) + 0.0

    return {
        "minutes": len(minutes),
        "begin": money(begun),
        "equity": money(equity),
        "hold": money(minutes[-1].hold),
        "cash": money(begun),  # everything in quote tokens from the first minute on
        "player": money(minutes[-1].player),
        "gain": money(equity - begun),
        "gain_of_hold": money(minutes[-1].hold - begun),
        "gain_of_player": money(minutes[-1].player - begun),
        "over_hold": money(equity - minutes[-1].hold),
        "over_cash": money(equity - begun),
        "over_player": money(equity - minutes[-1].player),
        "return": _share(equity / begun - 1),
        "return_of_hold": _share(minutes[-1].hold / begun - 1),
        "return_over_hold": _share((equity - minutes[-1].hold) / begun),
        "drawdown": _share(drawdown(one.equity for one in minutes)),
        "drawdown_of_hold": _share(drawdown(one.hold for one in minutes)),
        "exposure": _share(sum(_exposed(one) for one in minutes) / len(minutes)),
        "trades": len(confirmed),
        "approvals": sum(trade.kind == "approve" and trade.outcome == "confirmed" for trade in run.trades),
        "not_confirmed": _counted(swaps),
        "volume": money(volume),
        "turnover": _share(volume / mean_equity) if mean_equity > 0 else 0.0,
        "gas": money(gas),
        "gas_bps_of_volume": round(gas * BPS / volume, 4) if volume else None,
        "sales": run.sales,
        "wins": run.wins,
        "win_rate": _share(run.wins / run.sales) if run.sales else None,
        "shortfall_bps_mean": round(sum(gone) / len(gone), 4) + 0.0 if gone else None,
        "shortfall_bps_worst": round(max(gone), 4) + 0.0 if gone else None,
        "wanted": run.wanted,
        "missed": sum(one.minutes for one in run.missed),
        "disagreed": run.disagreed,
    }


def _exposed(minute: Minute) -> float:
    """The share of equity that is not in quote tokens; the coin that pays for gas is part of it."""
    return 1 - minute.cash / minute.equity if minute.equity > 0 else 0.0


def _counted(swaps: Sequence[PlayedTrade]) -> dict[str, int]:
    outcomes = sorted({trade.outcome for trade in swaps} - {"confirmed"})
    return {outcome: sum(trade.outcome == outcome for trade in swaps) for outcome in outcomes}


def _share(value: float) -> float:
    return round(value, 8) + 0.0
