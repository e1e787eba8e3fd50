"""Presets: orders that are asked for often, written from a few parameters. Each gives a reading to be changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from sentinel.core.errors import OperatorError
from sentinel.core.network import Symbol
from sentinel.orders.language.reading import render
from sentinel.orders.language.reading_parser import NotRead, parse
from sentinel.orders.language.words import duration, each, number, percent


@dataclass(frozen=True, slots=True)
class Parameters:
    """Each preset takes some of them. Amounts are in quote tokens, shares are fractions, times are in seconds."""

    quote: Symbol
    coin: Symbol
    weights: Mapping[Symbol, Decimal] = field(default_factory=dict)  # of other coins than the quote token
    band: Decimal = Decimal("0.05")
    threshold: Decimal = Decimal("0.01")
    size: Decimal = Decimal(100)
    profit: Decimal = Decimal(2)
    over: int = 600  # the look back
    every: int = 3_600
    parts: int = 12
    amount: str = ""  # what is sliced: "6 WETH" or "500 USDC"
    side: str = "buy"

    def worth(self, amount: Decimal) -> str:
        return f"{number(amount)} {self.quote}"


def _rebalance(p: Parameters) -> str:
    weights = p.weights or {p.coin: Decimal("0.5")}
    rest = 1 - sum(weights.values(), Decimal(0))
    shares = [*weights.items(), *([(p.quote, rest)] if rest > 0 else [])]
    text = " and ".join(f"{percent(weight)} {coin}" for coin, weight in shares)
    return f"Rebalance to {text} when off by more than {percent(p.band)}."


def _dca(p: Parameters) -> str:
    return f"Buy {p.worth(p.size)} worth of {p.coin}, every {duration(p.every)}."


def _momentum(p: Parameters) -> str:
    change, size = f"the change of {p.coin} over {duration(p.over)}", f"{p.worth(p.size)} worth of {p.coin}"
    return (
        f"If {change} is at least {percent(p.threshold)}, buy {size}, each time this turns true. "
        f"If {change} is at most {percent(-p.threshold)}, sell {size}, each time this turns true."
    )


def _mean_reversion(p: Parameters) -> str:
    bar, size = 60, f"{p.worth(p.size)} worth of {p.coin}"
    mean = f"the mean of {max(2, p.over // bar)} {each(bar)} closes of {p.coin}"
    return (
        f"If the price of {p.coin} is at most {percent(1 - p.threshold)} of {mean}, "
        f"buy {size}, each time this turns true. "
        f"If the price of {p.coin} is at least {percent(1 + p.threshold)} of {mean}, "
        f"sell {size}, each time this turns true."
    )


def _reduce_risk(p: Parameters) -> str:
    bar, most = 60, p.weights.get(p.coin, Decimal("0.5"))
    high = f"the highest of {max(2, p.over // bar)} {each(bar)} closes of {p.coin}"
    return (
        f"If the weight of {p.coin} is above {percent(most + p.band)} or "
        f"the price of {p.coin} is at most {percent(1 - p.threshold)} of {high}, cut {p.coin} to {percent(most)}."
    )


def _slice(p: Parameters) -> str:
    amount = p.amount or p.worth(p.size)
    worth = f"{amount} worth of {p.coin}" if amount.endswith(f" {p.quote}") else amount
    return f"{p.side.capitalize()} {worth}, in {p.parts:,} parts over {duration(p.over)}."


def _arbitrage(p: Parameters) -> str:
    return f"Arbitrage {p.coin} with {p.worth(p.size)} for at least {p.worth(p.profit)}."


def _bracket(p: Parameters) -> str:
    entry = f"of the entry price of {p.coin}"
    return (
        f"If the price of {p.coin} is at most {percent(1 - p.band)} {entry}, sell all of {p.coin}. "
        f"If the price of {p.coin} is at least {percent(1 + p.threshold)} {entry}, sell all of {p.coin}."
    )


def _trailing_stop(p: Parameters) -> str:
    high = f"the high since entry of {p.coin}"
    return f"If the price of {p.coin} is at most {percent(1 - p.band)} of {high}, sell all of {p.coin}."


PRESETS: Mapping[str, Callable[[Parameters], str]] = {
    "rebalance": _rebalance,
    "dca": _dca,
    "momentum": _momentum,
    "mean-reversion": _mean_reversion,
    "reduce-risk": _reduce_risk,
    "slice": _slice,
    "arbitrage": _arbitrage,
    "bracket": _bracket,
    "trailing-stop": _trailing_stop,
}
WEIGHTED = ("rebalance", "reduce-risk")  # those that read `weights`


def preset(name: str, parameters: Parameters) -> str:
    """The reading of a preset. Raises OperatorError for an unknown name, or parameters that make no order."""
    if (write := PRESETS.get(name)) is None:
        raise OperatorError(f"there is no preset {name!r}: {', '.join(PRESETS)}")
    text = write(parameters)
    order = parse(text, parameters.quote)
    if isinstance(order, NotRead):
        raise OperatorError(f"these parameters make no order: {text!r}: {order.why}")
    return render(order)
