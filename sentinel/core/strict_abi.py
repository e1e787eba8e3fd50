"""Strict ABI decoder: accepts only the canonical encoding of the values and refuses all other bytes. Pure.

Contracts decode leniently: offsets may point anywhere, upper bits may be dirty, bytes may trail. A decoder that judges
calldata must read exactly what the contract reads. So here each dynamic part must begin where the previous one ends,
padding must be zero, each value must fit its type, and no bytes may remain. `core.abi` encodes; this file shares no
code with it. A test compares it with eth_abi.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from sentinel.core.units import WORD

_ZEROS = bytes(WORD)

# (body, offset of the value) -> (value, offset after it)
_Reader = Callable[[bytes, int], tuple[Any, int]]


def read(types: tuple[str, ...], body: bytes) -> tuple[Any, ...]:
    """Decode `body`.

    Types: address (0x-hex, lower case), bool, uintN, intN, bytes32, bytes, tuples of them in brackets, and arrays (as
    tuples). Raises ValueError if `body` is not exactly the canonical encoding.
    """
    values, end = _tuple_of(types)(body, 0)
    if end != len(body):
        raise ValueError("bytes remain after the last value")
    return values  # type: ignore[no-any-return]


@lru_cache(maxsize=256)
def _tuple_of(types: tuple[str, ...]) -> _Reader:
    parts = [(_reader(kind), _size(kind)) for kind in types]
    head = sum(size or WORD for _, size in parts)

    def reader(body: bytes, at: int) -> tuple[Any, int]:
        if at + head > len(body):
            raise ValueError("too short")
        values, offset, tail = [], at, at + head
        for part, size in parts:
            if size:
                value, offset = part(body, offset)
            else:
                if int.from_bytes(body[offset : offset + WORD]) != tail - at:
                    raise ValueError("a dynamic part does not begin where the previous one ends")
                value, tail = part(body, tail)
                offset += WORD
            values.append(value)
        return tuple(values), tail

    return reader


def _reader(kind: str) -> _Reader:
    if kind.endswith("[]"):
        return _array(kind[:-2])
    if kind.startswith("("):
        return _tuple_of(_members(kind))
    if kind == "bytes":
        return _bytes
    if kind == "address":
        return _address
    if kind == "bool":
        return _integer(0, 2, bool)
    if kind == "bytes32":
        return lambda body, at: (body[at : at + WORD], at + WORD)
    if kind.startswith("uint"):
        return _integer(0, 1 << int(kind[4:]), int)
    if kind.startswith("int"):
        half = 1 << int(kind[3:]) - 1
        return _integer(-half, half, int)
    raise ValueError(f"the ABI type {kind} is not supported")


def _array(kind: str) -> _Reader:
    def reader(body: bytes, at: int) -> tuple[Any, int]:
        count, start = _length(body, at)
        if count * (_size(kind) or WORD) > len(body) - start:
            raise ValueError("an array is longer than the remaining bytes")
        return _tuple_of((kind,) * count)(body, start)

    return reader


def _bytes(body: bytes, at: int) -> tuple[bytes, int]:
    size, start = _length(body, at)
    end = start + size
    padded = end + -size % WORD
    if padded > len(body) or body[end:padded] != _ZEROS[: padded - end]:
        raise ValueError("a bytes value is too short, or its padding is not zero")
    return body[start:end], padded


def _address(body: bytes, at: int) -> tuple[str, int]:
    if body[at : at + 12] != _ZEROS[:12]:
        raise ValueError("an address has dirty upper bits")
    return "0x" + body[at + 12 : at + WORD].hex(), at + WORD


def _integer(low: int, end: int, make: Callable[[int], Any]) -> _Reader:
    signed = low < 0

    def reader(body: bytes, at: int) -> tuple[Any, int]:
        value = int.from_bytes(body[at : at + WORD], signed=signed)
        if not low <= value < end:
            raise ValueError(f"{value} is not from {low} to {end - 1}")
        return make(value), at + WORD

    return reader


def _length(body: bytes, at: int) -> tuple[int, int]:
    if at + WORD > len(body):
        raise ValueError("too short")
    return int.from_bytes(body[at : at + WORD]), at + WORD


@lru_cache(maxsize=256)
def _size(kind: str) -> int:
    """Size of a static type in bytes; 0 for a dynamic type."""
    if kind.endswith("[]") or kind == "bytes":
        return 0
    if not kind.startswith("("):
        return WORD
    sizes = [_size(member) for member in _members(kind)]
    return sum(sizes) if all(sizes) else 0


@lru_cache(maxsize=256)
def _members(kind: str) -> tuple[str, ...]:
    """'(a,(b,c)[],d)' -> ('a', '(b,c)[]', 'd')"""
    members, depth, start = [], 0, 1
    for index, letter in enumerate(kind[:-1]):
        depth += (letter == "(") - (letter == ")")
        if letter == "," and depth == 1:
            members.append(kind[start:index])
            start = index + 1
    return (*members, kind[start:-1])
