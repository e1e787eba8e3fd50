"""Cycles of an older Sentinel, whose view a model gave, are read from the journal and replayed as before."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from sentinel.config.settings import load
from sentinel.core.actions import Candidate, Proposal
from sentinel.core.decision import Act, Hold, HoldReason
from sentinel.core.market_state import MarketView, Regime
from sentinel.core.record import CycleRecord
from sentinel.daemon.replay import decide_again
from sentinel.decide.hold_reason import hold_reason
from sentinel.decide.vote import vote
from sentinel.journal.journal import Journal
from tests.decide import fair_market
from tests.decide.fair_market import HEAD, NETWORK, STATE
from tests.decide.world import buying

VIEW = MarketView({"WETH": 1_000, "USDC": 9_000}, Regime.STRESS, 0.8, HEAD.number + 9, "student:analyst")


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    journal = Journal.open(tmp_path / "journal", NETWORK, "0x00", fair_market.WALLET)
    yield journal
    journal.close()


def kept(journal: Journal, record: CycleRecord) -> CycleRecord:
    journal.record(record)
    (line,) = journal.cycles(1)
    return journal.get_cycle(line.id)


def test_a_vote_under_a_models_view_is_replayed(journal: Journal) -> None:
    """Three of eight buy and five give nothing: no majority, as then."""
    trade = buying().simulation()
    tried = tuple(replace(trade, candidate=replace(trade.candidate, index=index)) for index in range(3))
    candidates = tuple(Candidate(index, simulation.candidate.action, "") for index, simulation in enumerate(tried))
    proposal = Proposal(8, candidates, (), (), (), 1, "student:sentinel-student")
    decision = vote(tried, asked=8)
    record = kept(journal, CycleRecord(HEAD, STATE, VIEW, proposal, tried, (), decision, (), None, {"total": 0.5}))
    assert record.view == VIEW
    again = decide_again(record, load(None), NETWORK)
    assert (again.same, again.decision) == (True, decision)
    assert not decide_again(replace(record, decision=Act(trade, 5, 8, 5, 0)), load(None), NETWORK).same


def test_a_cycle_that_held_for_want_of_a_view_is_read(journal: Journal) -> None:
    """It ended before the vote, so there is nothing to decide again."""
    held = Hold(HoldReason.NO_VIEW, detail="the last one was valid until block 108")
    record = kept(journal, CycleRecord(HEAD, STATE, None, None, (), (), held, (), None, {"total": 0.1}))
    assert hold_reason(record) == "the analyst has no valid view: the last one was valid until block 108"
    again = decide_again(record, load(None), NETWORK)
    assert (again.same, again.why) == (True, "the cycle ended before the vote: no_view")
