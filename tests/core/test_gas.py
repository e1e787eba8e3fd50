"""What a transaction costs: the price of gas on each kind of chain, and the bound of a rollup's data fee."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from sentinel.core import gas
from sentinel.core.market_state import DataFee
from sentinel.core.network import FeeMarket
from sentinel.core.transaction import Fees
from sentinel.core.units import GWEI
from tests.journal.values import HEAD, NETWORK, act

LEGACY = replace(NETWORK, fees=FeeMarket.LEGACY)
fees_of_l1 = st.integers(0, 10**13)


def upper_bound(size: int, price: int) -> int:
    """getL1FeeUpperBound of an unsigned transaction's size as the specification of Fjord has it; `price` is its sum of
    scalars times fees of L1, 16 times the base fee's."""
    signed = size + 68
    estimated = max(100_000_000, -42_585_600 + 836_500 * (signed + signed // 255 + 16))
    return estimated * price // 10**12


@given(st.integers(0, 18_000), fees_of_l1, st.integers(0, 2**32 - 1), st.integers(0, 2**64 - 1), st.integers(0, 2**24))
def test_the_data_fee_bounds_the_chains_own(data: int, price: int, scalar: int, constant: int, used: int) -> None:
    """Two samples of each are enough for every size and gas: never less, and hardly more than two bytes' worth."""
    operator = [constant + used * scalar // 10**6 for used in (0, gas.MUCH)]
    small, large = (upper_bound(size, price) for size in (gas.SMALL, gas.SMALL + gas.LARGE))
    fee = DataFee(small, large - small, operator[0], operator[1] - operator[0])
    bound = gas.data_fee(fee, data, used)
    exact = upper_bound(data + gas.ENVELOPE, price) + constant + used * scalar // 10**6
    two_bytes = 2 * 840_000 * price // 10**12
    least = upper_bound(gas.SMALL, price) - upper_bound(0, price)  # of the smallest, which all pay alike
    assert exact <= bound <= exact + two_bytes + least + 4
    assert gas.data_fee(None, data, used) == 0


@given(st.integers(0, 500 * GWEI), st.integers(0, 50 * GWEI))
def test_one_gas_price_is_paid_whole_on_a_legacy_network(base: int, tip: int) -> None:
    """Offered, simulated and expected price are one number there; elsewhere base fee and tip, within the cap."""
    head = replace(HEAD, base_fee=base)
    price = gas.offered(LEGACY, head, base + tip)
    assert price == Fees(base + tip, base + tip)
    env = replace(act().simulation.env, base_fee=base, max_fee=price.max_fee, priority_fee=price.priority_fee)
    assert gas.price(env) == gas.next_price(head, price) == base + tip
    offer = gas.offered(NETWORK, head, tip)
    assert offer == Fees(2 * base + tip, tip)
    assert base + tip <= gas.next_price(head, offer) <= offer.max_fee + 1


def test_what_was_simulated_costs_gas_and_data() -> None:
    """90,000 gas at 1 + 1 gwei and what the chain takes for the bytes."""
    simulation = replace(act().simulation, data_fee=7)
    assert gas.paid(simulation) == 90_000 * 2 * GWEI + 7
