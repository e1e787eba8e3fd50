"""Paired bootstrap: what it says agrees with computations made another way."""

from __future__ import annotations

import random
import sys
from collections import defaultdict
from statistics import stdev

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentinel.core.errors import OperatorError
from sentinel.distill.evaluation.paired import Difference, difference


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
    with pytest.raises(ValueError, match="nothing was judged"):
        difference([])


def test_without_the_library_one_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "scipy.stats", None)
    with pytest.raises(OperatorError, match=r"pip install sentinel-trader\[distill\]"):
        difference([(1.0, 0.0), (0.0, 1.0)])
