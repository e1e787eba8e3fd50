"""The rule on what a trade costs: gas and pool fees, against the value that the trade puts in.

Costs are expected ones, at the reference prices. The price impact of a trade is not a cost here: the minimum output and
the slippage limit bound it.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from math import ceil, floor

from sentinel.core.actions import Route
from sentinel.core.errors import Refused
from sentinel.core.market_state import PoolState, V4State
from sentinel.core.network import COIN_LEGS, Network, PoolName, Symbol
from sentinel.core.units import BPS, PIPS
from sentinel.decide.case import Case, Finding, Rule, cost_value, money, value, value_in
from sentinel.decide.operator_controls import Purpose, purpose_of

SETTING = "SENTINEL_LIMITS__MAX_COST_BPS"
_DYNAMIC = "uniswap_v4"  # the venue whose pools say in their state what they take


def trade_cost(case: Case) -> Finding:
    """Gas and pool fees are at most a share of the trade's value. Exempt are closed cycles, which must gain after gas
    anyway, the sales of `stop --flatten`, and exits unless the settings say otherwise."""
    if case.swap.is_cycle:
        return True, "a closed cycle, which must gain after gas"
    size = value_in(case)
    if size <= 0:
        return False, f"the trade puts in nothing, and its gas costs {money(case, cost_value(case))}"
    gas, fees = cost_value(case), pool_fees(case)
    accepted = case.order_cost_bps
    most, named = (case.limits.max_cost_bps, SETTING) if accepted is None else (accepted, "the order's own limit")
    exact = (gas + fees) / size * BPS
    over = exact > most
    shown = ceil(exact) if over else floor(exact)  # rounded away from the limit, so that the text agrees with itself
    costs = f"gas {_amount(case, gas)} and pool fees {money(case, fees)} are {shown:,} bps of {money(case, size)}"
    if over and is_exempt(case):
        return True, f"{costs}: over {most:,} bps, but a sale is exempt"
    return not over, f"{costs}: {'over' if over else 'at most'} {most:,} bps ({named})"


def is_exempt(case: Case) -> bool:
    """Whether the trade is a sale that may cost more than the limit.

    Only a sale into the quote token that gains nothing else can be exempt, whatever its purpose. The operator's
    `stop --flatten` always is; an exit, and a sale of unknown purpose, if the settings exempt exits.
    """
    quote = case.network.quote
    gained = {token for token, change in case.simulation.deltas.items() if change > 0}
    if purpose_of(case.swap, quote) is not Purpose.SALE or not gained <= {quote}:
        return False
    if case.purpose is Purpose.SALE:
        return True
    return case.purpose in (None, Purpose.EXIT) and case.limits.exits_exempt


def pool_fees(case: Case) -> Fraction:
    """What the pools of all routes take, in base units of the quote token.

    Each pool takes its fee from what the pools before it left. Price impact along the way is left out.
    """
    return sum((_route_fees(case, route) for route in case.swap.routes), Fraction(0))


def fee_pips(network: Network, states: Mapping[PoolName, PoolState], name: PoolName, token_in: Symbol) -> int:
    """What the pool takes of `token_in`, in pips. Raises Refused if it is unknown."""
    pool, state = network.pools.get(name), states.get(name)
    if pool is None:
        raise Refused("trade_cost", f"the fee of {name} is unknown: it is not listed")
    fee = pool.fee_pips
    if pool.venue == _DYNAMIC:
        if not isinstance(state, V4State):
            raise Refused("trade_cost", f"the fee of {name} is unknown: its state was not read")
        fee = state.fee_down if token_in == pool.token0 else state.fee_up
    if not 0 <= fee < PIPS:
        raise Refused("trade_cost", f"the fee of {name} is {fee} pips, not below the whole input")
    return fee


def smallest_trade(gas: int, pool_pips: int, max_cost_bps: int) -> Fraction | None:
    """The smallest trade that `trade_cost` lets through, in the unit of `gas`, its expected gas cost. `pool_pips`
    is the pool's fee. None if that fee alone reaches the limit."""
    room = max_cost_bps * (PIPS // BPS) - pool_pips
    return Fraction(gas * PIPS, room) if room > 0 else None


def _route_fees(case: Case, route: Route) -> Fraction:
    kept = Fraction(1)
    for leg in route.legs:
        if leg.venue not in COIN_LEGS:
            kept *= 1 - Fraction(fee_pips(case.network, case.state.pools, leg.pool, leg.token_in), PIPS)
    return value(case, route.legs[0].token_in, route.amount_in) * (1 - kept)


def _amount(case: Case, amount: Fraction) -> str:
    """The amount of the quote token without its name."""
    return money(case, amount).partition(" ")[0]


SWAP: tuple[Rule, ...] = (trade_cost,)  # an approval has no value: the caps on gas and on the day's loss bound it
