"""Where a cycle differs from what the player of the approved order did: missed, disagreed, guarded."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from sentinel.core.decision import HoldReason, Verdict
from sentinel.core.record import CycleRecord, PlayedOrder
from sentinel.core.simulation import Refusal
from sentinel.decide.order_outcomes import UNDECIDED, Deviation, deviations
from sentinel.orders.playing.player import Play
from sentinel.orders.playing.trades import Side, Trade
from tests.daemon import values
from tests.decide.world import buying

HOLDS = PlayedOrder("a1", "next buy in 12 minutes")
BUYS = PlayedOrder("a1", "buy WETH for 500.00 USDC", 0, "buy", "USDC", "WETH", "500", "500")
SELLS = PlayedOrder("a1", "sell all", 1, "sell", "WETH", "USDC", "2", "4000")
NOTHING: frozenset[Deviation] = frozenset()


def held(played: PlayedOrder | None, reason: HoldReason = HoldReason.NO_MAJORITY, *rules: str) -> CycleRecord:
    """The cycle held, and these rules refused candidates."""
    refusals = tuple(Refusal(i, rule, "why") for i, rule in enumerate(rules))
    return replace(values.record(values.hold(reason)), played=played, refusals=refusals)


def acted(played: PlayedOrder | None, *rules: str) -> CycleRecord:
    refusals = tuple(Refusal(i, rule, "why") for i, rule in enumerate(rules))
    return replace(values.record(values.act(), intent_id="a1"), played=played, refusals=refusals)


@pytest.mark.parametrize("reason", [reason for reason in HoldReason if reason not in UNDECIDED])
def test_a_trade_of_the_player_is_missed_whatever_the_cycle_held_for(reason: HoldReason) -> None:
    """An outage too: the trade was wanted and not made."""
    assert deviations(held(BUYS, reason)) == {Deviation.MISSED}
    assert deviations(held(HOLDS, reason)) == NOTHING


@pytest.mark.parametrize("reason", sorted(UNDECIDED))
def test_a_cycle_that_decided_nothing_misses_nothing(reason: HoldReason) -> None:
    """In flight, paused, stopping, disputed."""
    assert deviations(held(BUYS, reason)) == NOTHING


def test_the_undecided_are_these() -> None:
    assert sorted(UNDECIDED) == ["disputed", "in_flight", "paused", "stopping"]


def test_without_an_order_nothing_deviates() -> None:
    """Whatever was refused."""
    assert deviations(held(None, HoldReason.HOLD_VOTED, "order")) == NOTHING
    assert deviations(acted(None, "order")) == NOTHING


def test_an_act_as_the_player_wants_is_no_deviation() -> None:
    """Candidates that other rules refused are none either."""
    assert deviations(acted(BUYS)) == NOTHING
    assert deviations(acted(BUYS, "slippage", "trade_size")) == NOTHING


def test_an_exit_that_was_made_in_place_of_the_vote_was_missed_by_it() -> None:
    """Whether it was carried out or refused: the vote is what the operator must look at."""
    assert deviations(replace(acted(SELLS), exit_made=True)) == {Deviation.MISSED}
    assert deviations(replace(held(SELLS), exit_made=True)) == {Deviation.MISSED}


def test_another_trade_than_the_players_disagrees() -> None:
    """A minority that another trade was refused to counts as well; the majority still acts."""
    assert deviations(acted(BUYS, "slippage", "order")) == {Deviation.DISAGREED}
    assert deviations(held(BUYS, HoldReason.NO_MAJORITY, "order")) == {Deviation.DISAGREED, Deviation.MISSED}


def test_a_trade_while_the_player_holds_is_guarded() -> None:
    assert deviations(held(HOLDS, HoldReason.NO_MAJORITY, "order", "order")) == {Deviation.GUARDED}


@pytest.mark.parametrize(("played", "found"), [(BUYS, Deviation.DISAGREED), (HOLDS, Deviation.GUARDED)])
def test_the_final_check_counts_like_the_screening(played: PlayedOrder, found: Deviation) -> None:
    """Only a verdict against the trade does."""
    record = replace(held(played, HoldReason.REFUSED), verdicts=(Verdict("order", False, "why"),))
    assert found in deviations(record)
    fine = replace(record, verdicts=(Verdict("order", True, "fine"), Verdict("slippage", False, "why")))
    assert found not in deviations(fine)


FIVE, SEVEN = (Trade(Side.BUY, "USDC", "WETH", Decimal(size), Decimal(size)) for size in (500, 700))
ONE_OUT = Trade(Side.SELL, "WETH", "USDC", Decimal(1), Decimal(2000))


@pytest.mark.parametrize(
    ("play", "found"),
    [
        (Play(FIVE, 0, "buy", frozenset()), None),
        (Play(SEVEN, 0, "buy", frozenset()), Deviation.DISAGREED),
        (Play(ONE_OUT, 0, "sell", frozenset()), Deviation.DISAGREED),
        (Play(None, None, "next buy in 12 minutes", frozenset()), Deviation.GUARDED),
    ],
)
def test_the_rule_of_policy_is_the_one_that_is_counted(play: Play, found: Deviation | None) -> None:
    """500 USDC for WETH, screened by the real policy under orders that want it, more of it, the other side, nothing."""
    refused = buying().but(play=play).refused_on_screen()
    played = PlayedOrder("a1", play.why, play.clause)
    expected = NOTHING if found is None else {found}
    assert deviations(acted(played, *([refused] if refused else []))) == expected
