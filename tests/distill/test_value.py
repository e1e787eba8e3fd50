"""Value: what the rule asks for is the best that can be done, on real pools; and how a share of it is counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import aclosing, suppress
from dataclasses import replace
from itertools import pairwise, permutations, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.agent.oracle import OracleModel
from sentinel.agent.playbooks import PLAYBOOKS
from sentinel.agent.tools import Toolbox
from sentinel.core.actions import Action, Approve, Candidate, Swap
from sentinel.core.decision import Act
from sentinel.core.errors import AgentFault, QuoteError
from sentinel.core.mandate import Mandate
from sentinel.core.market_state import MarketState
from sentinel.core.network import HexHash
from sentinel.core.simulation import SimEnv, Simulation, TxRequest
from sentinel.distill.collecting.trajectories import drop_reason
from sentinel.distill.states import split
from sentinel.distill.states.action_value import EPSILON, RULES, best, captured, goal, regret_bps, succeeds, value
from sentinel.distill.states.tasks import Task, tasks
from tests.agent.doubles import NETWORK, STATE, VIEW, PaperBuilder, PaperQuoter, toolbox, with_balances

STATES = 320
TX = TxRequest("0x" + "00" * 20, b"", 0, 200_000)
ENV = SimEnv(0, 10**10, 10**9, HexHash("0x"), 1, 1, 10**9, 30_000_000, "0x", "0x")
SIZES = [0.02, 0.1, 0.3, 0.5, 0.8, 0.9, 0.97, 1.0, 1.03, 1.1, 1.3, 2.0]  # of what the rule asks for, or of `size`


def trades(case: Task, box: Toolbox) -> Iterator[Action]:
    """Both sides at every venue, in sizes about the one that the rule asks for."""
    base, quote = case.scenario.mandate.base, case.arena.network.quote
    asked = abs(goal(case.scenario.mandate, box).wanted) or case.scenario.mandate.size
    for way in ((quote, base), (base, quote)):
        for share, venue in product(SIZES, box.venues(*way)):
            with suppress(AgentFault, QuoteError):
                yield box.swap(*way, min(share * asked, box.worth(way[0])) / box.prices(way[0])[-1], venue)


def loops(case: Task, box: Toolbox) -> Iterator[Action]:
    """Every way round over two venues through the base token, or over two and three; in sizes up to `size`."""
    mandate, quote = case.scenario.mandate, case.arena.network.quote
    most = min(mandate.size, box.worth(quote))
    others = [mandate.base] if mandate.playbook == "arbitrage" else sorted({*case.arena.network.tokens} - {quote})
    for hops in (1,) if mandate.playbook == "arbitrage" else (1, 2):
        for between in permutations(others, hops):
            way = [quote, *between, quote]
            for venues in product(*(box.venues(a, b) for a, b in pairwise(way))):
                for step in range(1, 21):
                    with suppress(AgentFault, QuoteError):
                        yield box.route(way, most * step / 20, [*venues])


async def test_nothing_that_can_be_traded_is_worth_more_than_what_the_rule_asks_for() -> None:
    """By simulation on the fork: no side, size, venue or loop beats it by more than a hundredth; where the rule holds,
    or its trade does not pay for itself, nothing beats holding."""
    judged: Counter[tuple[str, bool]] = Counter()
    async with aclosing(tasks(split.load("dev"), 11)) as stream:
        async for case in stream:
            mandate, box = case.scenario.mandate, case.arena.tools(case.state, case.scenario)
            most = best(mandate, box)
            judged["states", True] += 1
            if judged["states", True] == STATES:
                break
            if judged[mandate.playbook, most > 0] >= 6:
                continue
            judged[mandate.playbook, most > 0] += 1
            actions = list((trades if mandate.playbook in RULES else loops)(case, box))
            tried = await case.arena.toolkit.simulate_all(
                case.state, [Candidate(i, a, "") for i, a in enumerate(actions)]
            )
            for simulation in tried:
                assert value(mandate, box, simulation) <= 1.01 * most + EPSILON, (mandate, simulation.deltas)
    assert {key for key in judged if judged[key] >= 2} >= set(product(PLAYBOOKS, (True, False)))


async def test_the_oracles_code_does_exactly_what_the_rule_asks_for() -> None:
    """Act where the rule acts, hold where it holds, to a millionth of the size; every act is verified by simulation
    and captures all of the value."""
    seen: Counter[tuple[str, bool]] = Counter()
    async with aclosing(tasks(split.load("heldout"), 12)) as stream:
        async for case in stream:
            verdict = await case.arena.play(OracleModel(), case.state, case.scenario, 1)
            mandate, box = case.scenario.mandate, case.arena.tools(case.state, case.scenario)
            most, action = best(mandate, box), verdict.simulations[0].candidate.action
            if mandate.playbook in RULES:
                wanted = goal(mandate, box).wanted
                assert isinstance(action, Swap) == (wanted != 0), mandate
                if isinstance(action, Swap):
                    assert action.token_in == (case.arena.network.quote if wanted > 0 else mandate.base)
                    put_in = action.amount_in / 10 ** case.arena.network.tokens[action.token_in].decimals
                    assert put_in * case.state.prices[action.token_in] == pytest.approx(abs(wanted), rel=1e-6)
            else:
                assert isinstance(action, Swap) == (most > mandate.least)
            if drop_reason(case, verdict) is not None:
                assert most == 0
                continue
            assert value(mandate, box, verdict.simulations[0]) == pytest.approx(most, rel=2e-3, abs=0.01), mandate
            seen[mandate.playbook, isinstance(verdict.decision, Act)] += 1
            if seen.total() == STATES:
                break
    assert set(seen) == set(product(PLAYBOOKS, (True, False)))


ORDER = Mandate("slice", "WETH", 0.02, 20, 0.004, 5000.0, 10.0, until=STATE.head.number + 30, every=10)


def at(state: MarketState, blocks: int) -> Toolbox:
    """The desk so many blocks on; 3 WETH at 2,000 and 4,000 USDC at first, half of it wanted in each."""
    state = replace(state, head=replace(state.head, number=STATE.head.number + blocks))
    return Toolbox(state, VIEW, NETWORK, PaperQuoter(), PaperBuilder())


def test_an_order_is_traded_in_equal_slices_and_ends_at_its_target() -> None:
    """Four slices of a quarter each, nothing between them and nothing after the last; a slice that was missed is made
    up for by the later ones."""
    for missed, sold in ((None, [250.0, 250.0, 250.0, 250.0]), (10, [250.0, 0.0, 375.0, 375.0])):
        state, done = STATE, []
        for blocks in range(45):
            wanted = goal(ORDER, at(state, blocks)).wanted
            if blocks % 10 or blocks > 30:
                assert wanted == 0
                continue
            if blocks == missed:
                wanted = 0.0
            done.append(-wanted)
            weth, usdc = state.balances["WETH"] + round(wanted * 5e14), state.balances["USDC"] - round(wanted * 10**6)
            state = replace(state, balances={**state.balances, "WETH": weth, "USDC": usdc})
        assert done == pytest.approx(sold, abs=0.02)
        assert at(state, 45).weight("WETH") == pytest.approx(0.5, abs=1e-6)


def test_an_order_whose_last_block_is_past_is_over() -> None:
    """Whatever is left of it."""
    assert goal(replace(ORDER, until=STATE.head.number - 10), toolbox()).wanted == 0


def test_risk_is_reduced_when_there_is_too_much_or_it_has_fallen_and_never_bought() -> None:
    """60 % of WETH against a target of 50 %; it closed at its highest of the bars, or 5 % below."""
    mandate = Mandate("reduce_risk", "WETH", 0.08, 4, 0.04, 5000.0, 10.0)
    fallen = replace(STATE, history={"WETH": (1900.0, 2105.26, 2000.0)})
    assert goal(mandate, toolbox()).wanted == pytest.approx(-1000)
    assert goal(replace(mandate, band=0.12), toolbox()).wanted == 0
    assert goal(replace(mandate, band=0.12), toolbox(fallen)).wanted == pytest.approx(-1000)
    assert goal(replace(mandate, band=0.12, threshold=0.06), toolbox(fallen)).wanted == 0
    assert goal(mandate, toolbox(with_balances(WETH=10**18))).wanted == 0
    assert goal(replace(mandate, size=400.0), toolbox()).wanted == -400
    assert goal(replace(mandate, least=1001.0), toolbox()).wanted == 0


def test_the_mean_is_traded_against() -> None:
    """Sell above it, buy below; the further off, the more it is worth."""
    mandate = Mandate("mean_reversion", "WETH", 0.02, 4, 0.02, 500.0, 10.0)
    high = goal(mandate, toolbox())  # 2,000 at a mean of 1,957.53
    assert high.wanted == -500
    assert high.strength == pytest.approx((2000 / 1957.53 - 1) / 0.02, rel=1e-3)
    assert goal(replace(mandate, threshold=0.022), toolbox()).wanted == 0
    low = replace(STATE, history={"WETH": (2100.0, 2100.0, 2000.0)})
    assert goal(mandate, toolbox(low)).wanted == 500


def test_an_approval_a_revert_and_a_trade_of_another_pair_are_worth_less_than_holding() -> None:
    """Whatever else the action may be: only what the playbook asks for is worth something."""
    mandate, box = Mandate("rebalance", "WETH", 0.02, 20, 0.004, 500.0, 10.0), toolbox()
    swap = box.swap("USDC", "WBTC", 500, "v2")
    for action, gross in ((Approve("USDC", "permit2", 1, 0), 0), (swap, 500 * 10**6)):
        candidate = Candidate(0, action, "")
        simulation = Simulation(candidate, TX, ENV, {"USDC": -gross}, gross, 90_000, (), None)
        assert value(mandate, box, simulation) < -0.01
        assert value(mandate, box, replace(simulation, revert="no")) < -0.01
    assert value(mandate, box, Simulation(Candidate(0, box.hold(), ""), None, ENV, {}, 0, 0, (), None)) == 0


def test_within_epsilon_of_nothing_only_the_loss_counts() -> None:
    """There is no share of a value that is not there."""
    assert captured(0.0, 0.0) == captured(-0.9 * EPSILON, 0.0) == captured(0.0, EPSILON) == 1.0
    assert captured(-2 * EPSILON, 0.0) == captured(-EPSILON, EPSILON) == 0.0
    assert [captured(ours, 10.0) for ours in (9.6, 11.0, -5.0, 0.0)] == [0.96, 1.0, 0.0, 0.0]
    assert [succeeds(ours, 10.0) for ours in (9.5, 9.4, 0.0)] == [True, False, False]
    assert succeeds(0.0, 0.0)
    assert regret_bps(9.0, 10.0, 5_000.0) == pytest.approx(2.0)
    assert regret_bps(11.0, 10.0, 5_000.0) == 0.0


@given(st.floats(-100, 100), st.floats(0, 100))
def test_a_share_is_between_0_and_1_and_less_regret_never_captures_less(ours: float, oracle: float) -> None:
    assert 0.0 <= captured(ours, oracle) <= 1.0
    assert captured(ours, oracle) <= captured(ours + 1.0, oracle)
    assert regret_bps(ours, oracle, 1_000.0) >= regret_bps(ours + 1.0, oracle, 1_000.0) >= 0.0
