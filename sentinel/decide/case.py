"""One simulation as the rules of policy see it, and values at the reference prices, as exact fractions.

No value comes from a pool, because the price of a pool is one of the things that the rules judge.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from sentinel.config.limits import Limits
from sentinel.core import gas, valuation
from sentinel.core.actions import Approve, Route, Swap
from sentinel.core.age import Age
from sentinel.core.errors import Refused
from sentinel.core.market_state import Head, MarketState, V2State
from sentinel.core.network import COIN_LEGS, NATIVE, Network, Symbol
from sentinel.core.simulation import Simulation, TxRequest
from sentinel.core.spent import Spent
from sentinel.core.transaction import Fees
from sentinel.core.units import Q192
from sentinel.decide.calldata import ApproveCall, Malformed, RouterCall, decode_call
from sentinel.decide.operator_controls import Purpose
from sentinel.orders.playing.player import Play
from sentinel.orders.playing.spending import Spending

Finding = tuple[bool, str]  # whether the rule allows the case, and the reason in plain words


@dataclass(frozen=True, slots=True)
class Case:
    """`head` is the block for times and fees: the state's head while screening, the newest one in the final check."""

    network: Network
    limits: Limits
    state: MarketState
    head: Head
    spent: Spent
    simulation: Simulation
    purpose: Purpose | None = None  # None: nobody but the action itself says what it is for
    play: Play | None = None  # what the player of the approved order does on this state; None if there is no order
    order_tolerance_bps: int = 0  # how far an input may be from the player's
    order_cost_bps: int | None = None  # costs that the order accepts; None: the limit's
    order_max_trade: Decimal | None = None  # quote tokens of the order's largest trade; None: it has no such bound
    order_spending: Spending | None = None  # what allowances may be at most; None: there is no order

    @property
    def swap(self) -> Swap:
        action = self.simulation.candidate.action
        if not isinstance(action, Swap):
            raise Refused("action", "this is not a swap")
        return action

    @property
    def approval(self) -> Approve:
        action = self.simulation.candidate.action
        if not isinstance(action, Approve):
            raise Refused("action", "this is not an approval")
        return action

    @property
    def tx(self) -> TxRequest:
        if self.simulation.tx is None:
            raise Refused("action", "there is no transaction")
        return self.simulation.tx

    @property
    def router_call(self) -> RouterCall:
        call = decode_call(self.tx.data)
        if isinstance(call, RouterCall):
            return call
        raise Refused("calldata", call.reason if isinstance(call, Malformed) else "this is not a router call")

    @property
    def approve_call(self) -> ApproveCall:
        call = decode_call(self.tx.data)
        if isinstance(call, ApproveCall):
            return call
        raise Refused("calldata", call.reason if isinstance(call, Malformed) else "this is not an approval")


Rule = Callable[[Case], Finding]


def unit_value(case: Case, token: Symbol) -> Fraction:
    """Base units of the quote token per base unit of `token`. Raises Refused if it has no positive reference price."""
    unit = valuation.unit_value(token, case.state.reference, case.network)
    if unit is None:
        priced = case.network.wrapped if token == NATIVE else token
        raise Refused("reference", f"no positive reference price of {priced}")
    return unit


def value(case: Case, token: Symbol, amount: int) -> Fraction:
    """Value of `amount` base units of `token`, in base units of the quote token."""
    return amount * unit_value(case, token)


def value_in(case: Case) -> Fraction:
    """Value of the swap's input, in base units of the quote token."""
    return value(case, case.swap.token_in, case.swap.amount_in)


def has_no_price(case: Case, token: Symbol) -> str | None:
    """The reason why a token (not the quote) has no usable reference price at the head; None if it has one."""
    feed, answer = case.network.feeds.get(token), case.state.reference.get(token)
    if feed is None or answer is None:
        return f"no reference price of {token}"
    if answer.answer <= 0 or answer.decimals != feed.decimals:
        return f"the reference price of {token} is not a positive number of {feed.decimals} decimals"
    age = Age.at(case.head.timestamp, answer.updated_at)
    if age.ahead or not age.within(feed.max_age):
        return f"the reference price of {token} is {age.seconds:.0f} s old, at most {feed.max_age}"
    return None


def equity(case: Case) -> Fraction:
    """Value of all balances with a usable reference price, in base units of the quote token.

    A balance that is left out makes equity smaller, and so every bound on a share of equity stricter.
    """
    total = Fraction(0)
    for token, amount in case.state.balances.items():
        priced = case.network.wrapped if token == NATIVE else token
        if priced == case.network.quote or has_no_price(case, priced) is None:
            total += value(case, token, amount)
    return total


def cost_value(case: Case) -> Fraction:
    """Expected cost of the transaction in the block after `head`, in base units of the quote token."""
    simulation = case.simulation
    price = gas.next_price(case.head, Fees(simulation.env.max_fee, simulation.env.priority_fee))
    return value(case, NATIVE, gas.cost(simulation.gas_used, price, simulation.data_fee))


def max_cost_of(case: Case) -> int:
    """Cost of the transaction in wei if it uses all its gas at the maximum fee."""
    return gas.cost(case.tx.gas_limit, case.simulation.env.max_fee, case.simulation.data_fee)


def loss(case: Case) -> Fraction:
    """Loss at the reference prices, cost of the transaction included, in base units of the quote token.

    It is negative for a gain.
    """
    return cost_value(case) - sum(
        (value(case, token, delta) for token, delta in case.simulation.deltas.items() if delta), Fraction(0)
    )


def pool_mid(case: Case, name: str) -> Fraction:
    """Mid price of a pool: base units of token1 per base unit of token0."""
    state = case.state.pools[name]
    if isinstance(state, V2State):
        return Fraction(state.reserve1, state.reserve0)
    return Fraction(state.sqrt_price_x96**2, Q192)


def fee_pips(network: Network, route: Route) -> int:
    """What the pools of a route take together, in pips of its input."""
    return sum(network.pools[leg.pool].fee_pips for leg in route.legs if leg.venue not in COIN_LEGS)


def money(case: Case, amount: Fraction | int) -> str:
    """'1,250.00 USDC'."""
    quote, decimals = case.network.quote, valuation.decimals(case.network.quote, case.network)
    return f"{float(amount / 10**decimals):,.2f} {quote}"
