"""The summary of a measurement as one page of Markdown, with every number taken from the reports. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sentinel.observe.template import render

TEMPLATE = Path(__file__).with_name("summary.md.j2")
RISK = "0.05"


def page(reports: Mapping[str, Mapping[str, Any]]) -> str:
    """The page of `reports`, which are keyed by student; the key "all" holds the report on all students together."""
    sizes = [
        (name, sized)
        for name, report in reports.items()
        for sized in zip(*report["size_by_agreement"].values(), strict=True)
    ]
    students = [(name, _totals(report)) for name, report in reports.items() if report["decisions"]]
    return render(TEMPLATE, students=students, sizes=sizes, all=reports["all"])


def _totals(report: Mapping[str, Any]) -> dict[str, Any]:
    """The totals of one student's row."""
    full = [level for level in report["acts"] if level["votes"] == level["asked"]]
    decisions = sum(share["total"] for share in report["by_source"].values())
    return {
        "decisions": decisions,
        "right": sum(share["hits"] for share in report["by_source"].values()) / decisions,
        "acts": sum(level["total"] for level in report["acts"]),
        "wrong": sum(level["total"] - level["right"] for level in report["acts"]),
        "sure": sum(level["total"] for level in full),
        "sure_wrong": sum(level["total"] - level["right"] for level in full),
        "supported": report["supported_agreement_bps"][RISK],
    }
