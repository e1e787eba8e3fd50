"""Agreement of two decisions. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sentinel.core.decision import Act, Decision, Hold
from sentinel.core.simulation import Simulation


def agrees(one: Decision, other: Decision, vote: Callable[[Sequence[Simulation], int], Decision]) -> bool:
    """True if both hold, or if both act and the vote counts their effects as one class within its tolerance."""
    if isinstance(one, Hold) or isinstance(other, Hold):
        return isinstance(one, Hold) and isinstance(other, Hold)
    return isinstance(vote((one.simulation, other.simulation), 2), Act)
