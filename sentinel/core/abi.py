"""ABI encoding of the few types that routers, tokens and Permit2 take, fast enough to be no part of a cycle's time.

The general library checks and builds anew at each call, which costs ten times as much. A test compares the two.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from sentinel.core.units import WORD

Encoder = Callable[[Any], bytes]
_BOOLS = (bytes(WORD), (1).to_bytes(WORD))


def encode(types: Sequence[str], values: Sequence[Any]) -> bytes:
    """As eth_abi's `encode`. Types: address, bool, uintN, intN, bytes32, bytes, tuples of them in brackets, and arrays.

    Raises ValueError where a value does not fit its type, or for a type that is not known here.
    """
    return _tuple_of(tuple(types))(values)


@lru_cache(maxsize=256)
def _tuple_of(types: tuple[str, ...]) -> Encoder:
    encoders = [_encoder(kind) for kind in types]
    sizes = [_size(kind) for kind in types]
    count, head = len(types), sum(size or WORD for size in sizes)

    def flat(values: Any) -> bytes:
        if len(values) != count:
            raise ValueError(f"{count} values are wanted, not {len(values)}")
        return b"".join([one(value) for one, value in zip(encoders, values, strict=True)])

    def nested(values: Any) -> bytes:
        if len(values) != count:
            raise ValueError(f"{count} values are wanted, not {len(values)}")
        parts = [one(value) for one, value in zip(encoders, values, strict=True)]
        tails, at = [], head
        for place, size in enumerate(sizes):
            if not size:
                tails.append(parts[place])
                parts[place] = at.to_bytes(WORD)
                at += len(tails[-1])
        return b"".join(parts + tails)

    return flat if all(sizes) else nested


def _encoder(kind: str) -> Encoder:
    if kind.endswith("[]"):
        item = kind[:-2]
        return lambda values: len(values).to_bytes(WORD) + _tuple_of((item,) * len(values))(values)
    if kind.startswith("("):
        return _tuple_of(tuple(_members(kind)))
    if kind == "address":
        return _address
    if kind == "bool":
        return lambda value: _BOOLS[bool(value)]
    if kind == "bytes":
        return lambda value: len(value).to_bytes(WORD) + value + bytes(-len(value) % WORD)
    if kind == "bytes32":
        return _bytes32
    if kind.startswith("uint"):
        return _unsigned(1 << int(kind[4:]), kind)
    if kind.startswith("int"):
        return _signed(1 << int(kind[3:]) - 1, kind)
    raise ValueError(f"the type {kind} is not known here")


def _unsigned(end: int, kind: str) -> Encoder:
    def encoder(value: int) -> bytes:
        if not 0 <= value < end:
            raise ValueError(f"{value} does not fit {kind}")
        return value.to_bytes(WORD)

    return encoder


def _signed(half: int, kind: str) -> Encoder:
    def encoder(value: int) -> bytes:
        if not -half <= value < half:
            raise ValueError(f"{value} does not fit {kind}")
        return value.to_bytes(WORD, signed=True)

    return encoder


@lru_cache(maxsize=1024)
def _address(value: str) -> bytes:
    raw = bytes.fromhex(value.removeprefix("0x"))
    if len(raw) != 20:
        raise ValueError(f"{value[:50]} is no address")
    return raw.rjust(WORD, b"\0")


def _bytes32(value: bytes) -> bytes:
    if len(value) != WORD:
        raise ValueError(f"{len(value)} bytes are no bytes32")
    return value


@lru_cache(maxsize=256)
def _size(kind: str) -> int:
    """Bytes of a static type; 0 for one whose length is its own."""
    if kind.endswith("[]") or kind == "bytes":
        return 0
    if not kind.startswith("("):
        return WORD
    sizes = [_size(member) for member in _members(kind)]
    return sum(sizes) if all(sizes) else 0


def _members(kind: str) -> list[str]:
    """'(a,(b,c)[],d)' -> ['a', '(b,c)[]', 'd']"""
    found, depth, start = [], 0, 1
    for place, letter in enumerate(kind[:-1]):
        depth += (letter == "(") - (letter == ")")
        if letter == "," and depth == 1:
            found.append(kind[start:place])
            start = place + 1
    return [*found, kind[start:-1]]
