"""Encoding of Multicall3.aggregate3: many reads in one eth_call, where each read may fail alone. Pure.

The encoding is written by hand, because every head and every candidate uses it and a general ABI library takes ten
times as long.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from sentinel.core.units import WORD

AGGREGATE3 = bytes.fromhex("82ad56cb")

Read = tuple[str, bytes]  # target address, calldata


def encode_aggregate3(reads: Sequence[Read]) -> bytes:
    """The calldata of aggregate3((address target, bool allowFailure, bytes callData)[]), with failures allowed.

    Raises ValueError if a target is not an address.
    """
    return _encoded(tuple(reads))


@lru_cache(maxsize=64)
def _encoded(reads: tuple[Read, ...]) -> bytes:
    """Successive heads are read by the same calls, so that most encodings were made before."""
    offsets, items, at = [], [], WORD * len(reads)
    for to, data in reads:
        target = bytes.fromhex(to.removeprefix("0x"))
        if len(target) != 20:
            raise ValueError(f"{to[:50]} is not an address")
        padded = data + bytes(-len(data) % WORD)
        item = b"".join((target.rjust(WORD, b"\0"), _word(1), _word(3 * WORD), _word(len(data)), padded))
        offsets.append(_word(at))
        items.append(item)
        at += len(item)
    return b"".join((AGGREGATE3, _word(WORD), _word(len(reads)), *offsets, *items))


def decode_aggregate3(returned: bytes) -> list[bytes | None]:
    """The return data of each read, in order; None if the read reverted.

    Raises ValueError if `returned` is not an answer of aggregate3.
    """
    items: list[bytes | None] = []
    array = _int(returned, 0)
    count, start, room = _int(returned, array), array + WORD, len(returned)
    if count > room // WORD:
        raise ValueError("not a Multicall3 answer: it has fewer items than it states")
    for index in range(count):
        item = start + _int(returned, start + WORD * index)
        ok, at = _int(returned, item), item + _int(returned, item + WORD)
        size = _int(returned, at)
        room -= size  # otherwise items that share bytes could expand to more than was received
        if ok > 1 or room < 0 or at + WORD + size > len(returned):
            raise ValueError("not a Multicall3 answer: an item is out of bounds")
        items.append(returned[at + WORD : at + WORD + size] if ok else None)
    return items


def _word(value: int) -> bytes:
    return value.to_bytes(WORD)


def _int(data: bytes, at: int) -> int:
    if at + WORD > len(data):
        raise ValueError("not a Multicall3 answer: it ends too early")
    return int.from_bytes(data[at : at + WORD])
