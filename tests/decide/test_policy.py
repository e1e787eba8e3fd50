"""Every rule lets through what is just inside and refuses, alone, what is just outside: none can be left out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from sentinel.core.actions import Candidate, HoldAction, Swap
from sentinel.core.decision import Act
from sentinel.core.market_state import Reference, V2State
from sentinel.core.simulation import Simulation
from sentinel.core.spent import Spent
from sentinel.decide.case import Case
from sentinel.decide.policy import APPROVE_RULES, SWAP_RULES, Policy
from sentinel.decide.rules_confirm import FINAL_RULES
from sentinel.decide.rules_transaction import value
from tests.decide.edges import EDGES
from tests.decide.fair_market import ALL, DEADLINE, HEAD, LIMITS, MSG_SENDER, NETWORK, NOW, ROUTER, STATE
from tests.decide.plain_calldata import WRAP, command, execute
from tests.decide.world import FAIR, GOOD, World, buying, circling, splitting, unwrapping, wrapping

FINAL_ONLY = {rule.__name__ for rule in FINAL_RULES}
STRUCTURAL = {"action", "calldata"}  # without them the rules that read the bytes refuse as well
ROWS = [(rule, inside, outside) for rule, rows in EDGES.items() for inside, outside in rows]


@pytest.mark.parametrize("make", GOOD)
def test_good_trades_pass(make: Callable[[], World]) -> None:
    """A plain swap, a hop, a split, a closed cycle and an approval pass both times."""
    assert make().refused_on_screen() is None
    assert make().refused_finally() == set()


@pytest.mark.parametrize(("rule", "inside", "outside"), ROWS, ids=[row[0] for row in ROWS])
def test_a_rule_refuses_just_outside_and_nothing_else_does(rule: str, inside: World, outside: World) -> None:
    """Inside passes; outside this one rule refuses: were it taken out, the trade would be made."""
    assert inside.refused_finally() == set()
    assert outside.refused_finally() == {rule}
    assert inside.refused_on_screen() is None
    if rule not in FINAL_ONLY:
        assert outside.refused_on_screen() == rule


def test_every_rule_has_its_edge() -> None:
    """No rule is without a case that it alone refuses."""
    rules = {rule.__name__ for rule in (*SWAP_RULES, *APPROVE_RULES, *FINAL_RULES)}
    assert rules - STRUCTURAL == set(EDGES)


@pytest.mark.parametrize(
    ("rule", "inside", "outside"), [r for r in ROWS if r[0] not in FINAL_ONLY], ids=lambda v: v if v is str else ""
)
def test_with_the_rule_taken_out_the_trade_passes(
    rule: str, inside: World, outside: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The mutant without the guard lets the same trade become a ballot: the guard is what stops it."""
    for name, rules in (("SWAP_RULES", SWAP_RULES), ("APPROVE_RULES", APPROVE_RULES)):
        monkeypatch.setattr(f"sentinel.decide.policy.{name}", tuple(r for r in rules if r.__name__ != rule))
    assert outside.refused_on_screen() is None


def test_a_hold_is_a_ballot_that_may_not_do_anything() -> None:
    """Holds pass the screen; one with a transaction or an effect does not."""
    hold = replace(buying().simulation(2), candidate=Candidate(2, HoldAction("wait"), ""), tx=None, deltas={}, gross=0)
    policy = Policy(NETWORK, LIMITS)
    assert policy.screen([hold], STATE, Spent(0, 0)) == ((hold,), ())
    for bad in (replace(hold, tx=buying().tx), replace(hold, deltas={"USDC": -1})):
        ballots, refusals = policy.screen([bad], STATE, Spent(0, 0))
        assert ballots == ()
        assert [(refusal.index, refusal.rule) for refusal in refusals] == [(2, "action")]


def test_each_candidate_is_judged_by_itself() -> None:
    """Good ones stay in their order, bad ones are named by their index."""
    simulations = [buying().simulation(0), buying().but(value=1).simulation(1), circling().simulation(2)]
    ballots, refusals = Policy(NETWORK, LIMITS).screen(simulations, STATE, Spent(0, 0))
    assert [simulation.candidate.index for simulation in ballots] == [0, 2]
    assert [(refusal.index, refusal.rule) for refusal in refusals] == [(1, "value")]


@pytest.mark.parametrize("amounts", [(FAIR - 1,), (FAIR, FAIR), (FAIR, 1), ()])
def test_the_value_is_what_the_bytes_wrap_whatever_the_action_says(amounts: tuple[int, ...]) -> None:
    """Judged by this rule alone, apart from the one that compares bytes and action."""
    world = wrapping()
    trade = command(world.swap.routes[0].legs[1], MSG_SENDER, ALL, 1, False)
    wraps = [command(WRAP, ROUTER, amount, 0, True) for amount in amounts]
    for data, fits in ((world.data, True), (execute([*wraps, trade]), False)):
        simulation = world.but(data=data).simulation()
        assert value(Case(NETWORK, LIMITS, STATE, HEAD, Spent(0, 0), simulation))[0] is fits


def _final(simulation: Simulation, *confirmed: Simulation) -> set[str]:
    decision = Act(simulation, 8, 8, 8, 0)
    verdicts = Policy(NETWORK, LIMITS).check(confirmed, decision, STATE, HEAD, Spent(0, 0), float(NOW))
    return {verdict.rule for verdict in verdicts if not verdict.ok}


def test_nothing_confirmed_is_refused_by_every_rule_that_reads_it() -> None:
    """An empty confirmation is no confirmation, and a hold is nothing to act on."""
    good = buying().simulation()
    final = {rule.__name__ for rule in FINAL_RULES} - {"head_age", "round_trip"}  # WETH is trusted
    assert {rule.__name__ for rule in SWAP_RULES} | final == _final(good)
    assert "environments" in _final(good, good)
    hold = replace(good, candidate=Candidate(0, HoldAction("wait"), ""))
    assert "unknown_action" in _final(hold, hold, hold)
    no_transaction = replace(good, tx=None)
    assert {"action", "same_trade"} <= _final(no_transaction, no_transaction, no_transaction)
    other = replace(good, candidate=Candidate(0, splitting().action, ""))
    assert {"route", "same_trade"} <= _final(good, good, other)


@pytest.mark.parametrize(
    ("broken", "rule"),
    [
        (buying().stated(pools={}), "pool_price"),
        (buying().stated(pools={**STATE.pools, "WETH/USDC-v2": V2State(0, 0)}), "pool_price"),
        (buying().stated(reference={}), "reference"),
        (buying().stated(reference={**STATE.reference, "WETH": Reference(0, 8, NOW)}), "reference"),
        (buying().stated(reference={**STATE.reference, "WETH": Reference(-1, 8, NOW)}), "reference"),
        (buying().stated(permit_nonces={}), "permit"),
        (buying().stated(balances={}), "receipt"),
        (unwrapping().stated(balances={}), "gas_reserve"),
        (buying().but(spent=None), "daily_loss"),
        (buying().but(deltas=None), "daily_loss"),
        (buying().but(data=None), "calldata"),
        (buying().but(action=Swap((), 1, DEADLINE)), "route"),
        (buying().but(action="all in"), "unknown_action"),
    ],
)
def test_what_cannot_be_judged_is_refused(broken: World, rule: str) -> None:
    """Fail closed: a rule that trips over its input refuses under its own name, and nothing is raised."""
    assert broken.refused_on_screen() == rule
    assert rule in broken.refused_finally()
