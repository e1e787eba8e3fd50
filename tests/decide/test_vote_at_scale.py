"""The vote with as many ballots as a GPU can ask for, against a reference that tries every box."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentinel.core.decision import Act, Hold
from sentinel.core.simulation import Simulation
from sentinel.core.units import BPS
from sentinel.decide.agreement import agrees, largest_agreeing
from sentinel.decide.ballots import ballot_of
from sentinel.decide.vote import vote
from tests.decide.test_vote import DUST, approve, cycle, hold, swap

Point = tuple[int, ...]


def every_box(points: Sequence[Point], tolerance: int) -> int:
    """The fullest of all boxes whose lower corner takes each coordinate from some point: slow, and plainly right."""
    best = 0
    corners: list[Point] = [()]
    for axis in range(len(points[0])):
        corners = [(*corner, low) for corner in corners for low in {point[axis] for point in points}]
    for corner in corners:
        inside = sum(
            all(low <= x and x * BPS <= low * (BPS + tolerance) for low, x in zip(corner, point, strict=True))
            for point in points
        )
        best = max(best, inside)
    return best


def ladder(dice: random.Random, count: int, tolerance: int, start: int) -> list[int]:
    """Amounts at the very edge of agreement with one another, one base unit to either side of it."""
    rungs = [start]
    while len(rungs) < 6:
        rungs.append(rungs[-1] * (BPS + tolerance) // BPS + dice.choice((0, 0, 1)))
    return [dice.choice(rungs) + dice.choice((0, 0, 0, 1, -1)) for _ in range(count)]


@pytest.mark.parametrize("start", [20, 10**6, 10**18, 2**200])
@pytest.mark.parametrize("tolerance", [0, 1, 500, 5000])
def test_amounts_at_the_edges_of_agreement_are_counted_exactly(tolerance: int, start: int) -> None:
    """48 ballots on ladders whose rungs just agree or just do not, from a few base units to beyond any supply."""
    dice = random.Random(f"{tolerance}/{start}")
    for _ in range(3):
        points = list(zip(ladder(dice, 48, tolerance, start), ladder(dice, 48, tolerance, 3 * start + 7), strict=True))
        chosen = largest_agreeing(points, tolerance)
        assert agrees([points[place] for place in chosen], tolerance)
        assert len(chosen) == every_box(points, tolerance)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(*[st.integers(0, 9) | st.integers(95, 112)] * 3), min_size=1, max_size=14), st.data())
def test_three_amounts_with_zeros_among_them(points: list[Point], data: st.DataObject) -> None:
    """A cycle's gross and two changes: zero agrees with zero alone, and the set is the largest there is."""
    tolerance = data.draw(st.sampled_from([0, 500, 2000]))
    assert len(largest_agreeing(points, tolerance)) == every_box(points, tolerance)


def crowd(dice: random.Random, count: int) -> list[Simulation]:
    """Ballots of every kind, some the same to the unit, some a hair apart."""
    ballots: list[Simulation] = []
    for index in range(count):
        paid = dice.choice([100_000, 104_999, 105_000, 105_001, 110_250, 10**24])
        kind = dice.random()
        if kind < 0.5:
            ballots.append(swap(index, paid, dice.choice([50_000, 52_500, 52_501]), dice.choice(["WETH", "WBTC"])))
        elif kind < 0.7:
            ballots.append(cycle(index, paid, dice.choice([-700, 700, 735, 736])))
        elif kind < 0.8:
            ballots.append(approve(index, dice.choice([0, 1, 100, 105])))
        else:
            ballots.append(hold(index))
    return ballots


@pytest.mark.parametrize("count", [16, 64, 128])
def test_the_decision_of_a_crowd_is_the_references(count: int) -> None:
    """Votes, margin and kind for crowds of every kind of ballot, shuffled and renumbered without any difference."""
    for seed in range(8):
        dice = random.Random(f"{count}/{seed}")
        ballots = crowd(dice, count)
        sizes: dict[object, int] = {}
        for key in {ballot_of(ballot, DUST).key for ballot in ballots}:
            amounts = [found.amounts for found in (ballot_of(b, DUST) for b in ballots) if found.key == key]
            sizes[key] = every_box(amounts, 500) if amounts[0] else len(amounts)
        ranked = sorted([*sizes.values(), 0], reverse=True)
        decision = vote(ballots, asked=count, quorum_bps=1000, dust=DUST)
        assert decision.votes == ranked[0]
        if isinstance(decision, Act):
            assert decision.margin == ranked[0] - ranked[1] > 0
        else:
            tied, held = ranked[0] == ranked[1], sizes.get(("hold",)) == ranked[0]
            assert decision.reason == ("tie" if tied else "hold_voted" if held else "no_majority")
        dice.shuffle(ballots)
        assert vote(ballots, asked=count, quorum_bps=1000, dust=DUST) == decision


@pytest.mark.parametrize("copies", [2, 7, 31])
def test_copies_of_every_ballot_change_nothing_but_the_counts(copies: int) -> None:
    """Asking k times as often with the same answers gives the same action, k times the votes."""
    for seed in range(4):
        ballots = crowd(random.Random(seed), 8)
        one = vote(ballots, asked=8, quorum_bps=1000, dust=DUST)
        many = vote(ballots * copies, asked=8 * copies, quorum_bps=1000, dust=DUST)
        assert many.votes == copies * one.votes
        assert isinstance(many, Act) == isinstance(one, Act)
        if isinstance(one, Act) and isinstance(many, Act):
            assert many.simulation.candidate.action == one.simulation.candidate.action
            assert (many.margin, many.spread_bps) == (copies * one.margin, one.spread_bps)


@given(st.integers(1, 256), st.integers(0, 256))
def test_a_strict_majority_of_those_asked_and_nothing_less(votes: int, others: int) -> None:
    """At the default quorum exactly half never acts, one more always does; who failed counts against."""
    decision = vote([swap(index, 1000, 2000) for index in range(votes)], asked=votes + others, dust=DUST)
    assert isinstance(decision, Act) == (2 * votes > votes + others)


@pytest.mark.parametrize("pairs", [1, 4, 64])
def test_two_equal_camps_are_a_tie_whatever_they_want(pairs: int) -> None:
    """Buy against sell, swap against cycle, trade against hold: Hold, with both camps' size."""
    camps = [
        ([swap(i, 1000, 2000) for i in range(pairs)], [cycle(i, 1000, 50) for i in range(pairs)]),
        ([swap(i, 1000, 2000) for i in range(pairs)], [hold(i) for i in range(pairs)]),
        ([swap(i, 1000, 2000) for i in range(pairs)], [swap(i, 1000, 2000, "WBTC") for i in range(pairs)]),
    ]
    for one, other in camps:
        decision = vote([*one, *other], asked=2 * pairs, quorum_bps=0, dust=DUST)
        assert isinstance(decision, Hold)
        assert (decision.reason, decision.votes) == ("tie", pairs)


def test_one_wild_ballot_cannot_move_what_a_majority_does() -> None:
    """Whatever amounts a minority names, the representative stays within the honest ballots' own range."""
    dice = random.Random(5)
    for _ in range(200):
        honest = [swap(i, 100_000 + dice.randrange(4000), 50_000 + dice.randrange(2000)) for i in range(5)]
        wild = [
            swap(5 + i, dice.choice([11, 99_999, 105_100, 2**255]), dice.choice([11, 50_500, 2**255])) for i in range(3)
        ]
        decision = vote([*wild, *honest], asked=8, dust=DUST)
        assert isinstance(decision, Act)
        paid = [ballot.gross for ballot in honest]
        assert min(paid) * BPS <= decision.simulation.gross * (BPS + 500)
        assert decision.simulation.gross * BPS <= max(paid) * (BPS + 500)


@pytest.mark.parametrize("shape", ["ladder", "grid", "diagonal"])
def test_adversarial_spreads_are_quick(shape: str) -> None:
    """256 ballots laid out so that as many windows as possible overlap: still far below a block's time."""
    dice = random.Random(3)
    amounts = {
        "ladder": [(1000 * 1.001**i, 1000 * 1.001 ** (255 - i)) for i in range(256)],
        "grid": [(1000 * 1.01 ** (i % 16), 1000 * 1.01 ** (i // 16)) for i in range(256)],
        "diagonal": [(1000 * 1.002**i, 1000 * 1.002 ** (i + dice.randrange(9))) for i in range(256)],
    }[shape]
    ballots = [swap(i, int(a * 10**6), int(b * 10**6)) for i, (a, b) in enumerate(amounts)]
    started = time.perf_counter()
    decision = vote(ballots, asked=256, dust=DUST)
    assert time.perf_counter() - started < 3.0  # measured 0.01 to 0.14 s; the bound allows a busy machine
    assert decision.votes == every_box_sorted(amounts_of(ballots), 500)


def amounts_of(ballots: Sequence[Simulation]) -> list[Point]:
    return [ballot_of(ballot, DUST).amounts for ballot in ballots]


def every_box_sorted(points: Sequence[Point], tolerance: int) -> int:
    """`every_box` for two amounts, one sweep a lower corner of the first."""
    best = 0
    for low in {point[0] for point in points}:
        seconds = sorted(y for x, y in points if low <= x and x * BPS <= low * (BPS + tolerance))
        end = 0
        for start, y in enumerate(seconds):
            while end < len(seconds) and seconds[end] * BPS <= y * (BPS + tolerance):
                end += 1
            best = max(best, end - start)
    return best
