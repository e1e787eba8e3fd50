"""The hand-written codec against a general ABI library, and against bytes that nobody should send."""

from __future__ import annotations

import contextlib

import pytest
from eth_abi.abi import decode, encode
from hypothesis import given
from hypothesis import strategies as st

from sentinel.chain.multicall import AGGREGATE3, decode_aggregate3, encode_aggregate3

ADDRESS = st.binary(min_size=20, max_size=20).map(lambda raw: "0x" + raw.hex())
DATA = st.binary(max_size=100)


@given(st.lists(st.tuples(ADDRESS, DATA), max_size=8))
def test_calls_are_encoded_as_the_abi_says(reads: list[tuple[str, bytes]]) -> None:
    """Byte for byte what a general library gives."""
    expected = encode(["(address,bool,bytes)[]"], [[(to, True, data) for to, data in reads]])
    assert encode_aggregate3(reads) == AGGREGATE3 + expected


@given(st.lists(st.tuples(st.booleans(), DATA), max_size=8))
def test_answers_are_read_as_the_abi_says(items: list[tuple[bool, bytes]]) -> None:
    """Return data in order, None where a read reverted."""
    assert decode_aggregate3(encode(["(bool,bytes)[]"], [items])) == [data if ok else None for ok, data in items]


@given(st.lists(st.tuples(st.booleans(), DATA), min_size=1, max_size=4), st.data())
def test_a_damaged_answer_is_refused_or_read_alike(items: list[tuple[bool, bytes]], data: st.DataObject) -> None:
    """Cut or altered bytes give ValueError and nothing else; what both readers take, they read alike."""
    whole = bytearray(encode(["(bool,bytes)[]"], [items]))
    whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    damaged = bytes(whole[: data.draw(st.integers(0, len(whole)))])
    with contextlib.suppress(ValueError):
        ours = decode_aggregate3(damaged)
        with contextlib.suppress(Exception):
            (theirs,) = decode(["(bool,bytes)[]"], damaged)
            assert ours == [item if ok else None for ok, item in theirs]


def test_an_answer_cannot_grow_larger_than_what_was_sent() -> None:
    """Many items that point at the same bytes are no answer."""
    word = (32).to_bytes(32)
    shared = (1).to_bytes(32) + (64).to_bytes(32) + (320).to_bytes(32) + bytes(320)
    offsets = b"".join((20 * 32).to_bytes(32) for _ in range(20))
    with pytest.raises(ValueError, match="out of bounds"):
        decode_aggregate3(word + (20).to_bytes(32) + offsets + shared)


@pytest.mark.parametrize("data", [b"", b"\x00" * 31, b"\xff" * 64, (32).to_bytes(32) + b"\xff" * 32])
def test_what_is_too_short_is_no_answer(data: bytes) -> None:
    """A call that ran out of gas gives no bytes at all."""
    with pytest.raises(ValueError, match="Multicall3"):
        decode_aggregate3(data)
