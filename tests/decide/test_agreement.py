"""The largest agreeing set, exactly."""

from __future__ import annotations

from itertools import chain, combinations

from hypothesis import given, settings
from hypothesis import strategies as st

from sentinel.decide.agreement import agrees, largest_agreeing


def test_sliding_along_one_amount_would_find_too_few() -> None:
    """The box search finds three that agree where the best window of the first amount alone holds other ballots."""
    points = [(100, 500), (101, 900), (102, 100), (104, 101), (106, 102), (107, 700)]
    assert largest_agreeing(points, 500) == (2, 3, 4)


@settings(max_examples=300, deadline=None)
@given(
    st.integers(1, 3).flatmap(lambda d: st.lists(st.tuples(*[st.integers(0, 60)] * d), max_size=9)),
    st.sampled_from([0, 100, 500, 5000]),
)
def test_the_largest_agreeing_set_is_exact(points: list[tuple[int, ...]], tolerance: int) -> None:
    """It agrees, no subset that agrees is larger, and none as large has a lower corner."""
    found = largest_agreeing(points, tolerance)
    everything = chain.from_iterable(combinations(range(len(points)), n) for n in range(len(points) + 1))
    agreeing = [s for s in everything if agrees([points[i] for i in s], tolerance)]
    most = max(len(s) for s in agreeing)
    assert len(found) == most
    if most:
        corners = {s: tuple(map(min, zip(*(points[i] for i in s), strict=True))) for s in agreeing if len(s) == most}
        assert corners[found] == min(corners.values())
