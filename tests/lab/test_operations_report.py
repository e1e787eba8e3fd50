"""The drill's report: gaps stay gaps, and a fault that has not ended or fired leaves its cells empty."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from lab.operations.drill_report import fill, picture, with_gaps

FAULT: dict[str, Any] = {
    "fault": "model gone",
    "began": 60.0,
    "ended": 90.0,
    "alert": "SentinelModelDown",
    "fired_after": 12.4,
    "cleared_after": None,
    "beside": ["SentinelNotReady", "SentinelAlarm", "SentinelNotReady"],
}
SILENT = FAULT | {"fault": "reorg", "ended": None, "alert": None, "fired_after": None, "beside": []}


def test_a_line_breaks_where_nothing_was_scraped() -> None:
    found = with_gaps([(0.0, 1.0), (15.0, 2.0), (60.0, 3.0)])
    assert [at for at, _ in found] == [0.0, 15.0, 60.0, 60.0]
    assert math.isnan(found[2][1])


def test_the_table_stands_between_its_marks(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- drill -->\nold\n<!-- /drill -->\nafter\n")
    fill(page, {"started": 0.0, "faults": [FAULT, SILENT]})
    before, mark, _, _, one, two, end, after = page.read_text().splitlines()
    assert (before, mark, end, after) == ("before", "<!-- drill -->", "<!-- /drill -->", "after")
    assert one == "| 1.0 | model gone | 30 s | SentinelModelDown | 12 s |  | SentinelNotReady, SentinelAlarm |"
    assert two == "| 1.0 | reorg |  | none: it mends itself |  |  |  |"


def test_each_line_of_a_picture_is_named() -> None:
    lines = [(f"{name} & co", [(0.0, 1.0), (30.0, 2.0)]) for name in "abcde"]
    drawn = picture("Title", "seconds", lines, [FAULT, SILENT], 0.0, 120.0)
    for said in ("Title", "minutes", "seconds", *(f"{name} &amp; co" for name in "abcde")):
        assert f">{said}</text>" in drawn
