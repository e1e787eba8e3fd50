"""What a download has so far, in a file beside its result, so that a killed one continues where it was.

The first line names the request; each further line is one range of blocks with its minutes. A line that was cut by a
kill is dropped, and its blocks are fetched again.
"""

from __future__ import annotations

import fcntl
import json
import os
from pathlib import Path
from typing import IO, Any, Self

from sentinel.core.errors import OperatorError
from sentinel.prices.swap_minutes import SwapMinutes

ENDING = ".part"


class PartFile:
    """Open it with `PartFile.open`; one process at a time writes it. `done` is the last block that it has."""

    def __init__(self, path: Path, file: IO[bytes], done: int, minutes: SwapMinutes) -> None:
        self.path = path
        self.done = done
        self.minutes = minutes
        self._file = file

    @classmethod
    def open(cls, out: Path, request: dict[str, Any], before: int) -> Self:
        """`request` is what was asked for. `before` is the block before the first one.

        Raises OperatorError if another process writes the file, or if it belongs to another request.
        """
        path = out.with_name(out.name + ENDING)
        try:
            file = path.open("a+b")
        except OSError as error:
            raise OperatorError(f"{path} cannot be written: {error.strerror}") from error
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            file.close()
            raise OperatorError(f"{path}: another download writes this file") from error
        part = cls(path, file, before, SwapMinutes())
        try:
            part._read(json.loads(json.dumps(request)))
        except BaseException:
            file.close()
            raise
        return part

    def append(self, last: int, minutes: SwapMinutes) -> None:
        """Add the range of blocks up to `last`. It survives a kill once this returns."""
        rows = minutes.rows()
        self._write({"to": last, "minutes": rows})
        self.minutes.extend(rows)
        self.done = last

    def finish(self) -> None:
        """The result is written: remove the file."""
        self.path.unlink()

    def close(self) -> None:
        self._file.close()

    def _read(self, request: dict[str, Any]) -> None:
        self._file.seek(0)
        whole = 0
        for number, line in enumerate(self._file):
            if not line.endswith(b"\n"):
                break
            try:
                entry = json.loads(line)
                if number == 0:
                    self._require(entry, request)
                else:
                    self.minutes.extend(entry["minutes"])
                    self.done = entry["to"]
            except (ValueError, KeyError, TypeError) as error:
                raise OperatorError(f"{self.path}, line {number + 1}: damaged; delete the file") from error
            whole += len(line)
        self._file.truncate(whole)
        if not whole:
            self._write(request)

    def _require(self, entry: object, request: dict[str, Any]) -> None:
        if entry == request:
            return
        known = entry if isinstance(entry, dict) else {}
        names = [name for name in request if known.get(name) != request[name]]
        raise OperatorError(
            f"{self.path} is of another download (other {', '.join(names)}): delete it, or choose another --out"
        )

    def _write(self, entry: object) -> None:
        self._file.seek(0, os.SEEK_END)
        self._file.write(json.dumps(entry, separators=(",", ":")).encode() + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())
