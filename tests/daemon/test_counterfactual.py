"""What the losers would have brought, on a real market."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from eth_utils.address import to_checksum_address

from sentinel.chain.heads import latest_head
from sentinel.chain.history import BlockCloses
from sentinel.chain.market_reader import MarketReader
from sentinel.core.actions import Action, Candidate, HoldAction
from sentinel.core.decision import Act
from sentinel.core.market_state import MarketState
from sentinel.core.network import NATIVE, HexHash
from sentinel.core.record import CycleRecord
from sentinel.core.transaction import Counterfactual, Intent, Outcome, Settled
from sentinel.daemon.counterfactual import Counterfactuals
from sentinel.dex.building.action_builder import ActionBuilder
from sentinel.dex.simulating.fork import Fork
from sentinel.dex.toolkit import DexToolkit
from sentinel.dex.venues.registry import READERS
from sentinel.journal.journal import Journal
from sentinel.market import Devnet
from sentinel.observe.logs import logger

WALLET = to_checksum_address("0x" + "c4" * 20)
PURSE = {"WETH": 10**18, "USDC": 10_000 * 10**6, NATIVE: 10**18}


@dataclass
class Desk:
    net: Devnet
    market: MarketReader
    toolkit: DexToolkit
    journal: Journal
    counterfactuals: Counterfactuals
    records: list[CycleRecord] = field(default_factory=list)

    async def decide(self) -> tuple[MarketState, Intent]:
        """A cycle whose eight candidates are of four kinds: five buy for 500, one sells, one overpays, one holds."""
        state = await self.market.read(await latest_head(self.net.rpc))
        build = ActionBuilder(self.net.network)
        buy, sell = build.swap(state, "USDC", "WETH", 500, "v3-500"), build.swap(state, "WETH", "USDC", 0.2, "v2")
        greedy = replace(build.swap(state, "USDC", "WETH", 400, "v2"), min_out=10**18)
        actions: list[Action] = [*[buy] * 5, sell, greedy, HoldAction("wait")]
        candidates = tuple(Candidate(i, action, "") for i, action in enumerate(actions))
        tried = await self.toolkit.simulate_all(state, candidates)
        act = Act(tried[0], 5, 8, 3, 0)
        assert tried[0].tx is not None
        intent = Intent("ab" * 16, act, tried[0].tx, True, tried[0].env, buy.deadline, 0)
        record = CycleRecord(state.head, state, None, None, tried, (), act, (), intent.id, {})
        self.journal.accept(record, intent)
        return state, intent


@pytest.fixture
async def desk(devnet: Devnet, tmp_path: Path) -> AsyncIterator[Desk]:
    await devnet.fund(WALLET, PURSE)
    await devnet.allow_permit2(WALLET, {"WETH": 10**19, "USDC": 10**11})
    await devnet.market.step()
    network = devnet.network
    market = MarketReader(devnet.rpc, network, WALLET, READERS, BlockCloses(9), min_priority_fee=10**9)
    journal = Journal.open(tmp_path / "journal", network, "0x" + "00" * 32, WALLET)
    async with Fork(network, devnet.rpc_url) as fork:
        toolkit = DexToolkit(network, fork)
        yield Desk(
            devnet,
            market,
            toolkit,
            journal,
            Counterfactuals(devnet.rpc, network, market, toolkit, journal, logger()),
        )
    journal.close()


def settled(intent: Intent, block: int | None, outcome: Outcome = Outcome.CONFIRMED) -> Settled:
    realised = dict(intent.decision.simulation.deltas)
    return Settled(intent.id, outcome, HexHash("0x" + "ab" * 32), block, 150_000, 10**15, realised)


async def found(desk: Desk, settlement: Settled) -> list[Counterfactual]:
    """Through the service, as the daemon drives it."""
    await desk.counterfactuals.start()
    desk.counterfactuals.settled(settlement)
    desk.counterfactuals.cycle_done(desk.journal.get_cycle(settlement.intent_id))
    for _ in range(200):
        if settlement not in desk.counterfactuals.waiting and not desk.counterfactuals.busy:
            break
        await desk.net.rpc.call("eth_chainId")
    await desk.counterfactuals.stop()
    return list(desk.journal.counterfactuals())


async def test_distinct_losers_are_valued_where_the_winner_was_included(desk: Desk) -> None:
    """Of eight candidates two lost with a trade of their own; both are simulated upon the inclusion's parent, the one
    that would revert has no value, and the record is part of the chain of hashes."""
    state, intent = await desk.decide()
    await desk.net.market.step()
    await desk.net.market.step()
    (record,) = await found(desk, settled(intent, state.head.number + 1))
    assert (record.intent_id, record.block_number, record.parent_hash) == (
        intent.id,
        state.head.number + 1,
        state.head.hash,
    )
    sell, greedy = record.simulations
    assert (sell.candidate.index, greedy.candidate.index) == (5, 6)
    assert sell.deltas["WETH"] == -2 * 10**17
    assert sell.logs == ()
    assert greedy.revert is not None
    value, nothing = record.values
    assert nothing is None
    assert value is not None
    assert -20 * 10**6 < value < 20 * 10**6  # a fair trade costs fees and gas, whole quote tokens at most
    assert record.winner is not None
    assert record.simulations[0].env.parent_hash == state.head.hash
    assert desk.journal.verify() >= 3


async def test_nothing_is_written_for_what_was_not_mined(desk: Desk) -> None:
    """Expired intents took no effect, approvals were voted by no cycle, and an unknown block is left out."""
    state, intent = await desk.decide()
    assert await found(desk, settled(intent, None, Outcome.EXPIRED)) == []
    assert await desk.counterfactuals.weigh(replace(settled(intent, 2), intent_id="of an approval")) is None
    assert await found(desk, settled(intent, state.head.number + 500)) == []
