"""The journal's trades as observations: how many ballots agreed, and whether the trade went as simulated.

Only trades that were voted on, sent and mined count. A trade's votes were recorded before it was sent and its outcome
when it was settled, so the observations use only what the daemon knew by `until`.
NOTE: no trade was made below the quorum in force, so a journal can support a higher quorum but never a lower one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sentinel.core.statistics import Share
from sentinel.core.units import BPS
from sentinel.decide.quorum import supported
from sentinel.journal.calibration.curves import levels
from sentinel.journal.calibration.observations import Observation
from sentinel.journal.reports import TradeOutcome

OLDER_SHARE = 0.7  # share of the trades that a quorum is derived from when it is checked on the newer ones
CORRECT = "mined without a revert, realised at most {bound:g} bps below its simulation"


@dataclass(frozen=True, slots=True)
class QuorumCheck:
    """A quorum derived from the older trades only, and its result on the newer ones."""

    agreement_bps: int | None
    older: int
    newer: Share  # share of wrong trades among the newer ones at that agreement or above

    def as_json(self) -> dict[str, Any]:
        """The check as the report holds it."""
        return {"agreement_bps": self.agreement_bps, "older": self.older, "newer_wrong": self.newer.as_json()}


def rows(settlements: Iterable[TradeOutcome], *, bound_bps: float, until: float | None = None) -> list[Observation]:
    """One observation for each trade, in the same order.

    `bound_bps` is the largest shortfall that still counts as right. Trades that were settled after `until` (Unix
    seconds) are left out.
    """
    return [
        Observation(
            id=item.intent_id,
            source=item.proposer,
            votes=item.votes,
            asked=item.asked,
            spread_bps=item.spread_bps,
            right=not item.reverted and item.shortfall_bps is not None and item.shortfall_bps <= bound_bps,
        )
        for item in settlements
        if until is None or item.settled_at <= until
    ]


def check(observed: list[Observation], max_risk: float) -> QuorumCheck:
    """Derive a quorum for `max_risk` from the older part of `observed` (oldest first), and count on the newer part.

    If no agreement is supported, no newer trade is counted.
    """
    cut = int(len(observed) * OLDER_SHARE)
    older, newer = observed[:cut], observed[cut:]
    share = supported(levels(older), max_risk)
    kept = [row for row in newer if share is not None and row.votes * BPS // row.asked >= share]
    return QuorumCheck(share, len(older), Share(sum(not row.right for row in kept), len(kept)))
