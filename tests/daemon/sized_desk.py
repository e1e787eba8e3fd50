"""A cycle on a real market whose voters a test chooses, and the calibration that sizes what they want."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eth_utils.address import to_checksum_address

from sentinel.chain.heads import latest_head
from sentinel.chain.history import BlockCloses
from sentinel.chain.market_reader import MarketReader
from sentinel.config.settings import Settings, load
from sentinel.config.terms import Terms
from sentinel.core.actions import Action, Candidate, HoldAction, Proposal
from sentinel.core.decision import Decision
from sentinel.core.market_state import MarketState, MarketView, Regime
from sentinel.core.network import NATIVE
from sentinel.core.record import CycleRecord
from sentinel.core.simulation import Simulation
from sentinel.cycle import Cycle, Size
from sentinel.daemon.calibrated import quorum_bps, sizes
from sentinel.daemon.in_force import builder
from sentinel.daemon.sizer import Sizer
from sentinel.decide.policy import Policy
from sentinel.decide.vote import vote
from sentinel.dex.building.action_builder import ActionBuilder
from sentinel.dex.simulating.fork import Fork
from sentinel.dex.toolkit import DexToolkit
from sentinel.dex.venues.registry import READERS
from sentinel.execute.dry_run import DryRunExecutor
from sentinel.journal.journal import Journal
from sentinel.market import Devnet
from sentinel.market.crowd import CrowdBehaviour

WALLET = to_checksum_address("0x" + "c5" * 20)
PURSE = {"WETH": 2 * 10**18, "USDC": 20_000 * 10**6, NATIVE: 10**18}
VIEW = MarketView({"WETH": 5000, "USDC": 5000}, Regime.NONE, 1.0, 0, "settings")

Make = Callable[[ActionBuilder, MarketState], Action]  # what seven of eight want


def calibration(folder: Path, *levels: tuple[int, int, int]) -> Path:
    """A file of its own for these `levels`: (votes of 8, right, total)."""
    path = folder / f"{abs(hash(levels))}.json"
    acts = [{"votes": votes, "asked": 8, "right": right, "total": total} for votes, right, total in levels]
    path.write_text(json.dumps({"format": 1, "vote": {"agreement_bps": 500}, "acts": acts}))
    return path


PART = ((8, 2000, 2000), (7, 191, 200))  # at 5 % risk: about 60 % of the size where seven of eight agree
LITTLE = ((8, 2000, 2000), (7, 15, 20))  # about 11 %


@dataclass
class Desk:
    """Seven of eight candidates want what a test says, one holds."""

    net: Devnet
    market: MarketReader
    toolkit: DexToolkit
    journal: Journal
    folder: Path
    make: Make = lambda build, state: build.swap(state, "USDC", "WETH", 500, "v3-500")

    def view(self, state: MarketState) -> MarketView:
        return VIEW

    async def propose(self, state: MarketState, view: MarketView, n: int) -> Proposal:
        build = builder(Terms.of(self.settings(PART), self.net.network), self.net.network, state.prices)
        actions = [self.make(build, state)] * 7 + [HoldAction("wait")]
        candidates = tuple(Candidate(i, action, "") for i, action in enumerate(actions))
        return Proposal(n, candidates, (), (), (), 1, "written")

    def settings(self, levels: Sequence[tuple[int, int, int]], **limits: float) -> Settings:
        vote = {"calibration_file": calibration(self.folder, *levels), "size_by_agreement": True}
        return load(None, vote=vote, limits={"min_profit": 0.0, **limits})

    async def run(self, given: Settings, size: Size | None = None) -> CycleRecord:
        network = self.net.network
        head = await latest_head(self.net.rpc)
        terms = Terms.of(given, network)
        policy = Policy(network, terms.limits)
        build = builder(terms, network, (await self.market.read(head)).prices)
        supported = sizes(given)
        assert supported is not None

        def voted(ballots: Sequence[Simulation], asked: int, state: MarketState) -> Decision:
            dust = terms.dust(state.prices)
            return vote(ballots, asked=asked, quorum_bps=quorum_bps(given), dust=dust)

        us: Any = self
        return await Cycle(
            market=self.market,
            analyst=us,
            trader=us,
            toolkit=self.toolkit,
            policy=policy,
            vote=voted,
            executor=DryRunExecutor(self.journal),
            journal=self.journal,
            samples=8,
            newest=lambda: head,
            clock=lambda: float(head.timestamp),
            size=size or Sizer(supported, build.scaled, self.toolkit, policy).size,
        ).run(head)


@contextlib.asynccontextmanager
async def opened(folder: Path) -> AsyncIterator[Desk]:
    """On a market of its own, where openings are frequent."""
    async with Devnet.start(behaviour=CrowdBehaviour(opening_every=3)) as net:
        await net.fund(WALLET, PURSE)
        await net.allow_permit2(WALLET, {"WETH": 10**19, "USDC": 10**12})
        await net.market.step()
        market = MarketReader(net.rpc, net.network, WALLET, READERS, BlockCloses(9), min_priority_fee=10**9)
        journal = Journal.open(folder / "journal", net.network, "0x" + "00" * 32, WALLET)
        async with Fork(net.network, net.rpc_url) as fork:
            yield Desk(net, market, DexToolkit(net.network, fork), journal, folder)
        journal.close()
