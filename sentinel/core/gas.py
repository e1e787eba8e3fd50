"""What a transaction costs in the native coin, on every kind of chain: the one place that reckons it. Pure; wei.

A chain takes gas at a price, and a rollup takes a data fee beside it. The price is the base fee and a tip, at most the
fee cap; on a legacy network cap and tip are both the gas price, which makes it just that.
"""

from __future__ import annotations

from sentinel.core.market_state import DataFee, Head
from sentinel.core.network import FeeMarket, Network
from sentinel.core.simulation import SimEnv, Simulation
from sentinel.core.transaction import Fees

SMALL, LARGE = 128, 1 << 14  # bytes: where a data fee is sampled, and how much further the second time
MUCH = 10**6  # gas, likewise: the unit that an operator's scalar counts
ENVELOPE = 80  # bytes, at most, of an unsigned transaction but its data


def offered(network: Network, head: Head, priority_fee: int) -> Fees:
    """Of a first attempt. Twice the base fee leaves room for six full blocks; policy and executor hold the caps."""
    if network.fees is FeeMarket.LEGACY:
        return Fees(priority_fee, priority_fee)
    return Fees(2 * head.base_fee + priority_fee, priority_fee)


def price(env: SimEnv) -> int:
    """Wei per gas in this very block."""
    return min(env.max_fee, env.base_fee + env.priority_fee)


def next_price(head: Head, fees: Fees) -> int:
    """Wei per gas: the most that the block after `head` can charge."""
    return min(fees.max_fee, highest_base_fee(head) + fees.priority_fee)


def highest_base_fee(head: Head) -> int:
    """Of the block after `head`: it may rise by an eighth."""
    return head.base_fee + -(-head.base_fee // 8)


def cost(gas: int, per_gas: int, data_fee: int) -> int:
    """Of so much gas at this price, with what is taken for the bytes."""
    return gas * per_gas + data_fee


def paid(simulation: Simulation) -> int:
    """What the simulated transaction costs in the block that it ran in."""
    return cost(simulation.gas_used, price(simulation.env), simulation.data_fee)


def data_fee(fee: DataFee | None, data: int, gas: int) -> int:
    """The most for a transaction with so many bytes of calldata that uses so much gas.

    Between its two samples the chain's own bound for bytes is a line but for steps of one byte, so one is added.
    """
    if fee is None:
        return 0
    further = max(0, data + ENVELOPE + 1 - SMALL)
    return fee.least + -(-fee.more * further // LARGE) + fee.fixed + -(-fee.per_gas * gas // MUCH)
