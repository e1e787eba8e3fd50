"""The drawing of the vote: positions, the band of what agrees, and what stands for several candidates."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from sentinel.core.actions import Candidate, HoldAction, Swap
from sentinel.core.simulation import Simulation
from sentinel.decide.ballots import ballot_of
from sentinel.decide.vote import factions
from sentinel.observe.web.effect_scale import PAD, WIDTH, scales
from sentinel.observe.web.shown_decision import EffectScale
from tests.journal.values import NETWORK, act

AGREEMENT = 500  # bps


def buying(index: int, usdc: float, weth: float) -> Simulation:
    """A candidate that pays and gets whole tokens."""
    made = act(int(usdc * 10**6), int(weth * 10**18)).simulation
    assert isinstance(made.candidate.action, Swap)
    return replace(made, candidate=Candidate(index, made.candidate.action, ""))


def drawn(ballots: list[Simulation], refused: list[Simulation], votes: int) -> tuple[EffectScale, ...]:
    own, out = ([ballot_of(simulation, {}) for simulation in group] for group in (ballots, refused))
    return scales(factions(own, AGREEMENT), own, out, NETWORK, agreement_bps=AGREEMENT, votes=votes)


def test_the_agreeing_cluster_is_seen_at_a_glance() -> None:
    """Three of the same amount are one dot at the band's left edge; another amount lies outside it, and what policy
    refused is on the same axis."""
    same = [buying(index, 500, 0.25) for index in range(3)]
    hold = replace(buying(4, 1, 1), candidate=Candidate(4, HoldAction(""), ""), deltas={})
    found = drawn([*same, buying(3, 600, 0.30), hold], [buying(5, 510, 0.255)], 3)
    first, other = found
    assert (first.title, first.votes, first.outside, first.refused, first.wins) == ("buy WETH with USDC", 3, 1, 1, True)
    assert (other.title, other.votes, other.wins, other.axes) == ("hold", 1, False, ())
    pays, gets = first.axes
    assert (pays.name, gets.name) == ("pays USDC", "gets WETH")
    for axis in first.axes:
        assert axis.band is not None
        left, width = axis.band
        assert [(dot.count, dot.fate) for dot in axis.dots] == [(3, "agrees"), (1, "refused"), (1, "outside")]
        agrees, refused, outside = axis.dots
        assert agrees.x == left < refused.x < left + width < outside.x
        assert axis.ticks[0].x == PAD
        assert axis.ticks[-1].x == WIDTH - PAD
    assert pays.dots[0].label == "500 USDC: candidates #0, #1, #2"


def test_where_all_was_refused_the_effects_are_shown_without_a_band() -> None:
    (only,) = drawn([], [buying(0, 500, 0.25)], 0)
    assert (only.votes, only.refused, only.wins, only.axes[0].band) == (0, 1, False, None)


amounts = st.lists(st.integers(1, 10**12), min_size=1, max_size=12)


@given(amounts)
def test_every_candidate_is_drawn_once_and_on_the_axis(given_amounts: list[int]) -> None:
    """In its order, and what agrees lies within the band."""
    found = drawn([buying(i, a / 10**6, a / 10**9) for i, a in enumerate(given_amounts)], [], 0)
    for axis in found[0].axes:
        assert sum(dot.count for dot in axis.dots) == len(given_amounts)
        assert all(PAD <= dot.x <= WIDTH - PAD for dot in axis.dots)
        if axis.band is not None:
            left, width = axis.band
            assert all(left - 0.2 <= dot.x <= left + width + 0.2 for dot in axis.dots if dot.fate == "agrees")
