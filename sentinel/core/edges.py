"""The edge between libraries and Sentinel's error tree: what a library raises is named, placed and mapped once."""

from __future__ import annotations

import contextlib
import traceback
from collections.abc import Iterator
from pathlib import Path

from sentinel.core.errors import SentinelError, SettingsError

PACKAGE = Path(__file__).resolve().parents[1]
MAX_TEXT = 200  # characters of a foreign error's own text


@contextlib.contextmanager
def settings_edge(what: str) -> Iterator[None]:
    """Raise SettingsError for every exception of the body that is no SentinelError. `what` says what failed.

    A start that fails in here ends with exit code 4, which systemd does not restart: the same files would fail again.
    """
    try:
        yield
    except SentinelError:
        raise
    except Exception as error:
        raise SettingsError(f"{what}: {described(error)}") from error


def described(error: BaseException) -> str:
    """One line about an exception that no part of Sentinel expected: its type, its text and its place in the code."""
    text = " ".join(str(error).split())[:MAX_TEXT]
    return f"{type(error).__name__}{': ' if text else ''}{text} ({place(error)})"


def place(error: BaseException) -> str:
    """The innermost line of Sentinel's own code in the traceback, e.g. 'config/limits.py:104 in of'."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if Path(frame.filename).is_relative_to(PACKAGE)] or frames
    if not own:
        return "place unknown"
    file = Path(own[-1].filename)
    shown = file.relative_to(PACKAGE) if file.is_relative_to(PACKAGE) else file.name
    return f"{shown}:{own[-1].lineno} in {own[-1].name}"
