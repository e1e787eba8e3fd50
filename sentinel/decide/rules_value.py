"""Rules on value at the reference prices: trade size, price, daily volume and loss, inventory per token."""

from __future__ import annotations

from fractions import Fraction
from math import floor

from sentinel.core.actions import Approve, Route
from sentinel.core.network import COIN_LEGS, NATIVE
from sentinel.core.units import BPS, PIPS
from sentinel.decide import case as reckon
from sentinel.decide.case import Case, Finding, Rule, money, unit_value, value, value_in


def reference(case: Case) -> Finding:
    """Every token that is valued has a listed feed with a positive answer, not too old at the head, of its decimals."""
    valued = {case.network.wrapped, *_tokens(case)} - {case.network.quote}
    wrong = [why for token in sorted(valued) if (why := reckon.has_no_price(case, token)) is not None]
    return not wrong, "; ".join(wrong) or "the reference prices are fresh and positive"


def pool_price(case: Case) -> Finding:
    """The mid price of each pool crossed is near the reference price (I18)."""
    tolerance = case.limits.reference_tolerance_bps
    widest = Fraction(0)
    for name in {leg.pool for route in case.swap.routes for leg in route.legs if leg.venue not in COIN_LEGS}:
        pool = case.network.pools[name]
        fair = unit_value(case, pool.token0) / unit_value(case, pool.token1)
        off = abs(reckon.pool_mid(case, name) - fair) / fair * BPS
        widest = max(widest, off)
    return widest <= tolerance, f"pool price {float(widest):.1f} bps off the reference, at most {tolerance}"


def trade_size(case: Case) -> Finding:
    size, least, most = value_in(case), case.limits.min_trade, case.limits.max_trade
    return least <= size <= most, f"puts in {money(case, size)}, between {money(case, least)} and {money(case, most)}"


def min_out_price(case: Case) -> Finding:
    """The least output is fair: within the slippage limit and the pools' fees; a closed cycle gives back its input."""
    swap = case.swap
    least = swap.amount_in if swap.is_cycle else _fair_out(case)
    return swap.min_out >= least, f"least output {swap.min_out}, by the reference at least {least}"


def realised(case: Case) -> Finding:
    """What really came out is at least the least output, and as fair as that has to be."""
    swap = case.swap
    gain = case.simulation.deltas.get(swap.token_out, 0)
    least = swap.min_out - swap.amount_in if swap.is_cycle else max(swap.min_out, _fair_out(case))
    return gain >= least, f"the wallet gains {gain} base units of {swap.token_out}, at least {least} wanted"


def cycle_profit(case: Case) -> Finding:
    if not case.swap.is_cycle:
        return True, "not a closed cycle"
    gain, least = -reckon.loss(case), case.limits.min_profit
    return gain >= least, f"gains {money(case, gain)} after gas, at least {money(case, least)}"


def daily_loss(case: Case) -> Finding:
    """Today's loss with what this would add."""
    total, most = case.spent.loss + max(Fraction(0), reckon.loss(case)), case.limits.daily_loss
    return total <= most, f"{money(case, total)} lost today with this, at most {money(case, most)}"


def daily_volume(case: Case) -> Finding:
    total, most = case.spent.volume + value_in(case), case.limits.daily_volume
    return total <= most, f"{money(case, total)} traded today with this, at most {money(case, most)}"


def inventory(case: Case) -> Finding:
    """The token that is bought stays within its share of equity; selling one that is above it is always allowed.

    The native coin and its wrapped token are one holding, under the wrapped token's cap.
    """
    bought, wrapped = case.swap.token_out, case.network.wrapped
    token, same = (wrapped, (wrapped, NATIVE)) if bought in (wrapped, NATIVE) else (bought, (bought,))
    cap = case.limits.inventory_bps.get(token)
    gain = sum(case.simulation.deltas.get(one, 0) for one in same)
    if cap is None or gain <= 0:
        return True, f"no more {token} than allowed"
    held = sum(case.state.balances.get(one, 0) for one in same)
    share = value(case, token, held + gain) * BPS / reckon.equity(case)
    return share <= cap, f"{token} would be {float(share) / 100:.2f} % of equity, at most {cap / 100:g} %"


def approval_bound(case: Case) -> Finding:
    """The ERC-20 allowance to Permit2 stays bounded (I14); taking it back to zero is always allowed."""
    if case.approval.amount == 0:
        return True, "takes the allowance back"
    size, most = value(case, case.approval.token, case.approval.amount), case.limits.max_approval
    return 0 < size <= most, f"allows {money(case, size)}, at most {money(case, most)}"


def _fair_out(case: Case) -> int:
    """Base units of token_out: the reference's output less the pools' fees and the slippage limit, rounded down."""
    swap = case.swap
    rate = unit_value(case, swap.token_in) / unit_value(case, swap.token_out)
    slippage = case.limits.max_slippage_bps * (PIPS // BPS)
    return floor(
        sum(route.amount_in * rate * (PIPS - slippage - _fee_pips(case, route)) / PIPS for route in swap.routes)
    )


def _fee_pips(case: Case, route: Route) -> int:
    return sum(case.network.pools[leg.pool].fee_pips for leg in route.legs if leg.venue not in COIN_LEGS)


def _tokens(case: Case) -> set[str]:
    action = case.simulation.candidate.action
    if isinstance(action, Approve):
        return {action.token}
    tokens = {token for route in case.swap.routes for leg in route.legs for token in (leg.token_in, leg.token_out)}
    return tokens - {NATIVE}  # it is valued as its wrapped token, which is always among those asked for


SWAP: tuple[Rule, ...] = (
    reference,
    daily_loss,
    pool_price,
    trade_size,
    min_out_price,
    realised,
    cycle_profit,
    daily_volume,
    inventory,
)
APPROVE: tuple[Rule, ...] = (reference, daily_loss, approval_bound)
