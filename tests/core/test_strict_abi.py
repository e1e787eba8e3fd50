"""The strict reader takes exactly what the general library writes, and nothing that differs from it in one byte."""

from __future__ import annotations

from typing import Any

import eth_abi.abi
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentinel.core.strict_abi import read

ADDRESS = st.binary(min_size=20, max_size=20).map(lambda raw: "0x" + raw.hex())
AMOUNT = st.integers(0, 2**256 - 1)
KEY = st.tuples(ADDRESS, ADDRESS, st.integers(0, 2**24 - 1), st.integers(-(2**23), 2**23 - 1), ADDRESS)
PERMIT = st.tuples(ADDRESS, *(st.integers(0, 2**bits - 1) for bits in (160, 48, 48)))
CASES: list[tuple[tuple[str, ...], st.SearchStrategy[Any]]] = [
    (
        ("address", "uint256", "uint256", "bytes", "bool"),
        st.tuples(ADDRESS, AMOUNT, AMOUNT, st.binary(), st.booleans()),
    ),
    (("address", "uint256", "address[]", "bool"), st.tuples(ADDRESS, AMOUNT, st.lists(ADDRESS), st.booleans())),
    (("bytes", "bytes[]", "uint256"), st.tuples(st.binary(), st.lists(st.binary()), AMOUNT)),
    (
        ("((address,uint160,uint48,uint48),address,uint256)", "bytes"),
        st.tuples(st.tuples(PERMIT, ADDRESS, AMOUNT), st.binary()),
    ),
    (
        ("((address,address,uint24,int24,address),bool,uint128,uint128,bytes)",),
        st.tuples(st.tuples(KEY, st.booleans(), *[st.integers(0, 2**128 - 1)] * 2, st.binary())),
    ),
    (
        ("bytes32", "(address,bytes)[]"),
        st.tuples(st.binary(min_size=32, max_size=32), st.lists(st.tuples(ADDRESS, st.binary()))),
    ),
]
ENCODED = st.sampled_from(CASES).flatmap(lambda case: st.tuples(st.just(case[0]), case[1]))


def _tupled(value: Any) -> Any:
    return tuple(map(_tupled, value)) if isinstance(value, list | tuple) else value


@settings(deadline=None, max_examples=150)  # the machine may be busy
@given(ENCODED)
def test_it_reads_what_the_general_library_writes(case: tuple[tuple[str, ...], Any]) -> None:
    """For every shape that the router, tokens and Permit2 take, nested and of any length."""
    types, values = case
    assert read(types, eth_abi.abi.encode(types, values)) == _tupled(values)


@settings(deadline=None, max_examples=600)
@given(ENCODED, st.data())
def test_bytes_that_differ_are_refused_or_mean_something_else(
    case: tuple[tuple[str, ...], Any], data: st.DataObject
) -> None:
    """What is read from changed bytes is written back as those very bytes: there are no two encodings of one value."""
    types, values = case
    body = bytearray(eth_abi.abi.encode(types, values))
    for _ in range(data.draw(st.integers(1, 3))):
        what = data.draw(st.sampled_from(["flip", "cut", "add", "word"]))
        at = data.draw(st.integers(0, max(len(body) - 1, 0)))
        if what == "flip" and body:
            body[at] ^= data.draw(st.integers(1, 255))
        elif what == "cut":
            del body[at : at + data.draw(st.sampled_from([1, 32]))]
        elif what == "add":
            body[at:at] = data.draw(st.sampled_from([b"\0", bytes(32), bytes(31) + b"\x20"]))
        else:
            start = at // 32 * 32
            body[start : start + 32] = data.draw(st.integers(0, 512) | AMOUNT).to_bytes(32)
    try:
        found = read(types, bytes(body))
    except ValueError:
        return
    assert eth_abi.abi.encode(types, found) == bytes(body)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        bytes(31),
        bytes(96),  # its bytes do not begin behind the head
        (32).to_bytes(32) + (2**255).to_bytes(32),  # longer than anything
        (32).to_bytes(32) + (1).to_bytes(32) + b"\x01" * 32,  # padding that is not zero
        (64).to_bytes(32) + bytes(32) + bytes(32),  # a gap
        (32).to_bytes(32) + bytes(32) + b"\0",  # something behind
    ],
)
def test_loose_encodings_are_refused(body: bytes) -> None:
    """Offsets, padding and length each have one right value."""
    with pytest.raises(ValueError, match=r"."):
        read(("bytes",), body)
