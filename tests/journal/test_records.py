"""What is written comes back as the same value, and one value has one text."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from sentinel.core.closes import CloseSeries
from sentinel.core.decision import Act
from sentinel.core.market_state import MarketState
from sentinel.core.record import CycleRecord
from sentinel.core.spent import Spent
from sentinel.core.transaction import Fees
from sentinel.core.units import BPS
from sentinel.journal import serialization
from sentinel.journal.serialization import SAFE_INT, canonical, dumps, loads
from tests.journal.values import cycle, intent, state

KINDS = sorted(serialization._CLASSES.values(), key=lambda kind: kind.__name__)
st.register_type_strategy(float, st.floats(allow_nan=False))  # a NaN is no equal to itself


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
@given(data=st.data())
def test_every_frozen_type_comes_back_equal(kind: type[Any], data: st.DataObject) -> None:
    """Any value of any seam type is read back equal, and written again to the same text."""
    value = data.draw(st.from_type(kind))
    text = dumps(value)
    assert text.isascii()
    assert loads(kind, text) == value
    assert dumps(loads(kind, text)) == text


def test_a_record_does_not_hold_the_closes_by_time() -> None:
    """A week of closes would be half a megabyte a block; a state read back has none, and is the same otherwise."""
    closes = {"WETH": CloseSeries(tuple(range(10_000)), (1.0,) * 10_000)}
    bare = state()
    assert dumps(replace(bare, closes=closes)) == dumps(bare)
    read = loads(MarketState, dumps(replace(bare, closes=closes)))
    assert (read, read.closes) == (bare, {})


def test_large_ints_are_safe_from_other_readers() -> None:
    """Ints beyond 2**53 are strings in the text, so that a reader with doubles does not round them."""
    text = dumps(Spent(loss=SAFE_INT + 1, volume=-(2**255)))
    assert json.loads(text, parse_int=float) == {"$": "Spent", "loss": str(SAFE_INT + 1), "volume": str(-(2**255))}
    assert loads(Spent, text) == Spent(SAFE_INT + 1, -(2**255))


def test_a_cycle_comes_back_equal() -> None:
    """A whole cycle with bytes, nested unions and broken surrogates in the model's text is read back equal."""
    record = cycle(intent())
    assert loads(CycleRecord, dumps(record)) == record


def test_a_record_from_before_sizes_is_read_as_full_size() -> None:
    """What an earlier version wrote has neither field; nothing was made smaller then."""
    record = cycle(intent())
    plain = json.loads(dumps(record))
    del plain["sized"], plain["decision"]["size_bps"]
    assert loads(CycleRecord, canonical(plain)) == record
    assert isinstance(record.decision, Act)
    assert (record.sized, record.decision.size_bps) == (None, BPS)


def test_another_kind_is_refused() -> None:
    """A text of one type is not read as another."""
    with pytest.raises(ValueError, match="not a Fees"):
        loads(Fees, dumps(Spent(1, 2)))
    with pytest.raises(TypeError):
        dumps(object())


def test_order_of_keys_does_not_matter() -> None:
    """Equal mappings have one text, whatever order they were made in."""
    assert canonical({"b": 1, "a": 2}) == canonical({"a": 2, "b": 1}) == '{"a":2,"b":1}'
