"""When a close vote buys another round, and that failures never do."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.core.decision import Hold, HoldReason
from sentinel.decide.extra_samples import extra_samples

MOST, QUORUM = 16, 5000


def more(votes: int, ballots: int, asked: int = 8, most: int = MOST) -> int:
    return extra_samples(Hold(HoldReason.NO_MAJORITY, votes, asked), ballots, most, QUORUM)


@pytest.mark.parametrize(
    ("votes", "ballots", "expected"),
    [(8, 8, 0), (7, 8, 0), (6, 8, 8), (5, 8, 8), (4, 8, 8), (2, 8, 8), (4, 4, 0), (0, 0, 0), (3, 4, 0)],
)
def test_only_a_divided_vote_that_can_still_be_won_is_close(votes: int, ballots: int, expected: int) -> None:
    """A clear vote, a hopeless one and one that lacks ballots are left as they are."""
    assert more(votes, ballots) == expected
    assert more(1, 8, most=12) == 0


def test_it_is_off_unless_the_operator_allows_more() -> None:
    """No `most`, or one that was asked already: none."""
    assert more(4, 8, most=0) == more(4, 8, most=8) == more(8, 16, asked=16) == 0


@given(st.lists(st.integers(0, 4), max_size=8), st.data())
def test_a_ballot_that_fails_never_buys_another_round(sides: list[int], data: st.DataObject) -> None:
    """Whoever can make samples fail can only make the vote look less close."""

    def asks(ballots: list[int]) -> bool:
        return more(max(map(ballots.count, ballots), default=0), len(ballots)) > 0

    kept = data.draw(st.lists(st.booleans(), min_size=len(sides), max_size=len(sides)))
    rest = [side for side, keep in zip(sides, kept, strict=True) if keep]
    assert asks(sides) or not asks(rest)
