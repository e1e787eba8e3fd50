"""The vote against a brute-force reference, and its edges."""

from __future__ import annotations

import random
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import chain, combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentinel.core.actions import Action, Approve, Candidate, HoldAction, Leg, Route, Swap
from sentinel.core.decision import Act, Hold, HoldReason
from sentinel.core.network import HexHash, Symbol
from sentinel.core.simulation import SimEnv, Simulation, TxRequest
from sentinel.decide.ballots import ballot_of
from sentinel.decide.vote import vote

ENV = SimEnv(0, 0, 0, HexHash("0x"), 1, 1, 1, 1, "0x", "0x")
DUST = {"USDC": 10, "WETH": 10}


def simulated(index: int, action: Action, deltas: Mapping[Symbol, int], gross: int) -> Simulation:
    tx = None if isinstance(action, HoldAction) else TxRequest("0x", b"", 0, 1)
    return Simulation(Candidate(index, action, ""), tx, ENV, deltas, gross, 1, (), None)


def swap(index: int, paid: int, got: int, token: str = "WETH", venue: str = "uniswap_v3") -> Simulation:
    route = Route((Leg(f"USDC/{token}", "USDC", token, venue),), paid)
    return simulated(index, Swap((route,), 1, 1), {"USDC": -paid, token: got}, paid)


def cycle(index: int, paid: int, net: int, venues: Sequence[str] = ("uniswap_v2", "uniswap_v3")) -> Simulation:
    legs = (Leg("a", "USDC", "WETH", venues[0]), Leg("b", "WETH", "USDC", venues[1]))
    return simulated(index, Swap((Route(legs, paid),), 1, 1), {"USDC": net}, paid)


def approve(index: int, amount: int) -> Simulation:
    return simulated(index, Approve("USDC", "permit2", amount, 1), {}, 0)


def hold(index: int) -> Simulation:
    return simulated(index, HoldAction("wait"), {}, 0)


AMOUNT = st.one_of(st.integers(11, 40), st.sampled_from([100, 104, 105, 106, 110, 10**30, 10**30 * 21 // 20]))
KIND = st.one_of(
    st.builds(lambda a, b, v: lambda i: swap(i, a, b, "WETH", v), AMOUNT, AMOUNT, st.sampled_from(["v2", "v3"])),
    st.builds(lambda a, b: lambda i: swap(i, a, b, "WBTC"), AMOUNT, AMOUNT),
    st.builds(lambda a, n: lambda i: cycle(i, a, n), AMOUNT, st.one_of(AMOUNT, AMOUNT.map(lambda n: -n))),
    st.builds(lambda a: lambda i: approve(i, a), st.integers(0, 3)),
    st.just(hold),
)
BALLOTS = st.lists(KIND, max_size=8).map(lambda makers: [maker(i) for i, maker in enumerate(makers)])


def brute_force(ballots: Sequence[Simulation], agreement_bps: int) -> dict[object, int]:
    """The size of the largest agreeing set of each class, over all subsets."""
    best: dict[object, int] = {}
    everything = chain.from_iterable(combinations(ballots, size) for size in range(1, len(ballots) + 1))
    for chosen in everything:
        read = [ballot_of(simulation, DUST) for simulation in chosen]
        if len({ballot.key for ballot in read}) > 1:
            continue
        columns = zip(*(ballot.amounts for ballot in read), strict=True)
        if all(max(column) * 10_000 <= min(column) * (10_000 + agreement_bps) for column in columns):
            best[read[0].key] = max(best.get(read[0].key, 0), len(chosen))
    return best


@settings(max_examples=300, deadline=None)
@given(BALLOTS, st.integers(0, 3), st.sampled_from([0, 2500, 5000, 7500]), st.sampled_from([0, 500, 5000]))
def test_the_vote_is_what_trying_every_subset_gives(
    ballots: list[Simulation], failed: int, quorum: int, agreement: int
) -> None:
    """Votes, margin and the kind of decision equal the brute-force reference; a winner was one of the ballots."""
    asked = len(ballots) + failed
    sizes = brute_force(ballots, agreement)
    decision = vote(ballots, asked=asked, quorum_bps=quorum, agreement_bps=agreement, dust=DUST)
    ranked = sorted(sizes.values(), reverse=True) or [0]
    second = ranked[1] if len(ranked) > 1 else 0
    assert decision.votes == ranked[0]
    assert decision.asked == asked
    if isinstance(decision, Hold):
        winner_holds = sizes.get(("hold",), 0) == ranked[0]
        wanted = (
            "no_majority" if not ballots else "tie" if ranked[0] == second else
            "hold_voted" if winner_holds else "no_majority"
        )  # fmt: skip
        assert decision.reason == wanted
        assert wanted != "no_majority" or ranked[0] * 10_000 <= quorum * asked
        return
    assert decision.simulation in ballots
    assert decision.votes * 10_000 > quorum * asked
    assert decision.margin == ranked[0] - second > 0
    assert 0 <= decision.spread_bps <= agreement
    assert sizes[ballot_of(decision.simulation, DUST).key] == ranked[0]


@settings(max_examples=200, deadline=None)
@given(BALLOTS, st.randoms(use_true_random=False))
def test_the_order_of_the_ballots_does_not_matter(ballots: list[Simulation], dice: random.Random) -> None:
    """A shuffled list gives the very same decision, text and all."""
    shuffled = list(ballots)
    dice.shuffle(shuffled)
    assert vote(shuffled, asked=8, quorum_bps=1000, dust=DUST) == vote(ballots, asked=8, quorum_bps=1000, dust=DUST)


@settings(max_examples=200, deadline=None)
@given(BALLOTS, st.permutations(range(8)))
def test_renumbering_the_candidates_does_not_change_what_is_done(ballots: list[Simulation], order: list[int]) -> None:
    """The index decides nothing: with other indices the same action is taken."""
    renumbered = [
        replace(s, candidate=replace(s.candidate, index=order[position])) for position, s in enumerate(ballots)
    ]
    one, other = (vote(b, asked=8, quorum_bps=1000, dust=DUST) for b in (ballots, renumbered))
    assert isinstance(one, Act) == isinstance(other, Act)
    if isinstance(one, Act) and isinstance(other, Act):
        assert one.simulation.candidate.action == other.simulation.candidate.action
        assert (one.votes, one.margin, one.spread_bps) == (other.votes, other.margin, other.spread_bps)


@settings(max_examples=200, deadline=None)
@given(BALLOTS)
def test_doubling_every_ballot_doubles_the_votes(ballots: list[Simulation]) -> None:
    """Two copies of each ballot among twice as many asked give the same action with twice the votes."""
    one = vote(ballots, asked=8, quorum_bps=1000, dust=DUST)
    two = vote([*ballots, *ballots], asked=16, quorum_bps=1000, dust=DUST)
    assert two.votes == 2 * one.votes
    if isinstance(one, Act):
        assert isinstance(two, Act)
        assert two.simulation.candidate.action == one.simulation.candidate.action
        assert two.margin == 2 * one.margin
    else:
        assert isinstance(two, Hold)
        assert two.reason == one.reason


@settings(max_examples=200, deadline=None)
@given(BALLOTS, st.integers(0, 9999))
def test_at_or_below_the_quorum_it_always_holds(ballots: list[Simulation], quorum: int) -> None:
    """No Act without votes * 10000 > quorum * asked, whatever the ballots."""
    for asked in range(len(ballots), 20):
        decision = vote(ballots, asked=asked, quorum_bps=quorum, dust=DUST)
        if decision.votes * 10_000 <= quorum * asked:
            assert isinstance(decision, Hold)


@pytest.mark.parametrize(("votes", "asked", "acts"), [(4, 8, False), (5, 8, True), (3, 7, False), (4, 7, True)])
def test_half_is_no_majority(votes: int, asked: int, acts: bool) -> None:
    """Failures count among the asked: four of eight hold, five act; four of seven act."""
    decision = vote([swap(i, 1000, 2000) for i in range(votes)], asked=asked, dust=DUST)
    assert isinstance(decision, Act) is acts


def test_the_tolerance_is_exact_in_integers() -> None:
    """105 agrees with 100 at 500 bps and 106 does not, nor 10**30 * 1.05 + 1 with 10**30."""
    assert vote([swap(0, 100, 100), swap(1, 105, 100)], asked=2, dust=DUST).votes == 2
    assert vote([swap(0, 100, 100), swap(1, 106, 100)], asked=2, dust=DUST).votes == 1
    huge = 10**30
    edge = huge * 105 // 100
    assert vote([swap(0, huge, huge), swap(1, huge, edge)], asked=2, dust=DUST).votes == 2
    assert vote([swap(0, huge, huge), swap(1, huge, edge + 1)], asked=2, dust=DUST).votes == 1


def test_agreement_in_one_amount_is_not_agreement() -> None:
    """Equal inputs with outputs far apart do not agree: every net change above dust is compared."""
    ballots = [swap(i, 1000, 1000 * (i + 1)) for i in range(3)]
    assert vote(ballots, asked=3, dust=DUST) == Hold(
        HoldReason.NO_MAJORITY,
        1,
        3,
        "1 of 3 wanted to buy WETH with USDC (and 2 in other amounts); a majority needs more than 1",
    )


def test_between_overlapping_windows_of_one_class_the_lower_amounts_win() -> None:
    """100, 104, 108: both pairs agree, and the lower pair is taken."""
    decision = vote([swap(i, paid, 1000) for i, paid in enumerate((108, 104, 100))], asked=3, dust=DUST)
    assert isinstance(decision, Act)
    assert decision.simulation.gross == 100
    assert decision.spread_bps == 400
    assert (decision.votes, decision.margin) == (2, 2)


def test_a_tie_between_classes_holds() -> None:
    """Four that buy and four that hold decide nothing, even with a low quorum."""
    ballots = [*(swap(i, 1000, 2000) for i in range(4)), *(hold(4 + i) for i in range(4))]
    decision = vote(ballots, asked=8, quorum_bps=1000, dust=DUST)
    assert decision == Hold(HoldReason.TIE, 4, 8, decision.detail if isinstance(decision, Hold) else "")


def test_venues_do_not_matter_to_a_swap_but_do_to_a_cycle() -> None:
    """The same effect over two venues is one class; the same circle in another venue order is not."""
    swaps = [swap(0, 1000, 2000, venue="uniswap_v2"), swap(1, 1000, 2000, venue="uniswap_v3")]
    assert vote(swaps, asked=2, dust=DUST).votes == 2
    cycles = [cycle(0, 1000, 50), cycle(1, 1000, 50, ("uniswap_v3", "uniswap_v2"))]
    assert vote(cycles, asked=2, dust=DUST) == Hold(
        HoldReason.TIE,
        1,
        2,
        "1 of 2 wanted to trade the circle USDC-WETH-USDC, 1 to trade the circle USDC-WETH-USDC; "
        "a majority needs more than 1",
    )


def test_a_cycle_is_compared_on_its_gross_amount_too() -> None:
    """The same small gain on ten times the capital does not agree."""
    assert vote([cycle(0, 1000, 50), cycle(1, 10_000, 50)], asked=2, dust=DUST).votes == 1


def test_dust_is_not_compared() -> None:
    """A net change of a few base units neither splits a class nor breaks agreement; above the floor it does."""
    plain, dusty = swap(0, 1000, 2000), swap(1, 1000, 2000)
    dusty = replace(dusty, deltas={**dusty.deltas, "WBTC": 7})
    assert vote([plain, dusty], asked=2, dust={"WBTC": 7}).votes == 2
    assert vote([plain, dusty], asked=2, dust={"WBTC": 6}).votes == 1


def test_the_representative_is_the_lower_median_and_was_simulated() -> None:
    """Of four gross amounts the second is taken; of equal ones the lesser content, whatever the index."""
    ballots = [swap(i, paid, 2000) for i, paid in enumerate((1003, 1001, 1002, 1000))]
    decision = vote(ballots, asked=4, dust=DUST)
    assert isinstance(decision, Act)
    assert decision.simulation is ballots[1]
    equal = [swap(0, 1000, 2002), swap(1, 1000, 2001), swap(2, 1000, 2003)]
    decision = vote(equal, asked=3, dust=DUST)
    assert isinstance(decision, Act)
    assert decision.simulation is equal[0]


def test_approvals_agree_by_token_spender_and_amount() -> None:
    """Zero agrees only with zero; near amounts agree."""
    assert vote([approve(0, 0), approve(1, 0)], asked=2, dust=DUST).votes == 2
    assert vote([approve(0, 0), approve(1, 1)], asked=2, dust=DUST).votes == 1
    assert vote([approve(0, 1000), approve(1, 1050)], asked=2, dust=DUST).votes == 2


def test_a_hold_says_why_in_plain_words() -> None:
    """The sentence names what was wanted, by how many, and how many are needed."""
    ballots = [*(swap(i, 1000, 2000) for i in range(4)), *(hold(4 + i) for i in range(2))]
    decision = vote(ballots, asked=8, dust=DUST)
    assert isinstance(decision, Hold)
    assert decision.detail == (
        "4 of 8 wanted to buy WETH with USDC, 2 to hold, 2 gave nothing usable; a majority needs more than 4"
    )
    decision = vote([hold(i) for i in range(5)], asked=8, dust=DUST)
    assert decision == Hold(HoldReason.HOLD_VOTED, 5, 8, "5 of 8 wanted to hold, 3 gave nothing usable")
    assert vote([], asked=8).votes == 0


@pytest.mark.parametrize(("count", "budget"), [(64, 0.05), (256, 0.5)])
@pytest.mark.parametrize("spread", [0.0, 0.02, 0.2, 3.0])
def test_many_ballots_are_quick(count: int, budget: float, spread: float) -> None:
    """64 ballots take about a millisecond and 256 a few, close together or far apart (budgets allow a busy machine)."""
    dice = random.Random(7)
    ballots = [
        swap(i, int(10**9 * (1 + spread * dice.random())), int(10**18 * (1 + spread * dice.random())))
        for i in range(count)
    ]
    started = time.perf_counter()
    vote(ballots, asked=count, dust=DUST)
    assert time.perf_counter() - started < budget
