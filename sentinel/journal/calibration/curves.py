"""Decisions -> curves: how often acting is right at each agreement and spread, what follows, what it costs. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from sentinel.core.statistics import Share
from sentinel.core.units import BPS
from sentinel.decide.quorum import FORMAT, Level, supported
from sentinel.decide.sizing import sizes
from sentinel.journal.calibration.observations import Observation

RISKS = (0.01, 0.02, 0.05, 0.1, 0.2)  # the report says which agreement each would ask for
SIZED_AT = (0.01, 0.02, 0.05, 0.1)  # and which size these would give each agreement
SPREADS = (0, 10, 50, 100, 200, 500)  # bps: upper ends of the bins


def levels(rows: Iterable[Observation]) -> tuple[Level, ...]:
    """Acts counted by agreement, highest first."""
    counts: dict[tuple[int, int], list[int]] = {}
    for row in rows:
        if row.choice == "act":
            count = counts.setdefault((row.votes, row.asked), [0, 0])
            count[0] += row.right
            count[1] += 1
    found = (Level(*key, *count) for key, count in counts.items())
    return tuple(sorted(found, key=lambda level: (-level.share_bps, level.asked)))


def reliability(rows: Sequence[Observation], choice: str) -> list[dict[str, Any]]:
    """Share right at each agreement, lowest agreement first."""
    chosen = [row for row in rows if row.choice == choice]
    return [
        {"agreement_bps": share, **_share(row for row in chosen if row.votes * BPS // row.asked == share)}
        for share in sorted({row.votes * BPS // row.asked for row in chosen})
    ]


def by_spread(rows: Sequence[Observation]) -> list[dict[str, Any]]:
    """Share right of the acts by the spread of their winning set; one ballot alone has none and is left out."""
    acts = [row for row in rows if row.choice == "act" and row.votes > 1]
    found, low = [], -1
    for high in SPREADS:
        inside = [row for row in acts if low < row.spread_bps <= high]
        if inside:
            found.append({"spread_bps_up_to": high, **_share(inside)})
        low = high
    return found


def risk_coverage(rows: Sequence[Observation]) -> list[dict[str, Any]]:
    """Were acts below an agreement turned into holds: which share of them is left, and how many of those are wrong.

    Highest agreement first. `captured`: mean share of the reference's value, over the decisions in which the reference
    acts and counting what was not acted on as nothing; None without a reference.
    """
    acts = [row for row in rows if row.choice == "act"]
    worth_it = [row for row in rows if row.wanted == "act"]
    curve = []
    for share in sorted({level.share_bps for level in levels(acts)}, reverse=True):
        kept = [row for row in acts if row.votes * BPS // row.asked >= share]
        wrong = Share(sum(not row.right for row in kept), len(kept))
        gained = [row.captured or 0.0 for row in kept if row.wanted == "act"]
        curve.append(
            {
                "agreement_bps": share,
                "coverage": round(len(kept) / len(acts), 4),
                "acts": len(kept),
                "risk": round(wrong.value, 4),
                "risk_low": round(wrong.low, 4),
                "risk_high": round(wrong.high, 4),
                "captured": round(sum(gained) / len(worth_it), 4) if worth_it else None,
            }
        )
    return curve


def report(rows: Sequence[Observation], *, kind: str, agreement_bps: int, correct: str) -> dict[str, Any]:
    """Everything that the JSON file says. `correct`: what right means here, in one sentence."""
    counted = levels(rows)
    return {
        "format": FORMAT,
        "kind": kind,
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
        "reliability": {choice: reliability(rows, choice) for choice in ("act", "hold")},
        "undecided": sum(row.choice == "none" for row in rows),
        "risk_coverage": risk_coverage(rows),
        "by_spread": by_spread(rows),
        "by_source": _by(rows, lambda row: row.source),
        "by_playbook": _by(rows, lambda row: row.playbook),
    }


def _by(rows: Sequence[Observation], name: Callable[[Observation], str]) -> dict[str, dict[str, Any]]:
    groups = {name(row) for row in rows}
    return {group: _share(row for row in rows if name(row) == group) for group in sorted(groups)}


def _share(rows: Iterable[Observation]) -> dict[str, Any]:
    right = [row.right for row in rows]
    return Share(sum(right), len(right)).as_json()
