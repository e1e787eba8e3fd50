"""What an order measures from, as it would be at its approval: a price of that moment, and entry prices."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from sentinel.core.network import Symbol
from sentinel.orders.playing.shown import money
from sentinel.orders.typed.expressions import Entry, High, PriceWhenSet, Profit, named
from sentinel.orders.typed.order import Order
from sentinel.orders.typed.parts import parts


def measures(order: Order, prices: Mapping[Symbol, Decimal], entries: Mapping[Symbol, Decimal]) -> list[str]:
    """One sentence for each value that the order takes from elsewhere than the market of the block.

    `prices` are the last recorded closes, `entries` what held coins cost on average, in quote tokens.
    """
    found: list[str] = []
    for part in parts((order.clauses, order.only_while)):
        match part:
            case PriceWhenSet(coin):
                found += [_when_set(symbol, prices.get(symbol), order.quote) for symbol in named(coin)]
            case Entry(coin) | High(coin) | Profit(coin):
                found += [_entry(symbol, entries.get(symbol), order.quote) for symbol in named(coin)]
    return list(dict.fromkeys(found))


def _when_set(coin: Symbol, price: Decimal | None, quote: Symbol) -> str:
    now = "is not known: no close is recorded yet" if price is None else f"would be {money(price)} {quote} now"
    return f"the price of {coin} when the order was set {now}"


def _entry(coin: Symbol, entry: Decimal | None, quote: Symbol) -> str:
    if entry is None:
        hint = f"`sentinel order entry {coin}=PRICE --coins N`"
        return f"the entry price of {coin} is not known until Sentinel buys it, or you give it: {hint}"
    return f"the entry price of {coin} is {money(entry)} {quote} now"
