"""Rules on gas, fees and the native coin that pays for them."""

from __future__ import annotations

from sentinel.core.network import NATIVE
from sentinel.core.units import COIN, GWEI, TRANSFER_GAS
from sentinel.decide.case import Case, Finding, Rule, max_cost_of


def gas_limit(case: Case) -> Finding:
    used, limit, most = case.simulation.gas_used, case.tx.gas_limit, case.limits.max_gas
    return TRANSFER_GAS <= used <= limit <= most, f"{used} gas used, limit {limit}, at most {most}"


def fee_caps(case: Case) -> Finding:
    """Within the absolute caps, and enough for the head's base fee: the simulator does not check."""
    env, limits = case.simulation.env, case.limits
    fits = (
        0 <= env.priority_fee <= limits.max_priority_fee
        and env.priority_fee <= env.max_fee <= limits.max_fee
        and env.max_fee >= case.head.base_fee
    )
    caps = f"at most {limits.max_fee / GWEI:g} and {limits.max_priority_fee / GWEI:g}"
    return fits, f"fee {env.max_fee / GWEI:g} gwei, tip {env.priority_fee / GWEI:g}, {caps}"


def max_cost(case: Case) -> Finding:
    most = max_cost_of(case)
    return most <= case.limits.max_cost, f"may cost {most / COIN:g} {NATIVE}, at most {case.limits.max_cost / COIN:g}"


def gas_reserve(case: Case) -> Finding:
    """What remains if all the gas is used at the full fee, and the data paid for."""
    left = case.state.balances.get(NATIVE, 0) - max_cost_of(case) - case.tx.value
    reserve = case.limits.gas_reserve
    return left >= reserve, f"{left / COIN:g} {NATIVE} would remain, at least {reserve / COIN:g}"


EVERY: tuple[Rule, ...] = (gas_limit, fee_caps, max_cost, gas_reserve)
