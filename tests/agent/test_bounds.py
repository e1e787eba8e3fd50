"""What the operator's bounds leave of a model's view."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sentinel.agent.view_bounds import ViewBounds

NAMES = ("WETH", "USDC", "WBTC")


def weights(draw: st.DrawFn) -> dict[str, int]:
    low, high = sorted(draw(st.lists(st.integers(0, 10_000), min_size=2, max_size=2)))
    return dict(zip(NAMES, (low, high - low, 10_000 - high), strict=True))


@st.composite
def cases(draw: st.DrawFn) -> tuple[ViewBounds, dict[str, int], dict[str, int]]:
    """Bounds that the weights before them keep."""
    before = weights(draw)
    least = {name: draw(st.integers(0, share)) for name, share in before.items()}
    most = {name: draw(st.integers(share, 10_000)) for name, share in before.items()}
    return ViewBounds(draw(st.integers(0, 10_000)), least, most), weights(draw), before


@given(cases())
def test_whatever_a_model_wants_no_bound_is_passed_and_nothing_is_lost(
    case: tuple[ViewBounds, dict[str, int], dict[str, int]],
) -> None:
    """The sum stays 10,000, no step is longer than allowed, and no weight leaves its least and most or overshoots."""
    bounds, wanted, before = case
    found = bounds.clamp(wanted, before)
    assert sum(found.values()) == 10_000
    for name in NAMES:
        assert bounds.min_bps[name] <= found[name] <= bounds.max_bps[name]
        assert abs(found[name] - before[name]) <= bounds.max_step_bps
        assert min(wanted[name], before[name]) <= found[name] <= max(wanted[name], before[name])


@given(cases())
def test_what_every_bound_permits_is_left_as_it_is(case: tuple[ViewBounds, dict[str, int], dict[str, int]]) -> None:
    """Bounds do not change a view that keeps them."""
    _, wanted, before = case
    assert ViewBounds().clamp(wanted, before) == wanted


def test_a_view_is_followed_as_far_as_the_nearest_bound() -> None:
    """Half of the way is gone where the step is half of what is wanted, for every token alike."""
    before, wanted = {"WETH": 6000, "USDC": 4000}, {"WETH": 2000, "USDC": 8000}
    assert ViewBounds(max_step_bps=2000).clamp(wanted, before) == {"USDC": 6000, "WETH": 4000}
    assert ViewBounds(min_bps={"WETH": 5000}).clamp(wanted, before) == {"USDC": 5000, "WETH": 5000}
    assert ViewBounds(max_bps={"USDC": 4500}).clamp(wanted, before) == {"USDC": 4500, "WETH": 5500}
