"""How much of each limit is used: by today's trades, by what is held, and by the chain's fees. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sentinel.config.limits import Limits
from sentinel.core import valuation
from sentinel.core.network import NATIVE, Network
from sentinel.core.spent import Spent
from sentinel.core.transaction import EquityPoint
from sentinel.core.units import BPS, COIN_DECIMALS, GWEI
from sentinel.decide.shortfall import mean_shortfall
from sentinel.observe.web.shown import LimitLine


@dataclass(frozen=True, slots=True)
class Used:
    """What counts against the limits now."""

    spent: Spent  # of the UTC day
    largest_trade: int  # of the UTC day, base units of the quote token
    shortfalls: Sequence[float]  # bps, newest first
    point: EquityPoint | None  # the newest balances
    base_fee: int | None  # of the newest head, wei per gas


def limit_lines(used: Used, limits: Limits, network: Network) -> tuple[LimitLine, ...]:
    return (*_day(used, limits, network), *_held(used, limits, network), *_rest(used, limits))


def _day(used: Used, limits: Limits, network: Network) -> Iterator[LimitLine]:
    for name, setting, amount, most in (
        ("Loss today", "MAX_DAILY_LOSS", used.spent.loss, limits.daily_loss),
        ("Volume today", "MAX_DAILY_VOLUME", used.spent.volume, limits.daily_volume),
        ("Largest trade today", "MAX_TRADE", used.largest_trade, limits.max_trade),
    ):
        taken, bound = (valuation.whole_quote(value, network) for value in (amount, most))
        yield LimitLine(name, setting, taken, bound, f"{taken:,.2f} of {bound:,.2f} {network.quote}")


def _held(used: Used, limits: Limits, network: Network) -> Iterator[LimitLine]:
    point = used.point
    if point is None:
        return
    equity = valuation.value(point.balances, point.prices, network)
    for symbol, bound in limits.inventory_bps.items():
        held = valuation.value({symbol: point.balances.get(symbol, 0)}, point.prices, network)
        share = held * BPS / equity if equity else 0.0
        text = f"{share / 100:.1f} of {bound / 100:g} % of equity"
        yield LimitLine(f"Share of {symbol}", "MAX_INVENTORY_BPS", share, bound, text)
    reserve, coin = limits.gas_reserve / 10**COIN_DECIMALS, point.balances.get(NATIVE, 0) / 10**COIN_DECIMALS
    text = f"{coin:,.4f} {NATIVE}, at least {reserve:g}"
    yield LimitLine("Gas reserve", "MIN_GAS_RESERVE_ETH", coin, reserve, text, reverse=True)


def _rest(used: Used, limits: Limits) -> Iterator[LimitLine]:
    mean, worst = mean_shortfall(used.shortfalls), max(used.shortfalls, default=0.0)
    for name, setting, bps, most in (
        (
            f"Mean shortfall of {limits.shortfall_trades} trades",
            "MAX_MEAN_SHORTFALL_BPS",
            mean,
            limits.max_mean_shortfall_bps,
        ),
        ("Worst shortfall of these", "MAX_SHORTFALL_BPS", worst, limits.max_shortfall_bps),
    ):
        yield LimitLine(name, setting, max(0.0, bps), most, f"{bps:.2f} of {most:g} bps")
    if used.base_fee is not None:
        fee, cap = used.base_fee / GWEI, limits.max_fee / GWEI
        yield LimitLine("Base fee", "MAX_FEE_GWEI", fee, cap, f"{fee:,.2f} of {cap:g} gwei")
