"""The toolkit from screening to a mined transaction, with real signatures and the real contracts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from eth_abi.abi import encode
from eth_utils.crypto import keccak

from lab.bench.mined_effects import effect
from sentinel.config.limits import Limits, LimitSettings
from sentinel.config.network_file import load_network
from sentinel.core.actions import Action, Swap
from sentinel.core.decision import Act
from sentinel.core.errors import Refused
from sentinel.core.market_state import MarketState
from sentinel.core.simulation import Simulation, TxRequest
from sentinel.core.spent import Spent
from sentinel.core.transaction import Intent
from sentinel.core.units import MAX_TX_GAS
from sentinel.decide.policy import Policy
from sentinel.dex.building.permit2 import allowance_call
from sentinel.dex.simulating.fork import Fork
from sentinel.dex.simulating.snapshot_engine import FLAGS, simulate_by_mining
from sentinel.dex.toolkit import DexToolkit
from sentinel.market.contracts import DEPLOYER
from tests.chains import send

from .conftest import Desk, candidates

LIMITS = Limits.of(LimitSettings(max_trade=5_000, min_profit=0, min_gas_reserve_eth=0.01), load_network("devnet"))


async def screened(desk: Desk, action: Action, state: MarketState) -> Simulation:
    (simulation,) = await desk.kit.simulate_all(state, candidates(action))
    assert simulation.revert is None
    return simulation


def intent_of(simulation: Simulation, tx: TxRequest, *, signed: bool) -> Intent:
    action = simulation.candidate.action
    assert isinstance(action, Swap)
    return Intent("00", Act(simulation, 1, 1, 1, 0), tx, signed, simulation.env, action.deadline, 0)


async def allowance_left(desk: Desk, token: str) -> tuple[int, int, int]:
    """Permit2's (amount, expiration, nonce) wallet -> router."""
    network = desk.network
    data = allowance_call(desk.account.address, network.tokens[token].address, network.universal_router)
    call = {"to": network.permit2, "data": "0x" + data.hex()}
    word = bytes.fromhex((await desk.net.rpc.call("eth_call", call, "latest"))[2:])
    return int.from_bytes(word[:32]), int.from_bytes(word[32:64]), int.from_bytes(word[64:96])


async def gain(desk: Desk, token: str, before: MarketState) -> int:
    return (await desk.state()).balances[token] - before.balances[token]


@pytest.mark.parametrize("venue", ["v2", "v3-500", "v3-3000"])
async def test_a_signed_trade_does_on_the_chain_what_was_simulated(desk: Desk, venue: str) -> None:
    """Permit2 takes the signature, the balances change to the unit, and no allowance to the router remains."""
    state = await desk.state()
    simulation = await screened(desk, desk.build.swap(state, "USDC", "WETH", 900, venue), state)
    tx = await desk.kit.finalise(simulation, state, desk)
    for confirmed in await desk.kit.confirm(intent_of(simulation, tx, signed=True), state.head, state):
        assert (confirmed.revert, confirmed.deltas, confirmed.router_allowance) == (None, simulation.deltas, 0)
    receipt = await desk.mined(await desk.send(tx, state.nonce))
    assert receipt["status"] == "0x1"
    assert int(receipt["gasUsed"], 16) <= tx.gas_limit
    assert await gain(desk, "WETH", state) == simulation.deltas["WETH"]
    assert await gain(desk, "USDC", state) == -900 * 10**6
    amount, _, nonce = await allowance_left(desk, "USDC")
    assert (amount, nonce) == (0, 1)
    assert (await desk.state()).permit_nonces["USDC"] == 1


@pytest.mark.parametrize("pools", [("WETH/USDC-v2", "WETH/USDC-v3-500"), ("WETH/USDC-v3-3000", "WETH/USDC-v2")])
async def test_a_cycle_over_both_kinds_of_pool_is_one_transaction(desk: Desk, pools: tuple[str, str]) -> None:
    """V2 then V3 and V3 then V2; the router keeps nothing in between. The permit's nonce counts on."""
    for nonce in range(2):
        state = await desk.state()
        swap = desk.swap(*pools, token_in="USDC", amount=800 * 10**6, deadline=state.head.timestamp + 100)
        simulation = await screened(desk, swap, state)
        tx = await desk.kit.finalise(simulation, state, desk)
        assert (await desk.mined(await desk.send(tx, state.nonce)))["status"] == "0x1"
        assert await gain(desk, "USDC", state) == simulation.deltas["USDC"] < 0
        assert await gain(desk, "WETH", state) == 0
        assert (await allowance_left(desk, "USDC"))[::2] == (0, nonce + 1)
        await desk.net.market.step()


async def test_min_out_is_honoured_when_the_market_moves_away(desk: Desk) -> None:
    """Another trade gets ahead of ours in the block: ours gives at least min_out or nothing at all."""
    state = await desk.state()
    swap = desk.build.swap(state, "USDC", "WETH", 900, "v3-500")
    simulation = await screened(desk, swap, state)
    tight = replace(swap, min_out=simulation.deltas["WETH"])
    exact = await screened(desk, tight, state)
    await desk.net.market.step()
    later = await desk.state()
    (again,) = await desk.kit.simulate_all(later, candidates(tight))
    tx = await desk.kit.finalise(exact, state, desk)
    receipt = await desk.mined(await desk.send(tx, later.nonce))
    if again.revert is None:
        assert await gain(desk, "WETH", later) == again.deltas["WETH"] >= tight.min_out
    else:
        assert again.revert == "V3TooLittleReceived"
        assert receipt["status"] == "0x0"
        assert await gain(desk, "USDC", later) == 0
    too_much = replace(swap, min_out=simulation.deltas["WETH"] + 1)
    (refused,) = await desk.kit.simulate_all(state, candidates(too_much))
    assert refused.revert == "V3TooLittleReceived"


async def test_a_permit_that_somebody_handed_in_first_does_not_stop_the_trade(desk: Desk) -> None:
    """The router's permit command then fails, is allowed to, and the allowance is there already."""
    state = await desk.state()
    simulation = await screened(desk, desk.build.swap(state, "USDC", "WETH", 500, "v3-500"), state)
    seen: list[Mapping[str, Any]] = []

    class Spy:
        async def sign_permit(self, typed_data: Mapping[str, Any]) -> bytes:
            seen.append(typed_data)
            return await desk.sign_permit(typed_data)

    tx = await desk.kit.finalise(simulation, state, Spy())
    message = seen[0]["message"]
    details = message["details"]
    signature = await desk.sign_permit(seen[0])
    kind = "permit(address,((address,uint160,uint48,uint48),address,uint256),bytes)"
    single = (tuple(details[key] for key in ("token", "amount", "expiration", "nonce")), message["spender"])
    data = keccak(text=kind)[:4] + encode(
        ["address", "((address,uint160,uint48,uint48),address,uint256)", "bytes"],
        [desk.account.address, (*single, message["sigDeadline"]), signature],
    )
    await send(desk.net.rpc, DEPLOYER, desk.network.permit2, data)
    assert (await allowance_left(desk, "USDC"))[0] == 500 * 10**6
    receipt = await desk.mined(await desk.send(tx, state.nonce))
    assert receipt["status"] == "0x1"
    assert (await allowance_left(desk, "USDC"))[0] == 0


async def test_unsigned_bytes_are_confirmed_with_a_granted_allowance(desk: Desk) -> None:
    """A dry run without a signer confirms the screened bytes; claimed to be signed, they fail."""
    state = await desk.state()
    simulation = await screened(desk, desk.build.swap(state, "WETH", "USDC", 0.4, "v2"), state)
    tx = await desk.kit.finalise(simulation, state, None)
    assert tx == simulation.tx
    usual, other, later = await desk.kit.confirm(intent_of(simulation, tx, signed=False), state.head, state)
    assert usual.revert is other.revert is later.revert is None
    assert usual.deltas == other.deltas == later.deltas == simulation.deltas
    for confirmed in await desk.kit.confirm(intent_of(simulation, tx, signed=True), state.head, state):
        assert confirmed.revert == "AllowanceExpired"


async def test_the_environments_differ_in_all_that_a_contract_may_look_at(desk: Desk) -> None:
    """Proposer, number, time and their parity, base fee, chance and gas limit; all upon the head that was asked for."""
    state = await desk.state()
    simulation = await screened(desk, desk.build.swap(state, "WETH", "USDC", 0.4, "v2"), state)
    await desk.net.market.step()
    newest = (await desk.state()).head
    assert simulation.tx is not None
    intent = intent_of(simulation, simulation.tx, signed=False)
    one, other, later = (confirmed.env for confirmed in await desk.kit.confirm(intent, newest, state))
    for name in ("coinbase", "timestamp", "base_fee", "prev_randao", "gas_limit"):
        assert getattr(one, name) != getattr(other, name)
    assert (one.timestamp - other.timestamp) % 2 == 1
    assert one.number == other.number == newest.number + 1
    assert later.number - one.number in (3, 5)
    assert later.timestamp - newest.timestamp == (later.number - newest.number) * desk.network.block_time
    assert later.base_fee not in (one.base_fee, other.base_fee, newest.base_fee)
    assert later.prev_randao not in (one.prev_randao, other.prev_randao)
    for env in (one, other, later):
        assert env.parent_hash == newest.hash
        assert env.nonce == state.nonce


async def test_the_reference_engine_confirms_to_the_same_effects(desk: Desk) -> None:
    """In each environment, the one whose block comes a few blocks later too."""
    state = await desk.state()
    simulation = await screened(desk, desk.build.swap(state, "WETH", "USDC", 0.4, "v3-500"), state)
    tx = await desk.kit.finalise(simulation, state, desk)
    intent = intent_of(simulation, tx, signed=True)
    async with Fork(desk.network, desk.net.rpc_url, flags=FLAGS, timeout=30) as slow:
        mined = await DexToolkit(desk.network, slow, simulate_by_mining).confirm(intent, state.head, state)
    confirmed = await desk.kit.confirm(intent, state.head, state)
    assert [effect(one) for one in mined] == [effect(one) for one in confirmed]
    assert [one.env.number for one in mined] == [one.env.number for one in confirmed]


async def test_a_fee_cap_below_the_newest_base_fee_is_a_revert(desk: Desk) -> None:
    """The simulator does not check fee caps, so we do: such a transaction would not be mined."""
    state = await desk.state()
    simulation = await screened(desk, desk.build.swap(state, "WETH", "USDC", 0.4, "v2"), state)
    low = replace(simulation, env=replace(simulation.env, max_fee=state.head.base_fee - 1, priority_fee=0))
    assert low.tx is not None
    for confirmed in await desk.kit.confirm(intent_of(low, low.tx, signed=False), state.head, state):
        assert confirmed.revert == "fee cap below base fee"


async def test_policy_lets_the_toolkits_trades_through(desk: Desk) -> None:
    """What the builder made and the toolkit simulated and signed breaks no rule, before the vote or after."""
    state = await desk.state()
    swaps = [desk.build.swap(state, "USDC", "WETH", 400, venue) for venue in ("v2", "v3-500", "v3-3000")]
    swaps.append(desk.build.swap(state, "WETH", "WBTC", "0.25", "v3-3000"))
    swaps.append(desk.build.swap(state, "WBTC", "USDC", 0.01, "v3-3000"))
    tried = await desk.kit.simulate_all(state, candidates(*swaps, desk.build.hold("wait")))
    policy, spent = Policy(desk.network, LIMITS), Spent(0, 0)
    ballots, refusals = policy.screen(tried, state, spent)
    assert (len(ballots), refusals) == (6, ())
    simulation = ballots[0]
    tx = await desk.kit.finalise(simulation, state, desk)
    intent = intent_of(simulation, tx, signed=True)
    confirmed = await desk.kit.confirm(intent, state.head, state)
    verdicts = policy.check(confirmed, intent.decision, state, state.head, spent, float(state.head.timestamp))
    assert [verdict for verdict in verdicts if not verdict.ok] == []


async def test_an_approval_is_simulated_and_sent_as_it_is(desk: Desk) -> None:
    """No token moves, and the allowance to Permit2 is the amount afterwards."""
    state = await desk.state()
    simulation = await screened(desk, desk.build.approve(state, "USDC", 5_000), state)
    assert (dict(simulation.deltas), simulation.gross, simulation.router_allowance) == ({}, 0, 0)
    tx = await desk.kit.finalise(simulation, state, desk)
    assert tx == simulation.tx
    assert (await desk.mined(await desk.send(tx, state.nonce)))["status"] == "0x1"
    assert (await desk.state()).allowances["USDC"] == 5_000 * 10**6


async def test_what_did_not_succeed_is_never_finalised(desk: Desk) -> None:
    """Neither a revert, nor a hold, nor a signature of another length."""
    state = await desk.state()
    swap = desk.build.swap(state, "WETH", "USDC", 0.4, "v2")
    hopeless = replace(swap, min_out=10**30)
    reverted, hold, good = await desk.kit.simulate_all(state, candidates(hopeless, desk.build.hold("no"), swap))
    for simulation in (reverted, hold):
        with pytest.raises(Refused):
            await desk.kit.finalise(simulation, state, desk)

    class Short:
        async def sign_permit(self, typed_data: Mapping[str, Any]) -> bytes:
            return b"\x01" * 64

    with pytest.raises(Refused, match="65"):
        await desk.kit.finalise(good, state, Short())


async def test_the_gas_limit_is_a_fifth_above_use_with_room_for_the_permit(desk: Desk) -> None:
    """So the signed bytes fit (the confirmation shows it), and it never passes what a transaction may ask for."""
    state = await desk.state()
    simulation = await screened(desk, desk.build.swap(state, "WETH", "USDC", 0.4, "v2"), state)
    assert simulation.tx is not None
    assert simulation.gas_used * 1.2 <= simulation.tx.gas_limit <= simulation.gas_used * 1.2 + 60_001
    assert simulation.tx.gas_limit < MAX_TX_GAS
