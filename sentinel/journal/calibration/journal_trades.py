"""The journal's own trades as calibration sees them: how many agreed, and whether the chain then did as simulated.

Only what was voted, sent and mined counts. Each trade's votes are those that were written down before it was sent, and
its outcome is what was settled since, so nothing here knows more than the daemon could have known by `until`.
NOTE: trades below the quorum in force were never made, so a journal can raise a quorum but never speak for a lower one.
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
CORRECT = "mined without a revert, realised at most {bound:g} bps below its simulation; no oracle is asked"


@dataclass(frozen=True, slots=True)
class QuorumCheck:
    """A quorum derived from the older trades alone, and how it did on the newer ones."""

    agreement_bps: int | None
    older: int
    newer: Share  # wrong ones among the newer trades at that agreement or above

    def as_json(self) -> dict[str, Any]:
        return {"agreement_bps": self.agreement_bps, "older": self.older, "newer_wrong": self.newer.as_json()}


def rows(settlements: Iterable[TradeOutcome], *, bound_bps: float, until: float | None = None) -> list[Observation]:
    """Oldest first. `bound_bps`: the largest shortfall against the simulation that still counts as right; `until`
    (Unix seconds): trades that were settled later are not known yet."""
    return [
        Observation(
            id=item.intent_id,
            source=item.proposer,
            playbook="",
            choice="act",
            votes=item.votes,
            asked=item.asked,
            spread_bps=item.spread_bps,
            right=not item.reverted and item.shortfall_bps is not None and item.shortfall_bps <= bound_bps,
            captured=None,
        )
        for item in settlements
        if until is None or item.settled_at <= until
    ]


def check(observed: list[Observation], max_risk: float) -> QuorumCheck:
    """`observed` oldest first. Without a supported agreement nothing is counted among the newer ones."""
    cut = int(len(observed) * OLDER_SHARE)
    older, newer = observed[:cut], observed[cut:]
    share = supported(levels(older), max_risk)
    kept = [row for row in newer if share is not None and row.votes * BPS // row.asked >= share]
    return QuorumCheck(share, len(older), Share(sum(not row.right for row in kept), len(kept)))
