"""The quorum that follows from a calibration."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.core.errors import SettingsError
from sentinel.core.statistics import Share
from sentinel.decide.quorum import Level, quorum_bps, supported


def calibration(*levels: tuple[int, int, int, int], **changes: Any) -> str:
    acts = [dict(zip(("votes", "asked", "right", "total"), level, strict=True)) for level in levels]
    return json.dumps({"format": 1, "vote": {"agreement_bps": 500}, "acts": acts, **changes})


def derived(text: str, max_risk: float = 0.05, floor: int = 5000) -> int:
    return quorum_bps(text, max_risk=max_risk, agreement_bps=500, floor_bps=floor)


GOOD = ((8, 8, 400, 400), (7, 8, 98, 100), (6, 8, 80, 100), (5, 8, 40, 100))


def test_the_quorum_lets_the_supported_agreement_act_and_nothing_below_it() -> None:
    """7 of 8 is supported at 5 %, 6 of 8 is not; with 16 asked that is 14 against 13."""
    quorum = derived(calibration(*GOOD))
    assert quorum * 8 < 7 * 10_000
    assert quorum * 8 >= 6 * 10_000
    assert quorum * 16 < 14 * 10_000
    assert quorum * 16 >= 13 * 10_000


def test_a_quorum_is_never_below_the_strict_majority_nor_the_operators_own() -> None:
    """However good the figures are at 3 of 8, half is not enough; a higher setting stands."""
    perfect = calibration(*[(votes, 8, 1000, 1000) for votes in range(1, 9)])
    assert derived(perfect) == 5000
    assert derived(perfect, floor=8000) == 8000
    assert derived(perfect, floor=0) == 5000


def test_the_search_ends_at_the_first_level_that_fails() -> None:
    """A lucky level below one that fails is not picked."""
    levels = [Level(8, 8, 200, 200), Level(7, 8, 100, 200), Level(6, 8, 100_000, 100_000)]
    assert supported(levels, 0.05) == 10_000


def test_too_little_evidence_supports_nothing() -> None:
    """99 right acts of 99 are below the least evidence: the daemon does not start rather than guess."""
    assert supported([Level(8, 8, 99, 99)], 0.2) is None
    with pytest.raises(SettingsError, match="no agreement keeps the risk"):
        derived(calibration((8, 8, 99, 99)))


def test_a_level_without_acts_supports_nothing() -> None:
    """It is no evidence for going below the level above it."""
    assert supported([Level(8, 8, 200, 200), Level(7, 8, 0, 0)], 0.05) == 10_000


BAD = [
    "",
    "[]",
    "{}",
    "null",
    "[" * 100_000,
    calibration(*GOOD)[:-5],
    calibration(*GOOD, format=2),
    calibration(*GOOD, vote={"agreement_bps": 400}),
    calibration(*GOOD, acts=5),
    calibration(*GOOD, acts=[{"votes": 8}]),
    calibration((8, 8, 401, 400)),
    calibration((9, 8, 400, 400)),
    calibration((0, 8, 400, 400)),
    calibration((8, 8, -1, 400)),
    calibration(*GOOD, GOOD[0]),
    calibration((8, 8, 10**400, 10**400)),
    calibration((10**400, 10**400, 1, 1)),
    json.dumps(
        {"format": 1, "vote": {"agreement_bps": 500}, "acts": [{"votes": 8, "asked": 8.0, "right": 1e9, "total": 1e9}]}
    ),
    json.dumps(
        {"format": 1, "vote": {"agreement_bps": 500}, "acts": [{"votes": True, "asked": 8, "right": 1, "total": 1}]}
    ),
]


@pytest.mark.parametrize("text", BAD)
def test_a_bad_calibration_gives_no_quorum(text: str) -> None:
    """Truncated, foreign, impossible or repeated counts are one error, never a number."""
    with pytest.raises(SettingsError):
        derived(text)


LEVEL = st.integers(1, 12).flatmap(
    lambda asked: st.builds(
        lambda votes, total, wrong: Level(votes, asked, max(0, total - wrong), total),
        st.integers(1, asked),
        st.integers(0, 400),
        st.integers(0, 30),
    )
)


@given(st.lists(LEVEL, max_size=12), st.sampled_from([0.01, 0.05, 0.1, 0.3]))
def test_what_is_supported_keeps_its_promise(levels: list[Level], max_risk: float) -> None:
    """The acts at or above it have an upper bound within the risk; more risk never asks for more agreement."""
    share = supported(levels, max_risk)
    if share is not None:
        kept = [level for level in levels if level.share_bps >= share]
        total = sum(level.total for level in kept)
        assert Share(total - sum(level.right for level in kept), total).high <= max_risk
        more = supported(levels, max_risk * 2)
        assert more is not None
        assert more <= share
