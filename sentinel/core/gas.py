"""Cost of a transaction in the native coin, in wei, on every kind of chain. Pure; the only place that computes it.

A chain charges a price per gas, and a rollup adds a data fee. The price is the base fee plus the priority fee, at most
the maximum fee. On a legacy network, the maximum fee and the priority fee both equal the gas price.
"""

from __future__ import annotations

from sentinel.core.market_state import DataFee, Head
from sentinel.core.network import FeeMarket, Network
from sentinel.core.simulation import SimEnv, Simulation
from sentinel.core.transaction import Fees

SMALL, LARGE = 128, 1 << 14  # bytes: the first data-fee sample, and the distance to the second
MUCH = 10**6  # gas units per step of the rollup operator's scalar
ENVELOPE = 80  # upper bound of the bytes of an unsigned transaction without its calldata


def offered(network: Network, head: Head, priority_fee: int) -> Fees:
    """Fees of a first attempt. Twice the base fee covers six full blocks; policy and executor enforce the caps."""
    if network.fees is FeeMarket.LEGACY:
        return Fees(priority_fee, priority_fee)
    return Fees(2 * head.base_fee + priority_fee, priority_fee)


def price(env: SimEnv) -> int:
    """Wei per gas in the block of `env`."""
    return min(env.max_fee, env.base_fee + env.priority_fee)


def next_price(head: Head, fees: Fees) -> int:
    """Upper bound of the price in the block after `head`, in wei per gas."""
    return min(fees.max_fee, highest_base_fee(head) + fees.priority_fee)


def highest_base_fee(head: Head) -> int:
    """Upper bound of the base fee in the block after `head`, in wei per gas: it may rise by an eighth."""
    return head.base_fee + -(-head.base_fee // 8)


def cost(gas: int, per_gas: int, data_fee: int) -> int:
    """Wei for `gas` units at `per_gas` wei, plus the data fee in wei."""
    return gas * per_gas + data_fee


def paid(simulation: Simulation) -> int:
    """Cost of the simulated transaction in the block that it ran in, in wei."""
    return cost(simulation.gas_used, price(simulation.env), simulation.data_fee)


def data_fee(fee: DataFee | None, data: int, gas: int) -> int:
    """Upper bound of the data fee, in wei, for `data` bytes of calldata and `gas` units.

    The chain's bound grows linearly in the bytes between the two samples, up to rounding by one byte, so one byte is
    added. The fee is 0 if the chain has no data fee (`fee` is None).
    """
    if fee is None:
        return 0
    further = max(0, data + ENVELOPE + 1 - SMALL)
    return fee.least + -(-fee.more * further // LARGE) + fee.fixed + -(-fee.per_gas * gas // MUCH)
