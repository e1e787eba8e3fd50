"""What a trade costs in gas and bytes, and that in a token. Pure integers."""

from __future__ import annotations

from collections.abc import Sequence

from sentinel.core import gas
from sentinel.core.actions import Leg
from sentinel.core.market_state import MarketState
from sentinel.core.network import NATIVE, UNWRAP, WRAP, Network, Symbol
from sentinel.core.valuation import convert
from sentinel.dex.venues.registry import VENUES

# Gas units, rounded up from what the devnet's real contracts used; estimates for decisions, never a gas limit.
_BASE_GAS = 90_000  # transaction, router, Permit2 permit and transfer
LEG_GAS = max(venue.gas for venue in VENUES.values())  # of a leg in any pool
TRADE_GAS = _BASE_GAS + LEG_GAS  # of a trade of one leg anywhere
# Bytes of calldata, as `encode_swap` makes it with a permit.
_BASE_SIZE, LEG_SIZE = 612, 320
_OTHER_SIZE = {"uniswap_v4": 960, WRAP: 128, UNWRAP: 128}
TRADE_SIZE = _BASE_SIZE + LEG_SIZE
_COIN_GAS = {WRAP: 0, UNWRAP: 18_000}  # wrapping costs less than the permit that it takes the place of


def expected_gas(legs: Sequence[Leg]) -> int:
    """Gas units that a trade over these legs uses, its permit included."""
    return _BASE_GAS + sum(
        VENUES[leg.venue].gas if leg.venue in VENUES else _COIN_GAS.get(leg.venue, LEG_GAS) for leg in legs
    )


def expected_size(legs: Sequence[Leg]) -> int:
    """Bytes of calldata of a trade over these legs, its permit included."""
    return _BASE_SIZE + sum(_OTHER_SIZE.get(leg.venue, LEG_SIZE) for leg in legs)


def cost_in(network: Network, state: MarketState, units: int, size: int, token: Symbol) -> int | None:
    """What so many units of gas and bytes of calldata cost in the next block, in base units of `token`, rounded up.

    None where a reference price is missing.
    """
    price = gas.next_price(state.head, gas.offered(network, state.head, state.priority_fee))
    wei = gas.cost(units, price, gas.data_fee(state.data_fee, size, units))
    cost = convert(wei, NATIVE, token, state.reference, network)
    return None if cost is None else cost + 1


def leg_cost_in(network: Network, state: MarketState, token: Symbol) -> int:
    """What a trade costs more for one leg more, in base units of `token`; 0 where no reference prices it."""
    with_one = cost_in(network, state, TRADE_GAS, TRADE_SIZE, token) or 0
    with_two = cost_in(network, state, TRADE_GAS + LEG_GAS, TRADE_SIZE + LEG_SIZE, token) or 0
    return with_two - with_one
