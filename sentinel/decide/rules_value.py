"""Rules on value at the reference prices: trade size, price, daily volume and loss, inventory per token."""

from __future__ import annotations

from fractions import Fraction
from math import floor

from sentinel.core.actions import Approve
from sentinel.core.network import COIN_LEGS, NATIVE
from sentinel.core.units import BPS, PIPS
from sentinel.decide.case import (
    Case,
    Finding,
    Rule,
    equity,
    fee_pips,
    has_no_price,
    loss,
    money,
    pool_mid,
    unit_value,
    value,
    value_in,
)


def reference(case: Case) -> Finding:
    """Every token to value has a listed feed whose answer is positive, fresh at the head, and of the right decimals."""
    valued = {case.network.wrapped, *_tokens(case)} - {case.network.quote}
    problems = [reason for token in sorted(valued) if (reason := has_no_price(case, token)) is not None]
    return not problems, "; ".join(problems) or "the reference prices are fresh and positive"


def pool_price(case: Case) -> Finding:
    """The mid price of each pool on the way is near the reference price (I18)."""
    tolerance = case.limits.reference_tolerance_bps
    widest = Fraction(0)
    for name in {leg.pool for route in case.swap.routes for leg in route.legs if leg.venue not in COIN_LEGS}:
        pool = case.network.pools[name]
        fair = unit_value(case, pool.token0) / unit_value(case, pool.token1)
        deviation = abs(pool_mid(case, name) - fair) / fair * BPS
        widest = max(widest, deviation)
    return widest <= tolerance, f"pool price {float(widest):.1f} bps off the reference, at most {tolerance}"


def trade_size(case: Case) -> Finding:
    """The value of the input is between the smallest and the largest trade."""
    size, low, high = value_in(case), case.limits.min_trade, case.limits.max_trade
    if not low <= size <= high:
        bound = f"below the minimum of {money(case, low)}" if size < low else f"over the maximum of {money(case, high)}"
        return False, f"puts in {money(case, size)}, {bound}"
    return True, f"puts in {money(case, size)}, between {money(case, low)} and {money(case, high)}"


def min_out_price(case: Case) -> Finding:
    """The minimum output is at most pool fees and slippage limit below the reference; for a closed cycle, its input."""
    swap = case.swap
    required = swap.amount_in if swap.is_cycle else _fair_out(case)
    return swap.min_out >= required, f"least output {swap.min_out}, by the reference at least {required}"


def realised(case: Case) -> Finding:
    """The simulated output is at least the minimum output, and within the same bound of the reference price."""
    swap = case.swap
    gain = case.simulation.deltas.get(swap.token_out, 0)
    required = swap.min_out - swap.amount_in if swap.is_cycle else max(swap.min_out, _fair_out(case))
    return gain >= required, f"the wallet gains {gain} base units of {swap.token_out}, at least {required} wanted"


def plausible_gain(case: Case) -> Finding:
    """The simulated output is not far above the reference: such a gain comes from no price, and may be gone at once."""
    swap, most = case.swap, case.limits.max_gain_bps
    gain = case.simulation.deltas.get(swap.token_out, 0)
    if swap.is_cycle:
        bound = swap.amount_in * most // BPS
    else:
        price = unit_value(case, swap.token_in) / unit_value(case, swap.token_out)
        bound = floor(swap.amount_in * price * (BPS + most) / BPS)
    return gain <= bound, f"the wallet gains {gain} base units of {swap.token_out}, more than {bound} is not plausible"


def cycle_profit(case: Case) -> Finding:
    """A closed cycle gains at least the minimum profit after gas."""
    if not case.swap.is_cycle:
        return True, "not a closed cycle"
    gain, required = -loss(case), case.limits.min_profit
    return gain >= required, f"gains {money(case, gain)} after gas, at least {money(case, required)}"


def daily_loss(case: Case) -> Finding:
    """Today's loss, with what this transaction would add, is within its limit."""
    total, limit = case.spent.loss + max(Fraction(0), loss(case)), case.limits.daily_loss
    return total <= limit, f"{money(case, total)} lost today with this, at most {money(case, limit)}"


def daily_volume(case: Case) -> Finding:
    """Today's volume, with the input of this trade, is within its limit."""
    total, limit = case.spent.volume + value_in(case), case.limits.daily_volume
    return total <= limit, f"{money(case, total)} traded today with this, at most {money(case, limit)}"


def inventory(case: Case) -> Finding:
    """The token that is bought stays within its share of equity. Selling a token above its share is always allowed.

    The native coin and its wrapped token count as one holding, under the wrapped token's cap.
    """
    bought, wrapped = case.swap.token_out, case.network.wrapped
    token, symbols = (wrapped, (wrapped, NATIVE)) if bought in (wrapped, NATIVE) else (bought, (bought,))
    cap = case.limits.inventory_bps.get(token)
    gain = sum(case.simulation.deltas.get(symbol, 0) for symbol in symbols)
    if cap is None or gain <= 0:
        return True, f"no more {token} than allowed"
    held = sum(case.state.balances.get(symbol, 0) for symbol in symbols)
    share = value(case, token, held + gain) * BPS / equity(case)
    return share <= cap, f"{token} would be {float(share) / 100:.2f} % of equity, at most {cap / 100:g} %"


def approval_bound(case: Case) -> Finding:
    """The ERC-20 allowance to Permit2 stays bounded (I14). Setting it to zero is always allowed."""
    if case.approval.amount == 0:
        return True, "takes the allowance back"
    size, limit = value(case, case.approval.token, case.approval.amount), case.limits.max_approval
    return 0 < size <= limit, f"allows {money(case, size)}, at most {money(case, limit)}"


def _fair_out(case: Case) -> int:
    """Output by the reference prices minus pool fees and slippage limit, in base units of token_out, rounded down."""
    swap = case.swap
    price = unit_value(case, swap.token_in) / unit_value(case, swap.token_out)
    slippage = case.limits.max_slippage_bps * (PIPS // BPS)
    return floor(
        sum(route.amount_in * price * (PIPS - slippage - fee_pips(case.network, route)) / PIPS for route in swap.routes)
    )


def _tokens(case: Case) -> set[str]:
    action = case.simulation.candidate.action
    if isinstance(action, Approve):
        return {action.token}
    tokens = {token for route in case.swap.routes for leg in route.legs for token in (leg.token_in, leg.token_out)}
    return tokens - {NATIVE}  # it is valued as its wrapped token, which `reference` always includes


SWAP: tuple[Rule, ...] = (
    reference,
    daily_loss,
    pool_price,
    trade_size,
    min_out_price,
    realised,
    plausible_gain,
    cycle_profit,
    daily_volume,
    inventory,
)
APPROVE: tuple[Rule, ...] = (reference, daily_loss, approval_bound)
