"""Agreement of a decision with the oracle's. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sentinel.core.decision import Act, Decision, Hold
from sentinel.core.simulation import Simulation


def agrees(ours: Decision, oracle: Decision, vote: Callable[[Sequence[Simulation], int], Decision]) -> bool:
    """True if both hold, or if both act and the vote counts their effects as one class within its tolerance."""
    if isinstance(ours, Hold) or isinstance(oracle, Hold):
        return isinstance(ours, Hold) and isinstance(oracle, Hold)
    return isinstance(vote((ours.simulation, oracle.simulation), 2), Act)
