"""Multicall3.aggregate3: many reads in one eth_call, each free to fail on its own. Pure encoding.

Written out by hand: every head and every candidate goes this way, and a general ABI library takes ten times as long.
"""

from __future__ import annotations

from collections.abc import Sequence

from sentinel.core.units import WORD

AGGREGATE3 = bytes.fromhex("82ad56cb")

Read = tuple[str, bytes]  # target address, calldata


def encode_aggregate3(reads: Sequence[Read]) -> bytes:
    """The call of aggregate3((address target, bool allowFailure, bytes callData)[]), failures allowed.

    Raises ValueError where a target is no address.
    """
    offsets, items, at = [], [], WORD * len(reads)
    for to, data in reads:
        target = bytes.fromhex(to.removeprefix("0x"))
        if len(target) != 20:
            raise ValueError(f"{to[:50]} is no address")
        padded = data + bytes(-len(data) % WORD)
        item = b"".join((target.rjust(WORD, b"\0"), _word(1), _word(3 * WORD), _word(len(data)), padded))
        offsets.append(_word(at))
        items.append(item)
        at += len(item)
    return b"".join((AGGREGATE3, _word(WORD), _word(len(reads)), *offsets, *items))


def decode_aggregate3(returned: bytes) -> list[bytes | None]:
    """Item i is read i's return data, None where it reverted. Raises ValueError where these bytes are no answer."""
    items: list[bytes | None] = []
    array = _int(returned, 0)
    count, start, room = _int(returned, array), array + WORD, len(returned)
    if count > room // WORD:
        raise ValueError("no Multicall3 answer: it is shorter than it says")
    for place in range(count):
        item = start + _int(returned, start + WORD * place)
        ok, at = _int(returned, item), item + _int(returned, item + WORD)
        size = _int(returned, at)
        room -= size  # items that share their bytes would be more than was received
        if ok > 1 or room < 0 or at + WORD + size > len(returned):
            raise ValueError("no Multicall3 answer: an item lies outside it")
        items.append(returned[at + WORD : at + WORD + size] if ok else None)
    return items


def _word(value: int) -> bytes:
    return value.to_bytes(WORD)


def _int(data: bytes, at: int) -> int:
    if at + WORD > len(data):
        raise ValueError("no Multicall3 answer: it ends too early")
    return int.from_bytes(data[at : at + WORD])
