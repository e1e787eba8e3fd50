"""The file of a ledger: its lock, and SQLite's errors as ours."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sentinel.core.errors import JournalError, WalletBusy
from sentinel.journal.chain_check import tampered

# What SQLite's errors say when content is damaged, beside its own DatabaseError: no text, or no compressed body.
_DAMAGE = ("UTF-8", "user-defined function")


def lock(path: Path) -> int:
    """The file descriptor that holds the exclusive lock on `path`. Raises WalletBusy if another process holds it."""
    with mapped(f"cannot create {path.name}"):
        handle = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(handle)
        raise WalletBusy(
            f"another Sentinel writes to {path.parent.name}/ for this wallet: stop it first (`sentinel stop`), "
            "or give this one its own wallet and its own SENTINEL_STATE_DIR"
        ) from error
    return handle


@contextmanager
def mapped(failure: str) -> Iterator[None]:
    """Turn errors of SQLite and of the file system into JournalError, whose text begins with `failure`.

    A file that SQLite finds damaged is JournalTampered.
    """
    try:
        yield
    except (sqlite3.Error, OSError, UnicodeError) as error:  # UnicodeError: damaged text in an SQLite error
        if type(error) is sqlite3.DatabaseError or any(sign in str(error) for sign in _DAMAGE):
            raise tampered(failure, f"the file is damaged: {error}") from error
        raise JournalError(f"{failure}: {error}") from error
