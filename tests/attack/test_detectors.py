"""Contracts that look for signs of a simulation, on the real router and pools: none of them is bought (I16).

Each was a way to take half of a trade: the token is honest in every simulation and in no block. A trade that passes
policy is sent and mined here, so that the test says what was lost.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace

import pytest

from sentinel.config.limits import Limits, LimitSettings
from sentinel.core.decision import Act
from sentinel.core.market_state import Head
from sentinel.core.network import Address
from sentinel.core.spent import Spent
from sentinel.core.transaction import Intent
from sentinel.core.units import COIN
from sentinel.decide.policy import Policy
from sentinel.dex.simulating.batch_engine import L1_BLOCK
from sentinel.dex.simulating.node import NodeSimulation
from sentinel.dex.toolkit import DexToolkit
from sentinel.market import Devnet
from tests.attack import detectors
from tests.attack.detectors import token
from tests.attack_tally import Tries
from tests.chains import rollup
from tests.dex.conftest import Desk, candidates, desk_on

pytestmark = pytest.mark.attack("a token that looks for a simulation", "refused")

PAID = 250  # USDC
PROPOSERS: tuple[Address, ...] = tuple("0x" + f"{n:02x}" * 20 for n in (0xB1, 0xB2, 0xB3))
Make = Callable[[Head, Desk], bytes]  # the token's code, by someone who knows the head that the trade is simulated upon


@dataclass(frozen=True)
class Attack:
    make: Make
    passed: int = 0  # blocks that pass before the one that would include the trade


ATTACKS = {
    "prevrandao is known": Attack(lambda head, desk: token(detectors.PREVRANDAO)),
    "the proposer is known": Attack(lambda head, desk: token(detectors.coinbase(PROPOSERS[1]))),
    "the proposer owns nothing": Attack(lambda head, desk: token(detectors.poor_coinbase(PROPOSERS[1]))),
    "the reader's address is known": Attack(lambda head, desk: detectors.told_to_reader()),
    "balances are read in the block": Attack(lambda head, desk: detectors.read_in_this_block(desk.network.multicall3)),
    "the base fee is known": Attack(lambda head, desk: token(detectors.base_fee(head.base_fee))),
    "the base fee is zero": Attack(lambda head, desk: token(detectors.BASE_FEE_ZERO)),
    "the gas price is zero": Attack(lambda head, desk: token(detectors.GAS_PRICE_ZERO)),
    "the gas is what screening gives": Attack(lambda head, desk: token(detectors.MUCH_GAS)),
    "the parent has no hash": Attack(lambda head, desk: token(detectors.NO_PARENT)),
    "the parity of the number": Attack(lambda head, desk: token(detectors.parity("number", head.number + 1)), 1),
    "the parity of the time": Attack(lambda head, desk: token(detectors.parity("timestamp", head.timestamp + 2)), 1),
    "a number that has passed": Attack(lambda head, desk: token(detectors.up_to(head.number + 1)), 1),
    "a later block without ancestors": Attack(lambda head, desk: token(detectors.forged_ancestors(head.number + 1)), 1),
}


@pytest.fixture
async def desk(devnet: Devnet) -> AsyncIterator[Desk]:
    """Blocks of several proposers, as the toolkit has seen them. Final bytes run on the node, as by the defaults."""
    async with desk_on(devnet) as on_the_fork:
        node = NodeSimulation(devnet.network, devnet.rpc, timeout=20.0)
        desk = replace(on_the_fork, kit=DexToolkit(devnet.network, on_the_fork.fork, node=node))
        for proposer in PROPOSERS[:2]:
            await desk.net.rpc.call("anvil_setCoinbase", proposer)
            await desk.net.market.step()
            state = await desk.state()
            await desk.kit.simulate_all(state, candidates(desk.build.swap(state, "USDC", "WETH", PAID, "v3-500")))
        for proposer in PROPOSERS:
            await desk.net.rpc.call("anvil_setBalance", proposer, hex(COIN))
        yield desk


async def attacked(desk: Desk, attack: Attack) -> str:
    """The rule that refused to buy the token. Fails where none did, with what the trade then lost."""
    rpc, network = desk.net.rpc, desk.network
    head = (await desk.state()).head
    upcoming = Head(head.number + 1, head.hash, head.hash, head.timestamp + 1, head.base_fee, 0, head.coinbase, "0x00")
    await rpc.call("anvil_setNextBlockBaseFeePerGas", hex(head.base_fee))
    await rpc.call("evm_setNextBlockTimestamp", hex(upcoming.timestamp))
    await detectors.put(rpc, network, "WETH", attack.make(upcoming, desk))
    state = await desk.state()
    assert (state.head.number, state.head.base_fee) == (upcoming.number, upcoming.base_fee)
    policy = Policy(network, Limits.of(LimitSettings(), network))
    (tried,) = await desk.kit.simulate_all(state, candidates(desk.build.swap(state, "USDC", "WETH", PAID, "v3-500")))
    ballots, refusals = policy.screen([tried], state, Spent(0, 0))
    if refusals:
        return f"screening: {refusals[0].rule}"
    decision = Act(ballots[0], 8, 8, 8, 0)
    tx = await desk.kit.finalise(tried, state, desk)
    deadline = state.head.timestamp + 120
    intent = Intent("ab" * 16, decision, tx, True, tried.env, deadline, 0)
    confirmed = await desk.kit.confirm(intent, state.head, state)
    verdicts = policy.check(confirmed, decision, state, state.head, Spent(0, 0), float(state.head.timestamp))
    refused = [verdict.rule for verdict in verdicts if not verdict.ok]
    if refused:
        return f"final bytes: {', '.join(refused)}"
    for _ in range(attack.passed):
        await rpc.call("evm_mine")
    await rpc.call("anvil_setCoinbase", PROPOSERS[2])
    await rpc.call("anvil_setNextBlockBaseFeePerGas", hex(head.base_fee * 99 // 100))
    receipt = await desk.mined(await desk.send(tx, state.nonce))
    gained = (await desk.state()).balances["WETH"] - state.balances["WETH"]
    promised = tried.deltas["WETH"]
    assert receipt["status"] == "0x1"
    assert gained >= promised * 99 // 100, f"the trade was sent and brought {gained} of {promised}"
    return "nothing"


async def test_no_sign_of_a_simulation_is_left(desk: Desk, tries: Tries) -> None:
    """Each of these tokens is refused; the same token without a sign to go by is bought and pays in full."""
    rpc, told = desk.net.rpc, {}
    for name, attack in ATTACKS.items():
        snapshot = await rpc.call("evm_snapshot")
        told[name] = await attacked(desk, attack)
        await rpc.call("evm_revert", snapshot)
        await rpc.call("anvil_setCoinbase", PROPOSERS[1])
        tries.refused()
    assert "nothing" not in told.values(), told
    final = {name for name, rule in told.items() if rule.startswith("final bytes")}
    assert {"the parity of the number", "a number that has passed", "a later block without ancestors"} <= final
    assert await attacked(desk, Attack(lambda head, desk: token(detectors.EVERYWHERE))) == "nothing"


@pytest.mark.attack("a gain that makes room for losses", "refused")
async def test_a_gain_far_above_the_quote_is_refused(desk: Desk) -> None:
    """The token tells of a twentieth more than there is: no price gives that, so nothing of it is bought."""
    assert await attacked(desk, Attack(lambda head, desk: detectors.grown())) == "screening: plausible_gain"


async def test_a_rollups_price_of_data_is_no_sign(tries: Tries) -> None:
    """It is zero where a node must not charge for data inside a simulation: but not in each environment."""
    async with rollup() as net, desk_on(net) as desk:
        attack = Attack(lambda head, desk: token(detectors.free_data(L1_BLOCK)))
        assert (await attacked(desk, attack)).startswith("final bytes: ")
        tries.refused()
