"""What is offered for gas: caps that nothing passes, raises that nodes take, on every kind of chain."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from sentinel.config.limits import Limits
from sentinel.config.network_file import load_network
from sentinel.config.settings import load
from sentinel.core.network import FeeMarket, HexHash
from sentinel.core.transaction import Attempt, Fees, Intent, Outcome
from sentinel.core.units import GWEI, TRANSFER_GAS
from sentinel.execute.fee_bids import FeeCaps, first_bid, raised_fee, replacement_bid
from sentinel.execute.receipts import data_fee
from sentinel.execute.send_state import Bump, Cancel, ChainView, First, Send, SendRules, SentAttempt, next_step
from tests.execute.rig import Rig
from tests.journal.values import act, intent

CAPS = FeeCaps(100 * GWEI, 10 * GWEI, 10**17)
LEGACY = FeeCaps(100 * GWEI, 100 * GWEI, 10**17, legacy=True)

gas_limits = st.integers(21_000, 2**24)
base_fees = st.integers(0, 300 * GWEI)
data_fees = st.integers(0, 2 * 10**17)


@st.composite
def offers(draw: st.DrawFn) -> tuple[Fees, FeeCaps]:
    """Fees of an attempt, and caps of its kind of chain."""
    caps = draw(st.sampled_from((CAPS, LEGACY)))
    max_fee = draw(st.integers(1, 200 * GWEI))
    return Fees(max_fee, max_fee if caps.legacy else draw(st.integers(0, min(max_fee, 20 * GWEI)))), caps


def within(fees: Fees, gas_limit: int, caps: FeeCaps, data_fee: int) -> bool:
    """The absolute caps, said once more."""
    dear = fees.max_fee > caps.max_fee or fees.priority_fee > caps.max_priority_fee
    return not dear and fees.priority_fee <= fees.max_fee and fees.max_fee * gas_limit + data_fee <= caps.max_cost


@given(st.integers(0, 10**30))
def test_a_raise_is_at_least_an_eighth(fee: int) -> None:
    """A raise is 12.5 % rounded up, never the same, and no more than a unit above that."""
    assert raised_fee(fee) * 8 >= fee * 9
    assert fee < raised_fee(fee)
    assert (raised_fee(fee) - 1) * 8 < max(fee * 9, fee * 8 + 1)


@given(offers(), gas_limits, base_fees, data_fees)
def test_no_raise_passes_a_cap(offer: tuple[Fees, FeeCaps], gas_limit: int, base_fee: int, data_fee: int) -> None:
    """Both go up by an eighth or more and stay within every cap, data fee included; or nothing is raised because an
    eighth more would not."""
    fees, caps = offer
    higher = replacement_bid(fees, gas_limit, caps.less_data_fee(data_fee), base_fee)
    eighth = Fees(raised_fee(fees.max_fee), raised_fee(fees.priority_fee))
    if higher is None:
        assert not within(eighth, gas_limit, caps, data_fee)
        return
    assert within(higher, gas_limit, caps, data_fee)
    assert higher.max_fee >= eighth.max_fee
    assert higher.priority_fee >= eighth.priority_fee
    assert not caps.legacy or higher.max_fee == higher.priority_fee


@given(offers(), gas_limits, base_fees, base_fees, st.integers(0, GWEI))
def test_raises_are_monotone(offer: tuple[Fees, FeeCaps], gas_limit: int, low: int, high: int, more: int) -> None:
    """A higher base fee, or a higher last offer, never gives a lower one."""
    fees, caps = offer
    low, high = sorted((low, high))
    dearer = Fees(fees.max_fee + more, fees.max_fee + more if caps.legacy else fees.priority_fee)
    steps = [
        replacement_bid(fees, gas_limit, caps, low),
        replacement_bid(fees, gas_limit, caps, high),
        replacement_bid(dearer, gas_limit, caps, high),
    ]
    found = [step for step in steps if step is not None]
    assert found == sorted(found, key=lambda step: (step.max_fee, step.priority_fee))
    assert steps[0] is not None or steps[2] is None


@given(st.integers(0, 40), st.integers(0, 10 * GWEI), gas_limits, data_fees, st.sampled_from((CAPS, LEGACY)))
def test_the_first_offer_leaves_a_cancel_its_raise(gwei: int, tip: int, gas: int, data_fee: int, caps: FeeCaps) -> None:
    """Whatever the simulation assumed: cut to the caps less an eighth, so that a cancel at the end still outbids it."""
    env = replace(intent().env, max_fee=10 * gwei * GWEI + tip, priority_fee=tip)
    offer = first_bid(env, gas, caps.room().less_data_fee(data_fee))
    assume(data_fee < caps.max_cost)
    assert within(offer, gas, caps, data_fee)
    assert not caps.legacy or offer.max_fee == offer.priority_fee
    assume(gas >= 2 * TRANSFER_GAS)
    cancel = replacement_bid(offer, TRANSFER_GAS, caps.less_data_fee(data_fee))
    assert cancel is not None
    assert within(cancel, TRANSFER_GAS, caps, data_fee)


def test_first_fees_are_cut_to_the_caps() -> None:
    """The first offer is the simulation's, but never above the caps."""
    env = intent().env
    assert first_bid(env, 100_000, CAPS) == Fees(env.max_fee, env.priority_fee)
    assert first_bid(env, 100_000, FeeCaps(2, 1, 10**9)) == Fees(2, 1)
    assert first_bid(env, 100_000, FeeCaps(10**12, 10**12, 100_000)) == Fees(1, 1)
    assert first_bid(env, 100_000, FeeCaps(10**12, 2, 10**18, legacy=True)) == Fees(2, 2)


def charged(data_fee: int) -> Intent:
    decision = act()
    return intent(replace(decision, simulation=replace(decision.simulation, data_fee=data_fee)))


@settings(max_examples=60)
@given(st.integers(0, 9 * 10**15), st.sampled_from((CAPS, LEGACY)), base_fees)
def test_every_attempt_of_a_stuck_trade_is_within_the_caps(data_fee: int, caps: FeeCaps, base_fee: int) -> None:
    """Played until nothing changes any more, past its deadline too: each attempt holds the caps in gwei and in ETH with
    the data fee in it, raises both by an eighth, and at the cap the very same bytes are sent again."""
    caps = replace(caps, max_cost=10**16)
    rules, trade = SendRules(3, 1, 60.0, caps), charged(data_fee)
    attempts: list[Attempt] = []
    again, now = 0, float(trade.created_at)
    for block in range(200):
        trade_time = block < 100
        time = now if trade_time else trade.deadline + 1.0 + now
        seen = ChainView(time, time, block, base_fee, {}, 0, 0)
        sent = {attempt.tx_hash: SentAttempt(seen.now - 61.0, block - 1) for attempt in attempts}
        step = next_step(trade, attempts, sent, seen, rules)
        cancel = isinstance(step, Cancel) or (isinstance(step, Bump) and step.cancel)
        if isinstance(step, First | Bump | Cancel):
            assert within(step.fees, TRANSFER_GAS if cancel else trade.tx.gas_limit, caps, data_fee)
            for earlier in attempts[-1:]:
                assert step.fees.max_fee * 8 >= earlier.fees.max_fee * 9
                assert step.fees.priority_fee * 8 >= earlier.fees.priority_fee * 9
            attempts.append(Attempt(trade.id, 0, step.fees, HexHash(f"0x{block:064x}"), b"", cancel))
        else:
            assert step == Send(attempts[-1])
            again += 1
    assert again > 100
    assert attempts[-1].cancel
    assert len({attempt.tx_hash for attempt in attempts}) == len(attempts)


def test_a_legacy_network_has_one_cap() -> None:
    """The cap on the fee per gas bounds its gas price; there is no tip that a lower one could be meant for."""
    network = load_network("devnet")
    networks = network, replace(network, fees=FeeMarket.LEGACY)
    usual, legacy = (Limits.of(load(env_file=None).limits, each) for each in networks)
    assert (usual.max_fee, usual.max_priority_fee) == (200 * GWEI, 5 * GWEI)
    assert (legacy.max_fee, legacy.max_priority_fee) == (200 * GWEI, 200 * GWEI)
    assert FeeCaps.of(legacy, replace(network, fees=FeeMarket.LEGACY)) == FeeCaps(
        200 * GWEI, 200 * GWEI, 10**17, legacy=True
    )


@pytest.mark.parametrize(
    ("more", "taken"),
    [
        ({}, 0),
        ({"l1Fee": "0x64"}, 100),
        ({"l1Fee": None, "operatorFeeScalar": None}, 0),
        ({"l1Fee": "0x64", "operatorFeeScalar": "0x7a120", "operatorFeeConstant": "0x7"}, 100 + 7 + 50_000),
        ({"l1Fee": "0x64", "operatorFeeScalar": "0x3", "daFootprintGasScalar": "0x190"}, 100 + 30_000_000),
    ],
    ids=["ethereum", "fjord", "nothing said", "isthmus", "jovian"],
)
def test_a_rollups_receipt_says_what_it_took(more: dict[str, str | None], taken: int) -> None:
    """Its fields by fork; the operator's scalar is a millionth a gas since Isthmus and a hundredfold since Jovian."""
    assert data_fee({"gasUsed": "0x186a0", **more}, 100_000) == taken


async def test_a_base_fee_ten_times_as_high_is_caught_up_with(rig: Rig) -> None:
    """Between simulation and inclusion: the first offer waits, the raise is twice the new base fee and confirmed."""
    await rig.net.rpc.call("anvil_setNextBlockBaseFeePerGas", hex(8 * GWEI))
    await rig.mine()
    trade = await rig.trade(1, fee=18 * GWEI)  # twice the base fee and the tip
    for _ in range(3):
        await rig.net.rpc.call("anvil_setNextBlockBaseFeePerGas", hex(80 * GWEI))
        assert await rig.executor.on_head(await rig.mine()) is None
    first_offer, second = rig.journal.attempts(trade.id)
    assert first_offer.fees == Fees(18 * GWEI, 2 * GWEI)
    assert second.fees == Fees(160 * GWEI + 2_250_000_000, 2_250_000_000)
    await rig.net.rpc.call("anvil_setNextBlockBaseFeePerGas", hex(80 * GWEI))
    settled = await rig.follow()
    assert (settled.outcome, settled.tx_hash) == (Outcome.CONFIRMED, second.tx_hash)
    assert settled.gas_cost == settled.gas_used * 82_250_000_000
