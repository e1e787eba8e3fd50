"""Rules on gas, fees and the native coin that pays for them."""

from __future__ import annotations

from sentinel.core.network import NATIVE
from sentinel.core.units import COIN, GWEI, TRANSFER_GAS
from sentinel.decide.case import Case, Finding, Rule, max_cost_of


def gas_limit(case: Case) -> Finding:
    """The gas limit covers the gas used in simulation, and is within its own limit."""
    used, limit, max_gas = case.simulation.gas_used, case.tx.gas_limit, case.limits.max_gas
    if limit > max_gas:
        return False, f"gas limit {limit} is over {max_gas}"
    if used > limit:
        return False, f"{used} gas used is over the gas limit {limit}"
    return used >= TRANSFER_GAS, f"{used} gas used, at least {TRANSFER_GAS}, gas limit {limit}, at most {max_gas}"


def fee_caps(case: Case) -> Finding:
    """Both fees are within the absolute caps and cover the head's base fee, which the simulator does not check."""
    env, limits = case.simulation.env, case.limits
    max_fee, tip = f"max fee {env.max_fee / GWEI:g} gwei", f"priority fee {env.priority_fee / GWEI:g} gwei"
    if env.max_fee > limits.max_fee:
        return False, f"{max_fee} is over {limits.max_fee / GWEI:g}"
    if env.priority_fee > limits.max_priority_fee:
        return False, f"{tip} is over {limits.max_priority_fee / GWEI:g}"
    if env.max_fee < case.head.base_fee:
        return False, f"{max_fee} is below the base fee {case.head.base_fee / GWEI:g} gwei"
    fits = 0 <= env.priority_fee <= env.max_fee
    return fits, f"{max_fee}, {tip}, at most {limits.max_fee / GWEI:g} and {limits.max_priority_fee / GWEI:g}"


def max_cost(case: Case) -> Finding:
    """The largest possible cost of the transaction is within its limit."""
    cost = max_cost_of(case)
    return cost <= case.limits.max_cost, f"may cost {cost / COIN:g} {NATIVE}, at most {case.limits.max_cost / COIN:g}"


def gas_reserve(case: Case) -> Finding:
    """The gas reserve remains after the largest possible cost of the transaction."""
    remaining = case.state.balances.get(NATIVE, 0) - max_cost_of(case) - case.tx.value
    reserve = case.limits.gas_reserve
    return remaining >= reserve, f"{remaining / COIN:g} {NATIVE} would remain, at least {reserve / COIN:g}"


EVERY: tuple[Rule, ...] = (gas_limit, fee_caps, max_cost, gas_reserve)
