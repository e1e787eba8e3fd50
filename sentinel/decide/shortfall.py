"""When realised trades fall too far below their simulations, trading stops. Pure.

Only a shortfall counts, in the mean too: a trade that gave more than it promised does not make up for one that gave
less. Single trades are bounded by min_out already; the mean finds what stays within it every time, such as somebody who
trades ahead of each of ours.
"""

from __future__ import annotations

from collections.abc import Sequence

from sentinel.config.limits import Limits


def breach(shortfalls: Sequence[float], limits: Limits) -> str | None:
    """Why trading must halt; None if it may go on. `shortfalls` in bps, newest first, since the operator last resumed.

    The mean counts only once there are `shortfall_trades` of them.
    """
    for shortfall in shortfalls:
        if shortfall > limits.max_shortfall_bps:
            return (
                f"a trade realised {shortfall:.1f} bps less than simulated, the bound is {limits.max_shortfall_bps:g}"
            )
    last, bound = shortfalls[: limits.shortfall_trades], limits.max_mean_shortfall_bps
    if len(last) == limits.shortfall_trades and (mean := mean_shortfall(last)) > bound:
        return f"the last {len(last)} trades realised {mean:.1f} bps less than simulated, the bound is {bound:g}"
    return None


def mean_shortfall(shortfalls: Sequence[float]) -> float:
    """The mean in bps, in which a trade that realised more than simulated counts as 0; 0 without trades."""
    return sum(max(0.0, shortfall) for shortfall in shortfalls) / len(shortfalls) if shortfalls else 0.0
