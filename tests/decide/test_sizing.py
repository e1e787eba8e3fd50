"""The size that follows from a calibration, against the same rule done slowly."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from math import floor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.core.actions import Swap
from sentinel.core.decision import Act, Hold, Sized
from sentinel.core.simulation import Refusal, Simulation
from sentinel.core.statistics import Z95_TWO_SIDED, Share
from sentinel.core.units import BPS
from sentinel.decide.quorum import MIN_ACTS, Level
from sentinel.decide.sizing import Sizes, resized, sizes
from tests.decide import world

RISKS = st.sampled_from([0.01, 0.02, 0.05, 0.1, 0.3])


@st.composite
def levels(draw: st.DrawFn) -> list[Level]:
    """Any counts, often thin, sometimes 4 of 8 beside 8 of 16."""
    found = {}
    for _ in range(draw(st.integers(0, 8))):
        asked = draw(st.sampled_from([3, 8, 16]))
        total = draw(st.integers(0, 30) | st.integers(0, 400))
        votes = draw(st.integers(1, asked))
        found[votes, asked] = Level(votes, asked, total - draw(st.integers(0, min(total, 40))), total)
    return list(found.values())


def upper(wrong: float, total: int) -> float:
    """The largest p that the observed share is no further from than 1.96 of its standard deviations; by bisection."""
    seen, low, high = wrong / total, wrong / total, 1.0
    for _ in range(80):
        p = (low + high) / 2
        inside = (p - seen) ** 2 <= Z95_TWO_SIDED**2 * p * (1 - p) / total
        low, high = (p, high) if inside else (low, p)
    return high


def slowly(found: list[Level], max_risk: float, agreement: Fraction) -> float:
    """Bps of full size at one agreement, by the words of the rule."""
    seen = sorted({Fraction(level.votes, level.asked) for level in found if level.total}, reverse=True)
    if not any(share <= agreement for share in seen):
        return 0.0
    size = 1.0
    for start in seen[: seen.index(max(share for share in seen if share <= agreement)) + 1]:
        worst, tops = 0.0, [share for share in seen if share <= start]
        for count in range(1, len(tops) + 1):
            pool = [level for level in found if Fraction(level.votes, level.asked) in tops[:count]]
            total = sum(level.total for level in pool)
            wrong = total - sum(level.right for level in pool)
            if total >= MIN_ACTS or count == len(tops):
                worst = max(worst, upper(wrong, total))
                break
            worst = max(worst, upper(floor(Fraction(wrong * MIN_ACTS, total)), MIN_ACTS))
        size = min(size, max_risk / worst)
    return size * BPS


AGREEMENTS = [(votes, asked) for asked in (3, 8, 16) for votes in range(1, asked + 1)]


@given(levels(), RISKS)
def test_the_size_is_what_the_rule_says(found: list[Level], max_risk: float) -> None:
    """At every agreement of 3, 8 and 16, measured or not, to one bps."""
    derived = sizes(found, max_risk)
    for votes, asked in AGREEMENTS:
        assert abs(derived.of(votes, asked) - slowly(found, max_risk, Fraction(votes, asked))) <= 1


@given(levels(), RISKS)
def test_less_agreement_never_gives_a_larger_size(found: list[Level], max_risk: float) -> None:
    """Between nothing and everything, and nothing below all that was measured."""
    derived = sizes(found, max_risk)
    ordered = sorted(AGREEMENTS, key=lambda one: Fraction(*one))
    sized = [derived.of(*one) for one in ordered]
    assert sized == sorted(sized)
    assert all(0 <= size <= BPS for size in sized)
    least = min((Fraction(level.votes, level.asked) for level in found if level.total), default=Fraction(2))
    assert not any(size for size, one in zip(sized, ordered, strict=True) if Fraction(*one) < least)


@given(levels(), RISKS)
def test_wrong_share_times_size_stays_within_the_risk(found: list[Level], max_risk: float) -> None:
    """At each level as it was observed, and by the upper end where it has the evidence of its own."""
    derived = sizes(found, max_risk)
    for share in {level.share_bps for level in found}:
        here = [level for level in found if level.share_bps == share]
        total = sum(level.total for level in here)
        if not total:
            continue
        counted = Share(total - sum(level.right for level in here), total)
        size = derived.of(here[0].votes, here[0].asked) / BPS
        assert size * counted.value <= max_risk + 1e-9
        if total >= MIN_ACTS:
            assert size * counted.high <= max_risk + 1e-9


@given(levels(), RISKS, st.data())
def test_less_evidence_never_gives_a_larger_size(found: list[Level], max_risk: float, data: st.DataObject) -> None:
    """Whatever right acts are taken away, up to whole levels of them, no agreement gains."""
    fewer = []
    for level in found:
        gone = data.draw(st.integers(0, level.right))
        fewer.append(replace(level, right=level.right - gone, total=level.total - gone))
    before, after = sizes(found, max_risk), sizes(fewer, max_risk)
    assert all(after.of(*one) <= before.of(*one) for one in AGREEMENTS)


def test_full_size_is_only_where_the_evidence_supports_it() -> None:
    """At 5 %: full size with 1 wrong of 340, a part of it with 10 of 100, a little where only two acts are known."""
    derived = sizes([Level(8, 8, 339, 340), Level(7, 8, 90, 100), Level(6, 8, 2, 2)], 0.05)
    assert derived.of(8, 8) == BPS
    assert derived.of(7, 8) == int(BPS * 0.05 / Share(10, 100).high) == 2867
    assert derived.of(6, 8) == int(BPS * 0.05 / Share(0, 2).high) == 760
    assert derived.of(15, 16) == derived.of(7, 8)  # never measured: the next lower one's
    assert derived.of(5, 8) == 0


def test_a_good_level_below_does_not_cover_for_a_bad_one() -> None:
    """50 wrong of 99 at the top stay half wrong, however many right acts at 7 of 8 they are counted with."""
    derived = sizes([Level(8, 8, 49, 99), Level(7, 8, 1000, 1000)], 0.05)
    assert derived.of(8, 8) <= BPS * 0.05 / 0.5
    assert derived.of(7, 8) <= derived.of(8, 8)


def test_nothing_measured_supports_nothing() -> None:
    """No level, or levels without a single act."""
    assert sizes([], 0.05) == sizes([Level(8, 8, 0, 0)], 0.05) == Sizes(())
    assert Sizes(()).of(8, 8) == 0


# ---------------------------------------------------------------- the smaller trade in the larger one's place

WHOLE = world.splitting().simulation()
ACT = Act(WHOLE, 7, 8, 6, 12)


def part(size_bps: int, *, turned: bool = False) -> Simulation:
    """The whole trade with so much of each route; `turned`: the routes in another order."""
    swap = WHOLE.candidate.action
    assert isinstance(swap, Swap)
    routes = tuple(replace(route, amount_in=route.amount_in * size_bps // BPS) for route in swap.routes)
    candidate = replace(WHOLE.candidate, action=replace(swap, routes=routes[::-1] if turned else routes))
    return replace(WHOLE, candidate=candidate, gross=WHOLE.gross * size_bps // BPS)


def test_the_smaller_trade_takes_the_place_of_the_one_voted_for() -> None:
    """The votes are the vote's, the simulation is the smaller trade's own."""
    assert resized(ACT, 6000, Sized(part(6000), None)) == replace(ACT, simulation=part(6000), size_bps=6000)


@pytest.mark.parametrize(
    "sized",
    [
        Sized(part(6000), Refusal(0, "trade_size", "too little")),
        Sized(part(6001), None),
        Sized(part(10_000), None),
        Sized(replace(part(6000), gross=WHOLE.gross), None),
        Sized(replace(part(6000), candidate=WHOLE.candidate), None),
        Sized(part(1000, turned=True), None),
        Sized(world.buying().simulation(), None),
        Sized(world.approving().simulation(), None),
    ],
)
def test_whatever_is_not_the_smaller_trade_is_a_hold(sized: Sized) -> None:
    """Refused, larger than its part, simulated at another size, or another trade: never acted on."""
    decided = resized(ACT, 6000, sized)
    assert isinstance(decided, Hold)
    assert (decided.reason, decided.votes, decided.asked) == ("sized_out", 7, 8)
    assert decided.detail.startswith("sized to 60 % by calibration: ")
