"""Multicall3.aggregate3: many reads in one eth_call, each free to fail on its own. Pure encoding."""

from __future__ import annotations

from collections.abc import Sequence

from eth_abi.abi import decode, encode

AGGREGATE3 = bytes.fromhex("82ad56cb")

Read = tuple[str, bytes]  # target address, calldata


def encode_aggregate3(reads: Sequence[Read]) -> bytes:
    return AGGREGATE3 + encode(["(address,bool,bytes)[]"], [[(to, True, data) for to, data in reads]])


def decode_aggregate3(returned: bytes) -> list[bytes | None]:
    """Item i is read i's return data, None where it reverted. Raises ValueError where these bytes are no answer."""
    try:
        (items,) = decode(["(bool,bytes)[]"], returned)
    except Exception as error:  # eth_abi has many, none of them a ValueError; a call out of gas gives no bytes at all
        raise ValueError(f"no Multicall3 answer: {type(error).__name__}") from error
    return [data if ok else None for ok, data in items]
