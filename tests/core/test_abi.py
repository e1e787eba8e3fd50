"""The fast encoder gives the general library's bytes, and refuses what does not fit."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import eth_abi.abi
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentinel.chain.multicall import decode_aggregate3
from sentinel.config.network_file import load_network
from sentinel.core.abi import encode
from sentinel.core.network import Token
from sentinel.dex.simulating.trial import WalletReadings

ADDRESS = st.binary(min_size=20, max_size=20).map(lambda raw: "0x" + raw.hex())
NETWORK = load_network("devnet")
WORD = st.binary(min_size=32, max_size=32)
AMOUNT = st.integers(0, 2**256 - 1)
CASES: list[tuple[list[str], st.SearchStrategy[Any]]] = [
    (["address", "uint256", "bytes", "bool"], st.tuples(ADDRESS, AMOUNT, st.binary(), st.booleans())),
    (["address", "uint256", "address[]", "bool"], st.tuples(ADDRESS, AMOUNT, st.lists(ADDRESS), st.booleans())),
    (["bytes", "bytes[]", "uint256"], st.tuples(st.binary(), st.lists(st.binary()), AMOUNT)),
    (
        ["((address,uint160,uint48,uint48),address,uint256)", "bytes"],
        st.tuples(
            st.tuples(
                st.tuples(ADDRESS, *(st.integers(0, 2**bits - 1) for bits in (160, 48, 48))), ADDRESS, AMOUNT
            ),
            st.binary(),
        ),
    ),
    (
        ["((address,address,uint24,int24,address),bool,uint128,uint128,bytes)"],
        st.tuples(
            st.tuples(
                st.tuples(ADDRESS, ADDRESS, st.integers(0, 2**24 - 1), st.integers(-(2**23), 2**23 - 1), ADDRESS),
                st.booleans(),
                st.integers(0, 2**128 - 1),
                st.integers(0, 2**128 - 1),
                st.binary(),
            )
        ),
    ),
    (["(address,bytes)[]", "bytes32"], st.tuples(st.lists(st.tuples(ADDRESS, st.binary())), WORD)),
]  # fmt: skip


@settings(deadline=None, max_examples=60)  # the machine may be busy
@given(st.sampled_from(CASES).flatmap(lambda case: st.tuples(st.just(case[0]), case[1])))
def test_it_gives_the_general_librarys_bytes(case: tuple[list[str], Any]) -> None:
    """For every shape that the routers, tokens and Permit2 take, nested and of any length."""
    types, values = case
    assert encode(types, values) == eth_abi.abi.encode(types, values)


@pytest.mark.parametrize(
    ("kind", "value"),
    [("uint48", 2**48), ("uint256", -1), ("int24", 2**23), ("address", "0x12"), ("bytes32", b"x"), ("string", "x")],
)
def test_what_does_not_fit_is_refused(kind: str, value: Any) -> None:
    """Never cut down in silence."""
    with pytest.raises(ValueError, match=r"."):
        encode([kind], [value])


def test_the_number_of_values_must_be_right() -> None:
    """One too few is no zero."""
    with pytest.raises(ValueError, match="2 values are wanted, not 1"):
        encode(["uint256", "uint256"], [1])


@settings(deadline=None, max_examples=200)
@given(st.lists(st.integers(0, 2**256 - 1), min_size=1, max_size=8), st.booleans(), st.data())
def test_the_quick_way_to_read_balances_gives_what_the_careful_one_gives(
    values: list[int], with_allowance: bool, data: st.DataObject
) -> None:
    """For a sound answer, and for one with any byte changed: the same values, or refused by both."""
    answers = [value.to_bytes(32) for value in values] + ([bytes(31) + b"\x07" + bytes(64)] if with_allowance else [])
    returned = bytearray(eth_abi.abi.encode(["(bool,bytes)[]"], [[(True, answer) for answer in answers]]))
    tokens = {f"T{i}": Token(f"T{i}", "0x" + "11" * 20, 18) for i in range(len(values) - 1)}
    readings = WalletReadings(replace(NETWORK, tokens=tokens), "0x" + "22" * 20)
    symbols = (*tokens, "ETH")
    assert readings.decode(bytes(returned)) == (dict(zip(symbols, values, strict=True)), 7 if with_allowance else 0)
    returned[data.draw(st.integers(0, len(returned) - 1))] ^= data.draw(st.integers(1, 255))
    quick = readings._plain(bytes(returned))
    if quick is not None:
        assert quick == [int.from_bytes((answer or b"")[:32]) for answer in decode_aggregate3(bytes(returned))]
