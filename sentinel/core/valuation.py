"""What amounts are worth in the quote token: the one place that values them. Pure.

A token has two prices. Its reference is independent of the pools and exact: policy, the builder and the journal decide
about money by it, in base units, as integers and fractions. Its mid price in the pools is a float: people, metrics and
the student see what is valued by it, in whole tokens, and nothing is decided by it. The native coin is worth its
wrapped token by either.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from math import floor

from sentinel.core import gas
from sentinel.core.amounts import to_whole
from sentinel.core.market_state import MarketState, Reference
from sentinel.core.network import NATIVE, Network, Symbol
from sentinel.core.simulation import Simulation
from sentinel.core.units import COIN, COIN_DECIMALS

References = Mapping[Symbol, Reference]
Prices = Mapping[Symbol, float]  # quote tokens per whole token

# ------------------------------------------------------------ exact, by reference


def unit_value(symbol: Symbol, references: References, network: Network) -> Fraction | None:
    """Base units of the quote token per base unit of `symbol`; None where there is no positive reference price."""
    name = network.wrapped if symbol == NATIVE else symbol
    if name == network.quote:
        return Fraction(1)
    token, quote, price = network.tokens.get(name), network.tokens.get(network.quote), references.get(name)
    if token is None or quote is None or price is None or price.answer <= 0:
        return None
    return Fraction(price.answer * 10**quote.decimals, 10 ** (price.decimals + token.decimals))


def rate(held: Symbol, wanted: Symbol, references: References, network: Network) -> Fraction | None:
    """Base units of `wanted` per base unit of `held`; None where a reference price is missing."""
    up, down = unit_value(held, references, network), unit_value(wanted, references, network)
    return None if up is None or down is None else up / down


def convert(amount: int, held: Symbol, wanted: Symbol, references: References, network: Network) -> int | None:
    """Base units of `held` in base units of `wanted`, rounded down; None where a reference price is missing."""
    exact = rate(held, wanted, references, network)
    return None if exact is None else floor(amount * exact)


def value(amounts: Mapping[Symbol, int], references: References, network: Network) -> int:
    """Of amounts that the wallet holds, gained or lost: base units of the quote token, each amount rounded down.

    A token without a price counts as nothing when it came in, which can only understate what was gained.
    """
    priced = ((amount, unit_value(symbol, references, network)) for symbol, amount in amounts.items())
    return sum(floor(amount * unit) for amount, unit in priced if unit is not None)


def reference_prices(state: MarketState) -> dict[Symbol, Reference]:
    """The price to mark each token at: its reference, else (a token without a feed) its pool mid price."""
    mid = {
        symbol: Reference(int(price * COIN), COIN_DECIMALS, state.head.timestamp)
        for symbol, price in state.prices.items()
        if price > 0
    }
    return mid | dict(state.reference)


def gain(simulation: Simulation, references: References, network: Network) -> int:
    """What a simulated transaction changes the wallet's value by, its cost in its own block taken off."""
    changes = dict(simulation.deltas)
    changes[NATIVE] = changes.get(NATIVE, 0) - gas.paid(simulation)
    return value(changes, references, network)


# ------------------------------------------------------------ for people, by mid price, in whole tokens


def decimals(symbol: Symbol, network: Network) -> int:
    return COIN_DECIMALS if symbol == NATIVE else network.tokens[symbol].decimals


def whole(amount: int, symbol: Symbol, network: Network) -> float:
    """Base units -> whole tokens."""
    return to_whole(amount, decimals(symbol, network))


def whole_quote(amount: int, network: Network) -> float:
    """Base units of the quote token, as `value` gives them -> whole tokens."""
    return whole(amount, network.quote, network)


def price(symbol: Symbol, prices: Prices, network: Network) -> float:
    """Quote tokens per whole token; 0.0 where there is no price."""
    if symbol == network.quote:
        return 1.0
    return prices.get(network.wrapped if symbol == NATIVE else symbol, 0.0)


def positions(balances: Mapping[Symbol, int], prices: Prices, network: Network) -> dict[Symbol, float]:
    """The value of each balance."""
    return {
        symbol: whole(amount, symbol, network) * price(symbol, prices, network) for symbol, amount in balances.items()
    }


def equity(balances: Mapping[Symbol, int], prices: Prices, network: Network) -> float:
    return sum(positions(balances, prices, network).values(), 0.0)


def state_equity(state: MarketState, network: Network) -> float:
    return equity(state.balances, state.prices, network)
