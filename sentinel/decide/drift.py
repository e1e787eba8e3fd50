"""When realised trades fall too far below their simulations, trading stops. Pure.

Only a shortfall counts: a trade that gave more than it promised harms nobody. Single trades are bounded by min_out
already; the mean finds what stays within it every time, such as somebody who trades ahead of each of ours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DriftLimits:
    one: float  # bps that one trade may fall short
    mean: float  # bps that the mean over `trades` may fall short
    trades: int


def breach(drifts: Sequence[float], limits: DriftLimits) -> str | None:
    """Why to stop, None where there is no reason. `drifts`: realised against simulated in bps, newest first, since the
    operator last let trading go on. The mean counts only once there are `trades` of them."""
    for drift in drifts:
        if -drift > limits.one:
            return f"a trade realised {-drift:.1f} bps less than simulated, the bound is {limits.one:g}"
    last = drifts[: limits.trades]
    if len(last) == limits.trades and (short := -sum(last) / len(last)) > limits.mean:
        return f"the last {len(last)} trades realised {short:.1f} bps less than simulated, the bound is {limits.mean:g}"
    return None
