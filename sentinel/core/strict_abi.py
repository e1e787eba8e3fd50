"""ABI reading that takes only the one plain encoding of its values: any other bytes are refused. Pure.

Contracts read leniently: offsets may point anywhere, upper bits may be dirty, bytes may trail. Whoever judges calldata
must see what they see, so here every dynamic part begins where the one before ended, padding is zero, every value fits
its type, and nothing is left over. `dex.abi` writes; this shares no code with it. A test compares with eth_abi.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from sentinel.core.units import WORD

_ZEROS = bytes(WORD)

# (bytes, where the value's place begins) -> (value, where its place ends)
_Reader = Callable[[bytes, int], tuple[Any, int]]


def read(types: tuple[str, ...], body: bytes) -> tuple[Any, ...]:
    """The values of `body`. Types: address (0x-hex, lower case), bool, uintN, intN, bytes32, bytes, tuples of them in
    brackets, and arrays (as tuples). Raises ValueError where `body` is not exactly their plain encoding."""
    values, end = _tuple_of(types)(body, 0)
    if end != len(body):
        raise ValueError("bytes are left over")
    return values  # type: ignore[no-any-return]


@lru_cache(maxsize=256)
def _tuple_of(types: tuple[str, ...]) -> _Reader:
    parts = [(_reader(kind), _size(kind)) for kind in types]
    head = sum(size or WORD for _, size in parts)

    def reader(body: bytes, at: int) -> tuple[Any, int]:
        if at + head > len(body):
            raise ValueError("too short")
        values, place, tail = [], at, at + head
        for one, size in parts:
            if size:
                value, place = one(body, place)
            else:
                if int.from_bytes(body[place : place + WORD]) != tail - at:
                    raise ValueError("a part does not begin where the one before ended")
                value, tail = one(body, tail)
                place += WORD
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
    raise ValueError(f"the type {kind} is not known here")


def _array(kind: str) -> _Reader:
    def reader(body: bytes, at: int) -> tuple[Any, int]:
        count, start = _length(body, at)
        if count * (_size(kind) or WORD) > len(body) - start:
            raise ValueError("an array longer than what is there")
        return _tuple_of((kind,) * count)(body, start)

    return reader


def _bytes(body: bytes, at: int) -> tuple[bytes, int]:
    size, start = _length(body, at)
    end = start + size
    padded = end + -size % WORD
    if padded > len(body) or body[end:padded] != _ZEROS[: padded - end]:
        raise ValueError("bytes that end too early, or whose padding is not zero")
    return body[start:end], padded


def _address(body: bytes, at: int) -> tuple[str, int]:
    if body[at : at + 12] != _ZEROS[:12]:
        raise ValueError("an address with dirty upper bits")
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
    """Bytes of a static type; 0 for one whose length is its own."""
    if kind.endswith("[]") or kind == "bytes":
        return 0
    if not kind.startswith("("):
        return WORD
    sizes = [_size(member) for member in _members(kind)]
    return sum(sizes) if all(sizes) else 0


@lru_cache(maxsize=256)
def _members(kind: str) -> tuple[str, ...]:
    """'(a,(b,c)[],d)' -> ('a', '(b,c)[]', 'd')"""
    found, depth, start = [], 0, 1
    for place, letter in enumerate(kind[:-1]):
        depth += (letter == "(") - (letter == ")")
        if letter == "," and depth == 1:
            found.append(kind[start:place])
            start = place + 1
    return (*found, kind[start:-1])
