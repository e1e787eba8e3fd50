"""Intervals and agreement."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.core.decision import Hold, HoldReason
from sentinel.core.statistics import Share
from sentinel.distill.states.oracle_agreement import agrees


@given(st.integers(1, 2000), st.data())
def test_the_interval_holds_the_share_and_stays_within_0_and_1(total: int, data: st.DataObject) -> None:
    share = Share(data.draw(st.integers(0, total)), total)
    assert -1e-12 <= share.low <= share.value + 1e-12
    assert share.value - 1e-12 <= share.high <= 1 + 1e-12


def test_the_interval_is_wilsons() -> None:
    share = Share(380, 400)
    assert share.low == pytest.approx(0.9240, abs=2e-4)
    assert share.high == pytest.approx(0.9674, abs=2e-4)


def test_nothing_counted_is_no_evidence() -> None:
    assert (Share(0, 0).low, Share(0, 0).high) == (0.0, 1.0)


def test_two_holds_agree_whatever_their_reasons() -> None:
    assert agrees(
        Hold(HoldReason.NO_MAJORITY), Hold(HoldReason.HOLD_VOTED), lambda ballots, asked: Hold(HoldReason.TIE)
    )
