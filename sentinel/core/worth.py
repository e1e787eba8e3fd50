"""What amounts are worth in the quote token, at prices that are independent of the pools. Pure integers."""

from __future__ import annotations

from collections.abc import Mapping

from sentinel.core.market_state import MarketState, Reference
from sentinel.core.network import NATIVE, Network, Symbol
from sentinel.core.units import COIN, COIN_DECIMALS


def marks(state: MarketState) -> dict[Symbol, Reference]:
    """The price to mark each token at: its reference, else (a token without a feed) its pool mid price."""
    scale = COIN
    found = {
        symbol: Reference(int(price * scale), COIN_DECIMALS, state.head.timestamp)
        for symbol, price in state.prices.items()
        if price > 0
    }
    return found | dict(state.reference)


def worth(amounts: Mapping[Symbol, int], prices: Mapping[Symbol, Reference], network: Network) -> int:
    """Sum in base units of the quote token, rounded down; the native coin counts as its wrapped token.

    A token without a price counts as nothing when it came in, which can only understate what was gained.
    """
    quote = network.tokens.get(network.quote)
    total = 0
    for symbol, amount in amounts.items():
        name = network.wrapped if symbol == NATIVE else symbol
        if name == network.quote:
            total += amount
        elif quote is not None and (price := prices.get(name)) is not None and name in network.tokens:
            unit = 10 ** (price.decimals + network.tokens[name].decimals)
            total += amount * price.answer * 10**quote.decimals // unit
    return total
