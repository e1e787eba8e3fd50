"""The quorum that a calibration supports: the least agreement at which acting is wrong seldom enough. Pure.

A calibration is JSON as `sentinel calibrate` writes it; here only its counts of acts by agreement are read, and whether
it was made with the same idea of agreement. Whatever is odd about the text is an error: no quorum comes of it.
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
MIN_ACTS = 100  # evidence of the first step; fewer acts at the top are taken together with those below
MOST = 10**12  # of any count; more is no count of anything


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
    """The counts, highest agreement first. Raises SettingsError in one sentence."""
    try:
        body = from_json(text)  # json.loads overflows the stack where it is nested without end
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
    """Highest agreement first; levels of one agreement (4 of 8, 8 of 16) are one, those without acts are left out."""
    found: dict[int, Level] = {}
    for level in sorted(levels, key=lambda level: -level.share_bps):
        same = found.get(level.share_bps)
        right, total = (same.right, same.total) if same is not None else (0, 0)
        found[level.share_bps] = replace(same or level, right=right + level.right, total=total + level.total)
    return tuple(level for level in found.values() if level.total)


def supported(levels: Sequence[Level], max_risk: float) -> int | None:
    """The least agreement (bps of those asked) at which acting stays within `max_risk`; None where there is none.

    From full agreement downwards, all acts at that agreement or above are taken together, and the upper end of the
    Wilson 95 % interval of their wrong share must not pass `max_risk`. The first level that fails ends the search, so
    that a lucky level further down is never picked out of many.
    """
    found: int | None = None
    right = total = 0
    for level in by_agreement(levels):
        right, total = right + level.right, total + level.total
        if total < MIN_ACTS:
            continue
        if Share(total - right, total).high > max_risk:
            break
        found = level.share_bps
    return found


def quorum_bps(text: str, *, max_risk: float, agreement_bps: int, floor_bps: int) -> int:
    """For `vote`, which acts on more than this share: just below the least agreement that is supported, and never
    below `floor_bps` nor below the strict majority. Raises SettingsError where nothing is supported: fail closed."""
    levels = read(text, agreement_bps)
    share = supported(levels, max_risk)
    if share is None:
        raise SettingsError(
            f"no agreement keeps the risk within {max_risk:g} on {sum(level.total for level in levels)} acts: "
            "raise SENTINEL_VOTE__MAX_RISK, or calibrate on more decisions"
        )
    return max(share - 1, floor_bps, MAJORITY_BPS)
