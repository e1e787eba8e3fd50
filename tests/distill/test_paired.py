"""Paired bootstrap: what it says agrees with computations made another way."""

from __future__ import annotations

import random
import sys
from collections import defaultdict
from statistics import stdev
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentinel.core.errors import OperatorError
from sentinel.distill.evaluation.paired import Comparison, Difference, compare, difference


def exact_quantiles(found: list[int]) -> tuple[float, float]:
    """Of the resampled mean: the whole distribution, by convolution of one draw with itself."""
    one: dict[int, float] = defaultdict(float)
    for value in found:
        one[value] += 1 / len(found)
    total = {0: 1.0}
    for _ in found:
        following: dict[int, float] = defaultdict(float)
        for sum_, p in total.items():
            for value, q in one.items():
                following[sum_ + value] += p * q
        total = following
    low = high = None
    below = 0.0
    for sum_ in sorted(total):
        below += total[sum_]
        low = sum_ if low is None and below >= 0.025 else low
        high = sum_ if high is None and below >= 0.975 else high
    assert low is not None
    assert high is not None
    return low / len(found), high / len(found)


@pytest.mark.parametrize(
    ("gained", "lost", "same"), [(9, 3, 28), (3, 9, 28), (1, 0, 39), (20, 5, 75), (6, 6, 12), (40, 2, 160)]
)
def test_the_interval_is_that_of_the_exact_resampling_distribution(gained: int, lost: int, same: int) -> None:
    """Within one state: the tails are drawn, not enumerated."""
    pairs = [(1.0, 0.0)] * gained + [(0.0, 1.0)] * lost + [(1.0, 1.0)] * same
    found = difference(pairs, seed=3)
    low, high = exact_quantiles([1] * gained + [-1] * lost + [0] * same)
    assert found.mean == pytest.approx((gained - lost) / len(pairs))
    assert found.low == pytest.approx(low, abs=1.01 / len(pairs))
    assert found.high == pytest.approx(high, abs=1.01 / len(pairs))


def test_the_interval_of_many_states_is_the_normal_one_of_the_differences() -> None:
    """Paired: what is common to both students widens nothing."""
    draw = random.Random(5)
    common = [draw.gauss(0, 100) for _ in range(400)]
    pairs = [(level + draw.gauss(1, 4), level) for level in common]
    found = difference(pairs)
    spread = 1.96 * stdev(new - old for new, old in pairs) / 20
    assert found.low == pytest.approx(found.mean - spread, abs=0.1 * spread)
    assert found.high == pytest.approx(found.mean + spread, abs=0.1 * spread)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.floats(-50, 50), st.floats(-50, 50)), min_size=1, max_size=30), st.randoms())
def test_neither_order_nor_repetition_changes_it_and_the_mean_lies_inside(
    pairs: list[tuple[float, float]], draw: random.Random
) -> None:
    found = difference(pairs, resamples=400)
    again = list(pairs)
    draw.shuffle(again)
    assert difference(again, resamples=400) == found
    assert found.low <= found.high
    assert min(n - o for n, o in pairs) <= found.low + 1e-9
    assert found.high <= max(n - o for n, o in pairs) + 1e-9


def test_another_seed_gives_other_tails() -> None:
    """And the same seed the same ones."""
    pairs = [(i**0.5, i**0.7) for i in range(50)]
    assert difference(pairs, seed=1) != difference(pairs, seed=2)
    assert difference(pairs, seed=1) == difference(pairs, seed=1)


def test_equal_differences_are_one_point_and_none_at_all_an_error() -> None:
    assert difference([(0.3, 0.1)] * 3) == Difference(0.3 - 0.1, 0.3 - 0.1, 0.3 - 0.1, 3)
    with pytest.raises(ValueError, match="no state"):
        difference([])


def test_without_the_library_one_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scipy.stats", None)
    with pytest.raises(OperatorError, match=r"pip install sentinel-trader\[distill\]"):
        difference([(1.0, 0.0), (0.0, 1.0)])


def judged(**success: bool) -> list[dict[str, Any]]:
    return [{"state": s, "success": hit, "regret_bps": 0.0 if hit else 5.0} for s, hit in success.items()]


def test_students_are_paired_by_state() -> None:
    """Whatever the order; a state that only one of them saw is counted and left out."""
    found = compare(judged(a=True, b=True, c=False), judged(c=True, b=False, a=True, d=False))
    assert found.success.pairs == 3
    assert found.success.mean == 0.0
    assert found.unpaired == 1
    assert found.regret.mean == 0.0
    with pytest.raises(ValueError, match="twice"):
        compare(judged(a=True) * 2, judged(a=True))
    with pytest.raises(ValueError, match="no state"):
        compare(judged(a=True), judged(b=True))


def at(mean: float, low: float, high: float) -> Difference:
    return Difference(mean, low, high, 500)


@pytest.mark.parametrize(
    ("success", "regret", "better"),
    [
        (at(0.05, 0.01, 0.09), at(-1, -2, 0), True),
        (at(0.05, 0.01, 0.09), at(1, 0.5, 2), False),  # more successes, but surely dearer failures
        (at(0.05, 0.0, 0.09), at(0, -1, 1), False),  # as well as not
        (at(0.0, 0.0, 0.0), at(-1, -2, -0.1), True),
        (at(-0.01, -0.02, 0.01), at(-1, -2, -0.1), False),
        (at(0.0, 0.0, 0.0), at(0, 0, 0), False),  # the same is not better
    ],
)
def test_better_is_sure_in_one_measure_and_not_worse_in_the_other(
    success: Difference, regret: Difference, better: bool
) -> None:
    assert Comparison(success, regret, 0).better is better
