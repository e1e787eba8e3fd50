"""In which line of a TOML text a key is written; `tomllib` reports lines of syntax errors alone."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence


def line_of(text: str, path: Sequence[str | int]) -> int:
    """The number of the line in which the longest known part of `path` is written first, at least 1.

    Each beginning of the text that is valid by itself is parsed until the path is in it. This is exact for every way
    to write a key, and slow: use it for error messages.
    """
    lines = text.split("\n")
    best, depth = 1, 0
    for number in range(1, len(lines) + 1):
        try:
            table = tomllib.loads("\n".join(lines[:number]))
        except ValueError:
            continue  # inside a value of several lines
        reached = _depth(table, path)
        if reached > depth:
            best, depth = number, reached
        if depth == len(path):
            break
    return best


def _depth(table: object, path: Sequence[str | int]) -> int:
    """How many steps of `path` exist in the table."""
    for depth, step in enumerate(path):
        if isinstance(table, dict) and step in table:
            table = table[step]
        else:
            return depth
    return len(path)
