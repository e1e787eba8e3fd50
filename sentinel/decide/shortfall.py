"""When realised trades fall too far below their simulations, trading stops. Pure.

Only a shortfall counts: a trade that gave more than it promised harms nobody. Single trades are bounded by min_out
already; the mean finds what stays within it every time, such as somebody who trades ahead of each of ours.
"""

from __future__ import annotations

from collections.abc import Sequence

from sentinel.config.limits import Limits


def breach(shortfalls: Sequence[float], limits: Limits) -> str | None:
    """Why to stop, None where there is no reason. `shortfalls`: realised against simulated in bps, newest first, since
    the
    operator last let trading go on. The mean counts only once there are `drift_trades` of them."""
    for drift in shortfalls:
        if -drift > limits.one_drift_bps:
            return f"a trade realised {-drift:.1f} bps less than simulated, the bound is {limits.one_drift_bps:g}"
    last, most = shortfalls[: limits.drift_trades], limits.mean_drift_bps
    if len(last) == limits.drift_trades and (short := -sum(last) / len(last)) > most:
        return f"the last {len(last)} trades realised {short:.1f} bps less than simulated, the bound is {most:g}"
    return None
