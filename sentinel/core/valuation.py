"""Value of amounts in the quote token. Pure; the only place that computes it.

A token has two prices. The reference price is independent of the pools and exact. Policy, the builder and the journal
use it for decisions, in base units, as integers and fractions. The mid price of the pools is a float. It is only for
display to people, metrics and the student, in whole tokens. The native coin has the price of its wrapped token.
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
    """Base units of the quote token per base unit of `symbol`; None if it has no positive reference price."""
    name = network.wrapped if symbol == NATIVE else symbol
    if name == network.quote:
        return Fraction(1)
    token, quote, price = network.tokens.get(name), network.tokens.get(network.quote), references.get(name)
    if token is None or quote is None or price is None or price.answer <= 0:
        return None
    return Fraction(price.answer * 10**quote.decimals, 10 ** (price.decimals + token.decimals))


def rate(held: Symbol, wanted: Symbol, references: References, network: Network) -> Fraction | None:
    """Base units of `wanted` per base unit of `held`; None if a reference price is missing."""
    up, down = unit_value(held, references, network), unit_value(wanted, references, network)
    return None if up is None or down is None else up / down


def convert(amount: int, held: Symbol, wanted: Symbol, references: References, network: Network) -> int | None:
    """Convert base units of `held` to base units of `wanted`, rounded down; None if a reference price is missing."""
    exact = rate(held, wanted, references, network)
    return None if exact is None else floor(amount * exact)


def value(amounts: Mapping[Symbol, int], references: References, network: Network) -> int:
    """Value of balances or of balance changes, in base units of the quote token, each amount rounded down.

    A token without a price counts as 0, which can only understate a gain.
    """
    priced = ((amount, unit_value(symbol, references, network)) for symbol, amount in amounts.items())
    return sum(floor(amount * unit) for amount, unit in priced if unit is not None)


def reference_prices(state: MarketState) -> dict[Symbol, Reference]:
    """The price of each token for mark to market: its reference, else the mid price if the token has no feed."""
    return marks(state.prices, state.reference, state.head.timestamp)


def marks(mid: Prices, references: References, at: int) -> dict[Symbol, Reference]:
    """As `reference_prices`, from mid prices of a block with timestamp `at`."""
    own = {symbol: Reference(int(price * COIN), COIN_DECIMALS, at) for symbol, price in mid.items() if price > 0}
    return own | dict(references)


def gain(simulation: Simulation, references: References, network: Network) -> int:
    """Change of the wallet's value by a simulation, after its cost, in base units of the quote token."""
    changes = dict(simulation.deltas)
    changes[NATIVE] = changes.get(NATIVE, 0) - gas.paid(simulation)
    return value(changes, references, network)


# ------------------------------------------------------------ for people, by mid price, in whole tokens


def decimals(symbol: Symbol, network: Network) -> int:
    return COIN_DECIMALS if symbol == NATIVE else network.tokens[symbol].decimals


def whole(amount: int, symbol: Symbol, network: Network) -> float:
    """Convert base units to whole tokens."""
    return to_whole(amount, decimals(symbol, network))


def whole_quote(amount: int, network: Network) -> float:
    """Convert base units of the quote token, as `value` returns them, to whole tokens."""
    return whole(amount, network.quote, network)


def price(symbol: Symbol, prices: Prices, network: Network) -> float:
    """Quote tokens per whole token; 0.0 if it has no price."""
    if symbol == network.quote:
        return 1.0
    return prices.get(network.wrapped if symbol == NATIVE else symbol, 0.0)


def positions(balances: Mapping[Symbol, int], prices: Prices, network: Network) -> dict[Symbol, float]:
    """Value of each balance, in whole quote tokens."""
    return {
        symbol: whole(amount, symbol, network) * price(symbol, prices, network) for symbol, amount in balances.items()
    }


def equity(balances: Mapping[Symbol, int], prices: Prices, network: Network) -> float:
    return sum(positions(balances, prices, network).values(), 0.0)


def state_equity(state: MarketState, network: Network) -> float:
    return equity(state.balances, state.prices, network)
