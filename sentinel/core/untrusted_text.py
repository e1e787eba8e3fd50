"""Reduce untrusted text to printable ASCII before it reaches a prompt, a log or a record."""

from __future__ import annotations


def printable(text: str, cap: int) -> str:
    """At most `cap` characters of printable ASCII and newlines. Others become `?`; a shortened text ends in `...`."""
    head = "".join(c if " " <= c <= "~" or c == "\n" else " " if c == "\t" else "?" for c in text[: cap + 1])
    return head if len(head) <= cap else head[: max(cap - 3, 0)] + "..."[:cap]


def one_line(text: str, cap: int) -> str:
    """`text` as one printable line of at most `cap` characters."""
    return printable(" ".join(text[: 4 * cap].split()), cap)
