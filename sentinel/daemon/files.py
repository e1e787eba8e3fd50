"""The state directory and the names of the files in it."""

from __future__ import annotations

import os

from sentinel.config.settings import Settings
from sentinel.core.errors import SettingsError

JOURNAL = "journal.sqlite3"
CLOSES = "closes.sqlite3"  # may be deleted: it is filled again from the chain, as far as the nodes have state
MEMORY = "memory.sqlite3"  # may be deleted: it is filled again from the journal


def make_state_dir(settings: Settings) -> None:
    """Make the state directory if it is missing. Raises SettingsError if it cannot be made or written."""
    folder = settings.state_dir.expanduser()
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise SettingsError(f"SENTINEL_STATE_DIR: {folder} cannot be made: {error.strerror}") from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise SettingsError(f"SENTINEL_STATE_DIR: {folder} cannot be written by this user")
