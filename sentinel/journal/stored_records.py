"""How a record is stored, and how its hash is made: short bodies as text, long ones compressed. Pure.

The hash covers the body as it was stored at first: the bytes of a compressed body, so that the chain is checked without
unpacking it. Bodies from before schema 4 were stored as text and compressed later, so their hashes cover the text.
A compressed body may need a dictionary, which its first bytes name: see dictionaries.py.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable
from dataclasses import dataclass

GENESIS = "0" * 64  # the `prev` of the first record
LARGE = 512  # characters; a shorter body is stored as text
LEVEL = 6  # of zlib; docs/adr/0031-the-stored-journal.md has the ratio and the time of each level
MAX_BODY = 1 << 28  # bytes; no record comes near it, so a larger one is damage

Stored = str | bytes  # text, compressed text, or empty if the retention dropped it
Dictionary = Callable[[int], bytes]  # the dictionary with this Adler-32. Raises ValueError if there is none


def no_dictionary(_: int) -> bytes:
    """For a file whose records need none."""
    raise ValueError("its dictionary is missing")


@dataclass(frozen=True, slots=True)
class Record:
    """One record of the chain."""

    seq: int  # 1 for the first record
    kind: str
    at: int  # Unix milliseconds
    stored: Stored
    dictionary: Dictionary = no_dictionary

    @property
    def body(self) -> str:
        """Canonical JSON; empty if the record was dropped. Raises ValueError if it cannot be unpacked."""
        return unpacked(self.stored, self.dictionary)

    @property
    def dropped(self) -> bool:
        """Whether the retention dropped the body."""
        return not self.stored


def link(prev: str, kind: str, at: int, stored: Stored) -> str:
    """The hash of a record whose predecessor has the hash `prev`: SHA-256 in hex. `at` is in Unix milliseconds."""
    digest = hashlib.sha256(f"{prev}\n{kind}\n{at}\n".encode())
    digest.update(stored if isinstance(stored, bytes) else stored.encode())
    return digest.hexdigest()


def packed(body: str, dictionary: bytes = b"") -> bytes | None:
    """The compressed body, or None if it is stored as text because it is short."""
    if len(body) < LARGE:
        return None
    packer = zlib.compressobj(LEVEL, zdict=dictionary) if dictionary else zlib.compressobj(LEVEL)
    return packer.compress(body.encode()) + packer.flush()


def unpacked(stored: Stored, dictionary: Dictionary = no_dictionary, most: int = MAX_BODY) -> str:
    """The text of a stored body, or its first `most` bytes. Raises ValueError for damaged bytes."""
    if isinstance(stored, str):
        return stored
    try:
        needs = len(stored) > 6 and stored[1] & 0x20  # RFC 1950: FDICT, then the Adler-32 of the dictionary
        unpacker = zlib.decompressobj(zdict=dictionary(int.from_bytes(stored[2:6]))) if needs else zlib.decompressobj()
        return unpacker.decompress(stored, most).decode()
    except zlib.error as error:
        raise ValueError(f"the compressed body is damaged: {error}") from None


def fits(prev: str, kind: str, at: int, stored: Stored, digest: str, dictionary: Dictionary = no_dictionary) -> bool:
    """Whether the hash of a record that was not dropped matches its content."""
    if link(prev, kind, at, stored) == digest:
        return True
    if isinstance(stored, str):
        return False
    try:
        return link(prev, kind, at, unpacked(stored, dictionary)) == digest  # written before schema 4
    except ValueError:
        return False
