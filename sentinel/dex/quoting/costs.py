"""Expected costs of a trade: gas, bytes of calldata, and both as an amount of a token. Pure integers."""

from __future__ import annotations

from collections.abc import Sequence

from sentinel.core import gas
from sentinel.core.actions import Leg
from sentinel.core.market_state import MarketState
from sentinel.core.network import NATIVE, UNWRAP, WRAP, Network, Symbol
from sentinel.core.valuation import convert
from sentinel.dex.venues.registry import VENUES

# Gas units, rounded up from measurements of real contracts on the devnet. Estimates for decisions, never gas limits.
_BASE_GAS = 90_000  # transaction, router, and Permit2's permit and transfer
LEG_GAS = max(venue.gas for venue in VENUES.values())  # upper estimate of one leg in any pool
_CHECK_GAS = 3_300  # the receipt check of a trade for a token; 2,551 to 3,225 measured
TRADE_GAS = _BASE_GAS + LEG_GAS + _CHECK_GAS  # upper estimate of a trade with one leg
# Bytes of calldata from `encode_swap`, with a permit.
_BASE_SIZE, LEG_SIZE, _CHECK_SIZE = 612, 320, 160
_OTHER_SIZE = {"uniswap_v4": 960, WRAP: 128, UNWRAP: 128}
TRADE_SIZE = _BASE_SIZE + LEG_SIZE + _CHECK_SIZE
_COIN_GAS = {WRAP: 0, UNWRAP: 18_000}  # wrapping costs less than the permit that it replaces


def expected_gas(legs: Sequence[Leg]) -> int:
    """Expected gas units of a trade over these legs, including its permit."""
    each = (VENUES[leg.venue].gas if leg.venue in VENUES else _COIN_GAS.get(leg.venue, LEG_GAS) for leg in legs)
    return _BASE_GAS + sum(each) + (_CHECK_GAS if _is_checked(legs) else 0)


def expected_size(legs: Sequence[Leg]) -> int:
    """Expected bytes of calldata of a trade over these legs, including its permit."""
    each = (_OTHER_SIZE.get(leg.venue, LEG_SIZE) for leg in legs)
    return _BASE_SIZE + sum(each) + (_CHECK_SIZE if _is_checked(legs) else 0)


def _is_checked(legs: Sequence[Leg]) -> bool:
    """Whether the trade ends with a receipt check: native coin needs none."""
    return bool(legs) and legs[-1].venue != UNWRAP


def cost_in(network: Network, state: MarketState, units: int, size: int, token: Symbol) -> int | None:
    """The cost of `units` of gas and `size` bytes of calldata in the next block, in base units of `token`, rounded up.

    None if a reference price is missing.
    """
    price = gas.next_price(state.head, gas.offered(network, state.head, state.priority_fee))
    wei = gas.cost(units, price, gas.data_fee(state.data_fee, size, units))
    cost = convert(wei, NATIVE, token, state.reference, network)
    return None if cost is None else cost + 1


def leg_cost_in(network: Network, state: MarketState, token: Symbol) -> int:
    """The extra cost of one more leg, in base units of `token`; 0 if a reference price is missing."""
    with_one = cost_in(network, state, TRADE_GAS, TRADE_SIZE, token) or 0
    with_two = cost_in(network, state, TRADE_GAS + LEG_GAS, TRADE_SIZE + LEG_SIZE, token) or 0
    return with_two - with_one
