"""The dictionaries of compressed bodies: a cycle resembles the cycles before it, so it is stored by its differences.

Every `EVERY` cycles the newest one is appended once more, as a record of kind "dictionary" that is never dropped. The
cycles after it are compressed against it. A compressed body names its dictionary by Adler-32; the table is the index.
"""

from __future__ import annotations

import json
import zlib
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from sentinel.journal.serialization import canonical

KIND = "dictionary"
TABLE = """
CREATE TABLE dictionaries (adler INTEGER PRIMARY KEY, seq INTEGER NOT NULL REFERENCES records) STRICT;
"""
EVERY = 16  # cycles; the ratio by this number is in docs/adr/0031-the-stored-journal.md
SMALLEST, LARGEST = 4_096, 32_000  # characters; deflate looks back 32 kB, so a larger text would not be found
KEPT = 32  # texts in memory

Query = Callable[..., Any]


class Dictionaries:
    """Of one file. `one` runs a query and returns its first row, or `default`."""

    def __init__(self, one: Query) -> None:
        self._one = one
        self._texts: OrderedDict[int, bytes] = OrderedDict()  # by Adler-32, the last used at the end
        self._newest = b""
        self._age = EVERY  # cycles since the newest one was made; a start makes a new one

    @property
    def newest(self) -> bytes:
        """The dictionary for the next body; empty if there is none yet."""
        return self._newest

    def get(self, adler: int) -> bytes:
        """The dictionary with this Adler-32. Raises ValueError if there is none."""
        if adler not in self._texts:
            row = self._one(
                "SELECT body, packed FROM dictionaries JOIN records USING (seq) WHERE adler = ?", adler, default=None
            )
            if row is None:
                raise ValueError("its dictionary is missing")
            self._keep(adler, text_of(row[0] if row[1] is None else zlib.decompress(row[1]).decode()))
        self._texts.move_to_end(adler)
        return self._texts[adler]

    def due(self, body: str) -> str | None:
        """The body of the dictionary record that must follow this cycle's record; None if none is due."""
        self._age += 1
        if self._age < EVERY or not SMALLEST <= len(body) <= LARGEST:
            return None
        if self._one("SELECT 1 FROM dictionaries WHERE adler = ?", zlib.adler32(body.encode())) is not None:
            return None  # equal, or a collision, which must not name two texts
        return canonical({"text": body})

    def added(self, body: str) -> int:
        """Use the dictionary of this record from now on. Returns its Adler-32."""
        self._newest, self._age = text_of(body), 0
        adler = zlib.adler32(self._newest)
        self._keep(adler, self._newest)
        return adler

    def forget(self) -> None:
        """The transaction that added the newest one was rolled back."""
        self._texts.clear()
        self._newest, self._age = b"", EVERY

    def _keep(self, adler: int, text: bytes) -> None:
        self._texts[adler] = text
        if len(self._texts) > KEPT:
            self._texts.popitem(last=False)


def text_of(body: str) -> bytes:
    """The dictionary that the body of a record of this kind holds."""
    return str(json.loads(body)["text"]).encode()
