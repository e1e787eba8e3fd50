"""Amounts between whole tokens and base units."""

from __future__ import annotations

import math
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.core.amounts import printable, to_base_units, to_whole
from sentinel.core.errors import ActionFault


@pytest.mark.parametrize(
    ("amount", "decimals", "base"),
    [(1.5, 6, 1_500_000), (1e-7, 18, 10**11), ("0.1234567", 6, 123_456), (3, 0, 3), (1e20, 18, 10**38), (0, 6, 0)],
)
def test_whole_tokens_become_base_units_rounded_down(amount: object, decimals: int, base: int) -> None:
    """Never more than was asked."""
    assert to_base_units(amount, decimals) == base


@pytest.mark.parametrize(
    "hostile",
    [math.nan, math.inf, -math.inf, -1, -1e-9, True, None, [1], "1e400", "-1", "", " 1", "1 ", "\u0661", "0x10", 1e40,
     10**400, "9" * 40 + "." + "9" * 81, b"1"],
)  # fmt: skip
def test_what_is_no_amount_is_the_models_fault(hostile: object) -> None:
    """ActionFault, and no other exception."""
    with pytest.raises(ActionFault):
        to_base_units(hostile, 18)


@given(st.integers(0, 2**128 - 1), st.integers(0, 77))
def test_whole_tokens_as_text_read_back_exactly(amount: int, decimals: int) -> None:
    """To the last base unit, for every token's decimals, 0 and 77 included."""
    text = f"{Decimal((0, tuple(map(int, str(amount))), -decimals)):f}"
    assert to_base_units(text, decimals) == amount
    assert to_whole(amount, decimals) == pytest.approx(float(Decimal(text)))


def test_untrusted_text_becomes_short_printable_ascii() -> None:
    """Control characters, bidirectional marks and length are gone."""
    assert printable("a\x00b\u202e\u0430c\n" * 99) == "abc" * 10 + "ab"
