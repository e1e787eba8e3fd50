"""The vote on observations: by content, whoever stands where."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.agent.observation_vote import canonical, majority, representative

OBSERVATIONS = st.lists(st.sampled_from(["buy 1.5", "buy 1.50", "sell 2", "hold 0", " buy  1.5", "x"]), min_size=1)


@given(OBSERVATIONS, st.randoms())
def test_the_order_of_samples_never_matters(observations: list[str], random: object) -> None:
    """Shuffled samples elect the same observation with as many voices."""
    shuffled = list(observations)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    one, other = majority(dict(enumerate(observations))), majority(dict(enumerate(shuffled)))
    assert (one.key, len(one.members)) == (other.key, len(other.members))


@given(OBSERVATIONS)
def test_no_group_is_larger_than_the_winner(observations: list[str]) -> None:
    """The winner's members are exactly those that saw the same, and nobody has more."""
    won = majority(dict(enumerate(observations)))
    keys = [canonical(observation) for observation in observations]
    assert won.members == tuple(i for i, key in enumerate(keys) if key == won.key)
    assert all(keys.count(key) <= len(won.members) for key in keys)


@pytest.mark.parametrize(
    ("one", "other"),
    [("0.50", ".5"), ("5e-1", "0.5"), ("1500", "1.5e3"), ("a  1\n", "a 1"), ("-0.0", "0"), ("+2", "2"), ("100", "1E2")],
)
def test_equal_numbers_are_equal_however_they_are_written(one: str, other: str) -> None:
    """White space and ways to write a number do not split a group."""
    assert canonical(one) == canonical(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("0.51", "0.512"), ("1", "-1"), ("10", "100"), ("v3-500", "v3-3000"), ("nan", "0"), ("buy 1", "sell 1")],
)
def test_different_numbers_differ(one: str, other: str) -> None:
    """Numbers are compared at the precision that was printed."""
    assert canonical(one) != canonical(other)


@given(st.text(max_size=60))
def test_any_text_has_a_canonical_form_which_is_stable(text: str) -> None:
    """Never raises, and white space is already settled in the result."""
    assert canonical(text) == " ".join(canonical(text).split())


@given(st.dictionaries(st.integers(0, 20), st.sampled_from(["a", "bb", "c"]), min_size=1))
def test_a_group_speaks_by_its_commonest_text(texts: dict[int, str]) -> None:
    """Commonest, then shortest, then first by content; the index only finds the text."""
    counts = {text: list(texts.values()).count(text) for text in texts.values()}
    assert texts[representative(texts)] == min(counts, key=lambda text: (-counts[text], len(text), text))


def test_nothing_elects_nobody() -> None:
    """An empty step has no winner."""
    with pytest.raises(ValueError, match="no observations"):
        majority({})
