"""Where a cycle's candidates and decision differ from what the player of the approved order did. Pure."""

from __future__ import annotations

from enum import StrEnum

from sentinel.core.decision import Hold, HoldReason
from sentinel.core.record import CycleRecord

UNDECIDED = frozenset({HoldReason.IN_FLIGHT, HoldReason.PAUSED, HoldReason.STOPPING, HoldReason.DISPUTED})


class Deviation(StrEnum):
    """Metrics contain these names."""

    MISSED = "missed"  # the player trades, and the cycle holds, or the vote did and only the exit was made
    DISAGREED = "disagreed"  # the player trades, and a candidate makes another trade
    GUARDED = "guarded"  # the player holds, and a candidate trades


def deviations(record: CycleRecord) -> frozenset[Deviation]:
    played, found = record.played, set()
    if played is None:
        return frozenset()
    plays = (played, *played.possible)  # what a judgement decides is not missed if nothing is traded
    trades = all(one.clause is not None for one in plays)
    held = isinstance(record.decision, Hold) and record.decision.reason not in UNDECIDED
    if trades and (held or record.exit_made):
        found.add(Deviation.MISSED)
    refused = [refusal.rule for refusal in record.refusals] + [v.rule for v in record.verdicts if not v.ok]
    if "order" in refused:
        found.add(Deviation.DISAGREED if any(one.clause is not None for one in plays) else Deviation.GUARDED)
    return frozenset(found)
