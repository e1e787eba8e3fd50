"""A cycle whose first vote is close: one more round, all of it counted, and nothing but holds where it fails."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from sentinel.config.network_file import load_network
from sentinel.core.actions import Candidate, HoldAction, Proposal
from sentinel.core.decision import Act, Decision, Hold, Verdict
from sentinel.core.errors import ModelTimeout
from sentinel.core.market_state import Head, MarketState, MarketView, Regime
from sentinel.core.record import CycleRecord
from sentinel.core.simulation import Simulation
from sentinel.core.transaction import Intent
from sentinel.cycle import Cycle
from sentinel.decide.extra_samples import extra_samples
from sentinel.decide.vote import vote
from sentinel.execute.dry_run import DryRunExecutor
from sentinel.journal.journal import Journal
from tests.decide import fair_market, world

pytestmark = pytest.mark.attack("a model that misbehaves", "contained")

VIEW = MarketView({"WETH": 5000, "USDC": 5000}, Regime.NONE, 1.0, 0, "settings")
BUY = world.buying().simulation()


def candidates(start: int, buys: int, holds: int) -> tuple[Candidate, ...]:
    actions = [BUY.candidate.action] * buys + [HoldAction("")] * holds
    return tuple(Candidate(start + place, action, "") for place, action in enumerate(actions))


@dataclass
class Stage:
    """Every stage of a cycle; the trader gives the written rounds as (buys, holds) of eight."""

    journal: Journal
    rounds: Sequence[tuple[int, int] | Exception]
    simulated: list[int] = field(default_factory=list)

    async def read(self, head: Head) -> MarketState:
        return fair_market.STATE

    def view(self, state: MarketState) -> MarketView:
        return VIEW

    async def propose(self, state: MarketState, view: MarketView, n: int) -> Proposal:
        assert not isinstance(self.rounds[0], Exception)
        return Proposal(n, candidates(0, *self.rounds[0]), (), (), (), 1, "written")

    async def more(self, state: MarketState, view: MarketView, proposal: Proposal, more: int) -> Proposal:
        if isinstance(self.rounds[1], Exception):
            raise self.rounds[1]
        added = candidates(proposal.asked, *self.rounds[1])
        return replace(proposal, asked=proposal.asked + more, candidates=proposal.candidates + added)

    async def simulate_all(self, state: MarketState, candidates: Sequence[Candidate]) -> tuple[Simulation, ...]:
        self.simulated += [one.index for one in candidates]
        hold = replace(BUY, tx=None, deltas={}, gross=0)
        return tuple(replace(hold if isinstance(one.action, HoldAction) else BUY, candidate=one) for one in candidates)

    def screen(self, simulations: Any, state: Any, spent: Any) -> Any:
        return tuple(simulations), ()

    async def confirm(self, intent: Intent, head: Head, state: MarketState) -> tuple[Simulation, Simulation]:
        return BUY, BUY

    def check(self, *_: Any) -> tuple[Verdict, ...]:
        return (Verdict("all", True, "fine"),)

    def vote(self, ballots: Sequence[Simulation], asked: int, state: MarketState) -> Decision:
        return vote(ballots, asked=asked)

    async def run(self, most: int = 16) -> CycleRecord:
        every: Any = self
        return await Cycle(
            market=every,
            analyst=every,
            trader=every,
            toolkit=every,
            policy=every,
            vote=self.vote,
            executor=DryRunExecutor(self.journal),
            journal=self.journal,
            samples=8,
            newest=lambda: fair_market.STATE.head,
            more=lambda decision, ballots: extra_samples(decision, ballots, most, 5000),
        ).run(fair_market.STATE.head)


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal.open(tmp_path / "journal", load_network("devnet"), "0x00", fair_market.WALLET)


@pytest.mark.parametrize(
    ("rounds", "votes", "asked"),
    [([(5, 3), (8, 0)], 13, 16), ([(8, 0), (0, 8)], 8, 8), ([(4, 4), (6, 2)], 10, 16)],
)
async def test_what_is_asked_in_the_end_is_what_the_vote_counts(
    journal: Journal, rounds: list[tuple[int, int]], votes: int, asked: int
) -> None:
    """A clear vote is asked once; a close one for all that is allowed, each candidate simulated once."""
    stage = Stage(journal, rounds)
    record = await stage.run()
    assert isinstance(record.decision, Act)
    assert (record.decision.votes, record.decision.asked) == (votes, asked)
    assert stage.simulated == list(range(asked)) == [one.candidate.index for one in record.simulations]


async def test_another_round_can_take_the_majority_away(journal: Journal) -> None:
    """The larger vote counts, not the better one of two."""
    record = await Stage(journal, [(5, 3), (2, 6)]).run()
    assert isinstance(record.decision, Hold)
    assert (record.decision.reason, record.decision.votes, record.decision.asked) == ("hold_voted", 9, 16)


async def test_samples_that_fail_in_the_further_round_count_against_it(journal: Journal) -> None:
    """Five of eight would have acted; five of sixteen do not."""
    record = await Stage(journal, [(5, 3), (0, 0)]).run()
    assert isinstance(record.decision, Hold)
    assert (record.decision.reason, record.decision.asked) == ("no_majority", 16)


async def test_failures_alone_ask_for_nothing(journal: Journal) -> None:
    """Four that agree and four that failed are no majority, and no reason to try again."""
    stage = Stage(journal, [(4, 0), (8, 0)])
    record = await stage.run()
    assert isinstance(record.decision, Hold)
    assert (record.decision.reason, record.decision.asked) == ("no_majority", 8)


async def test_a_further_round_that_fails_is_a_hold(journal: Journal) -> None:
    """I22: the first vote is not fallen back to."""
    record = await Stage(journal, [(5, 3), ModelTimeout("no proposal within 30 s")]).run()
    assert isinstance(record.decision, Hold)
    assert record.decision.reason == "model_timeout"
    assert record.intent_id is None
