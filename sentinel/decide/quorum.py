"""The quorum that a calibration supports: the lowest agreement at which acts are wrong seldom enough. Pure.

A calibration is JSON that `sentinel calibrate` writes. Only its counts of acts by agreement are read here, and the
agreement_bps that it was made with. Any irregularity of the text is an error, so no quorum follows from it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from pydantic_core import from_json

from sentinel.core.errors import SettingsError
from sentinel.core.statistics import Share
from sentinel.core.units import BPS

FORMAT = 1
MAJORITY_BPS = 5000
MIN_ACTS = 100  # evidence of one level; a level with fewer acts is pooled with those below it
MOST = 10**12  # largest count that is believed


@dataclass(frozen=True, slots=True)
class Level:
    """Acts at one agreement: `votes` of `asked`, of which `right` of `total` were right."""

    votes: int
    asked: int
    right: int
    total: int

    @property
    def share_bps(self) -> int:
        return self.votes * BPS // self.asked


def read(text: str, agreement_bps: int) -> tuple[Level, ...]:
    """The counts by agreement, highest agreement first. Raises SettingsError with one sentence."""
    try:
        body = from_json(text)  # json.loads would overflow the stack on endless nesting
        if body["format"] != FORMAT:
            raise SettingsError(f"the calibration has format {body['format']}, this Sentinel reads {FORMAT}")
        levels = tuple(_level(item) for item in body["acts"])
        measured_at = body["vote"]["agreement_bps"]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise SettingsError(f"this is no calibration: {type(error).__name__} {error}"[:200]) from error
    if measured_at != agreement_bps:
        raise SettingsError(f"it was made with agreement_bps {measured_at}, the vote's is {agreement_bps}")
    if len({(level.votes, level.asked) for level in levels}) < len(levels):
        raise SettingsError("the calibration counts one agreement twice")
    return tuple(sorted(levels, key=lambda level: (-level.share_bps, level.asked)))


def _level(item: Any) -> Level:
    numbers = [item[name] for name in ("votes", "asked", "right", "total")]
    if not all(type(number) is int for number in numbers):
        raise TypeError("counts must be integers")
    level = Level(*numbers)
    if not (0 < level.votes <= level.asked <= MOST and 0 <= level.right <= level.total <= MOST):
        raise ValueError(f"impossible counts {numbers}")
    return level


def by_agreement(levels: Sequence[Level]) -> tuple[Level, ...]:
    """Levels of equal agreement (4 of 8, 8 of 16) merged, highest agreement first, without those that have no acts."""
    merged: dict[int, Level] = {}
    for level in sorted(levels, key=lambda level: -level.share_bps):
        same = merged.get(level.share_bps)
        right, total = (same.right, same.total) if same is not None else (0, 0)
        merged[level.share_bps] = replace(same or level, right=right + level.right, total=total + level.total)
    return tuple(level for level in merged.values() if level.total)


def supported(levels: Sequence[Level], max_risk: float) -> int | None:
    """The lowest agreement (bps of the samples asked for) at which acts stay within `max_risk`; None if none does.

    From full agreement downwards, all acts at an agreement or above it are pooled. The upper end of the Wilson 95 %
    interval of their wrong share must not exceed `max_risk`. The first level that fails ends the search, so a lucky
    level further down is never chosen.
    """
    lowest: int | None = None
    right = total = 0
    for level in by_agreement(levels):
        right, total = right + level.right, total + level.total
        if total < MIN_ACTS:
            continue
        if Share(total - right, total).high > max_risk:
            break
        lowest = level.share_bps
    return lowest


def quorum_bps(text: str, *, max_risk: float, agreement_bps: int, floor_bps: int) -> int:
    """The quorum for `vote`, in bps: just below the lowest supported agreement, because an act must exceed the quorum.

    It is never below `floor_bps` nor below the strict majority. Raises SettingsError if no agreement is supported.
    """
    levels = read(text, agreement_bps)
    share = supported(levels, max_risk)
    if share is None:
        raise SettingsError(
            f"no agreement keeps the risk within {max_risk:g} on {sum(level.total for level in levels)} acts: "
            "raise SENTINEL_VOTE__MAX_RISK, or calibrate on more decisions"
        )
    return max(share - 1, floor_bps, MAJORITY_BPS)
