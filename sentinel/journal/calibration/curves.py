"""Curves of observed acts: how often they are right at each agreement and spread, and a quorum's cost. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sentinel.core.statistics import Share
from sentinel.core.units import BPS
from sentinel.decide.quorum import FORMAT, Level, supported
from sentinel.decide.sizing import sizes
from sentinel.journal.calibration.observations import Observation

RISKS = (0.01, 0.02, 0.05, 0.1, 0.2)  # the report gives the agreement that each risk requires
SIZED_AT = (0.01, 0.02, 0.05, 0.1)  # the report gives the size that each of these allows at each agreement
SPREADS = (0, 10, 50, 100, 200, 500)  # bps: upper ends of the bins


def levels(rows: Iterable[Observation]) -> tuple[Level, ...]:
    """The number of acts, and of right ones, at each agreement, highest agreement first."""
    counts: dict[tuple[int, int], list[int]] = {}
    for row in rows:
        count = counts.setdefault((row.votes, row.asked), [0, 0])
        count[0] += row.right
        count[1] += 1
    counted = (Level(*key, *count) for key, count in counts.items())
    return tuple(sorted(counted, key=lambda level: (-level.share_bps, level.asked)))


def reliability(rows: Sequence[Observation]) -> list[dict[str, Any]]:
    """The share of right acts at each agreement, lowest agreement first."""
    return [
        {"agreement_bps": share, **_share(row for row in rows if row.votes * BPS // row.asked == share)}
        for share in sorted({row.votes * BPS // row.asked for row in rows})
    ]


def by_spread(rows: Sequence[Observation]) -> list[dict[str, Any]]:
    """The share of right acts by the spread of their winning set. A single ballot has no spread and is left out."""
    acts = [row for row in rows if row.votes > 1]
    bins, low = [], -1
    for high in SPREADS:
        inside = [row for row in acts if low < row.spread_bps <= high]
        if inside:
            bins.append({"spread_bps_up_to": high, **_share(inside)})
        low = high
    return bins


def risk_coverage(rows: Sequence[Observation]) -> list[dict[str, Any]]:
    """For each agreement, highest first: the share of acts at or above it, and the share of those that are wrong."""
    curve = []
    for share in sorted({level.share_bps for level in levels(rows)}, reverse=True):
        kept = [row for row in rows if row.votes * BPS // row.asked >= share]
        wrong = Share(sum(not row.right for row in kept), len(kept))
        curve.append(
            {
                "agreement_bps": share,
                "coverage": round(len(kept) / len(rows), 4),
                "acts": len(kept),
                "risk": round(wrong.value, 4),
                "risk_low": round(wrong.low, 4),
                "risk_high": round(wrong.high, 4),
            }
        )
    return curve


def report(rows: Sequence[Observation], *, agreement_bps: int, correct: str) -> dict[str, Any]:
    """The content of the JSON file. `correct` says in one sentence what counts as right."""
    counted = levels(rows)
    return {
        "format": FORMAT,
        "correct_means": correct,
        "decisions": len(rows),
        "vote": {"agreement_bps": agreement_bps},
        "acts": [
            {"votes": level.votes, "asked": level.asked, "right": level.right, "total": level.total}
            for level in counted
        ],
        "supported_agreement_bps": {f"{risk:g}": supported(counted, risk) for risk in RISKS},
        "size_by_agreement": {
            f"{risk:g}": [{"agreement_bps": share, "size_bps": size} for share, size in sizes(counted, risk).steps]
            for risk in SIZED_AT
        },
        "reliability": reliability(rows),
        "risk_coverage": risk_coverage(rows),
        "by_spread": by_spread(rows),
        "by_source": {
            source: _share(row for row in rows if row.source == source) for source in sorted({r.source for r in rows})
        },
    }


def _share(rows: Iterable[Observation]) -> dict[str, Any]:
    right = [row.right for row in rows]
    return Share(sum(right), len(right)).as_json()
