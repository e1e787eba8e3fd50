"""The figures in docs/calibration and on the page that quotes them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from lab.calibration import experiment
from sentinel.decide import quorum
from sentinel.decide.sizing import sizes
from sentinel.journal.calibration import plots, summary_page
from sentinel.journal.calibration.curves import RISKS, SIZED_AT

DOCS = Path(__file__).resolve().parents[3] / "docs"
AGREEMENT_BPS = 500
REPORTS: dict[str, Any] = {
    name: json.loads((DOCS / "calibration" / f"{name}.json").read_text())
    for name in ("all", *(arm.student for arm in experiment.ARMS))
}


def test_what_the_reports_derive_follows_from_their_counts() -> None:
    """Supported agreement and sizes, computed anew from the acts of each file."""
    for name, report in REPORTS.items():
        levels = quorum.read((DOCS / "calibration" / f"{name}.json").read_text(), AGREEMENT_BPS)
        assert report["supported_agreement_bps"] == {f"{risk:g}": quorum.supported(levels, risk) for risk in RISKS}
        for risk in SIZED_AT:
            told = [(item["agreement_bps"], item["size_bps"]) for item in report["size_by_agreement"][f"{risk:g}"]]
            assert told == list(sizes(levels, risk).steps)


def test_the_page_of_figures_is_what_the_reports_say() -> None:
    """`make calibration` writes both; neither is edited by hand."""
    assert (DOCS / "calibration" / "README.md").read_text() == summary_page.page(REPORTS)


def test_the_pictures_are_what_the_reports_say() -> None:
    drawn = {"reliability": plots.reliability, "risk-coverage": plots.risk_coverage, "size": plots.sizes}
    for name, report in REPORTS.items():
        for kind, draw in drawn.items():
            assert (DOCS / "calibration" / f"{name}-{kind}.svg").read_text() == draw(report), (name, kind)


def test_figures_quoted_in_the_text_are_those_of_the_reports() -> None:
    """Whoever measures again finds here which sentences to write anew."""
    said = " ".join((DOCS / "self-consistency.md").read_text().split())
    every, nano, poor = REPORTS["all"], REPORTS["sentinel-nano"], REPORTS["trial-200-steps"]
    right, total = counted(every, 8)
    below = counted(every, *range(1, 7))
    minority = counted(every, *range(1, 5))
    most = counted(every, 7)
    acts = counted(every, *range(1, 9))
    holds = [(item["hits"], item["total"]) for item in every["reliability"]["hold"]]
    nano_right, nano_acts = counted(nano, *range(1, 9))
    poor_right, poor_acts = counted(poor, 8)
    sized = {item["agreement_bps"]: f"{item['size_bps'] / 100:.0f} %" for item in nano["size_by_agreement"]["0.05"]}
    for quoted in (
        f"{every['decisions']:,} decisions, {nano['decisions']} of the committed student and {poor['decisions']} of",
        f"{right} of {total} acts with full agreement were right, and {below[0]} of {below[1]} with three quarters",
        f"Of the {most[1]} acts with 7 of 8, {most[0]} were right, {counted(nano, 7)[0]} of them the committed",
        f"Of {sum(n for _, n in holds)} holds {sum(n - hits for hits, n in holds)} were wrong",
        f"avoids {minority[1] - minority[0]} of the {acts[1] - acts[0]} wrong acts and gives up {minority[0]} right",
        f"{nano_acts - nano_right} of the committed student's {nano_acts} acts are wrong",
        f"{poor_acts - poor_right} of the 200-step student's {poor_acts} acts are wrong",
        f"student's supports {nano['supported_agreement_bps']['0.05'] / 100:g} % at a risk of 5 %",
        f"trades {sized[10_000]} of the size, 7 of 8 trades {sized[8750]} and 6 of 8 trades {sized[7500]}",
        f"all of the {counted(nano, *range(1, 8))[0]} acts below full agreement were right",
    ):
        assert quoted in said, quoted
    assert len(set(counted(nano, *range(1, 8)))) == 1  # all right
    assert all(item["hits"] == item["total"] for item in nano["reliability"]["hold"])
    assert poor["supported_agreement_bps"]["0.05"] is None


def counted(report: Any, *votes: int) -> tuple[int, int]:
    """Right acts and all acts with so many of 8."""
    levels = [level for level in report["acts"] if level["votes"] in votes]
    return sum(level["right"] for level in levels), sum(level["total"] for level in levels)
