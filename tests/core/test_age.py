"""One age for blocks and answers: both signs count, and the words say which clock is wrong and by how much."""

from __future__ import annotations

from sentinel.core.age import Age, clock_fault


def test_both_signs_count() -> None:
    """A block far ahead is as far from fresh as one that is as old."""
    for seconds, near in ((60.0, True), (-60.0, True), (60.1, False), (-60.1, False), (float("nan"), False)):
        assert Age(seconds).within(60) is near
    assert Age.at(1_000, 990) == Age(10)


def test_the_words_name_the_clock_and_the_seconds() -> None:
    """Nothing is ever `-130 s old`."""
    assert str(Age(12.3)) == "12 s old"
    assert str(Age(-130)) == "130 s ahead of this clock"
    assert "7197 s behind the chain" in clock_fault(Age(-7197))
    for moving in (False, True):
        assert "7200 s ahead" in clock_fault(Age(7200), moving)
        assert "NTP" in clock_fault(Age(7200), moving)
