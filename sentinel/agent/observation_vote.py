"""The vote on the observations of one step. Pure, and independent of the order of the samples."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,6})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class ObservationGroup:
    key: str  # the observation in canonical form
    members: tuple[int, ...]  # ascending


def canonical(observation: str) -> str:
    """A form that is equal for observations with the same content.

    White space counts as one space, and 0.50, .5 and 5e-1 are the same number. Numbers are compared at the printed
    precision, so 0.51 and 0.512 differ.
    """
    return _NUMBER.sub(_number, " ".join(observation.split()))


def majority(observations: Mapping[int, str]) -> ObservationGroup:
    """The largest group of equal observations. Ties are broken by the observation, never by the sample's index.

    Raises ValueError if there is no observation.
    """
    groups: dict[str, list[int]] = {}
    for index, observation in observations.items():
        groups.setdefault(canonical(observation), []).append(index)
    if not groups:
        raise ValueError("no observations to choose from")
    key = min(groups, key=lambda k: (-len(groups[k]), k))
    return ObservationGroup(key, tuple(sorted(groups[key])))


def representative(texts: Mapping[int, str]) -> int:
    """The index of the sample whose text represents its group: the most frequent text, then the shortest, then the
    first in sort order."""
    counts: dict[str, int] = {}
    for text in texts.values():
        counts[text] = counts.get(text, 0) + 1
    chosen = min(counts, key=lambda t: (-counts[t], len(t), t))
    return min(index for index, text in texts.items() if text == chosen)


def _number(match: re.Match[str]) -> str:
    mantissa, _, exponent = match[0].lower().partition("e")
    sign = "-" if mantissa.startswith("-") else ""
    whole, _, fraction = mantissa.lstrip("+-").partition(".")
    power = int(exponent or 0) - len(fraction)
    digits = (whole + fraction).lstrip("0")
    stripped = digits.rstrip("0")
    return f"{sign}{stripped}e{power + len(digits) - len(stripped)}" if stripped else "0"
