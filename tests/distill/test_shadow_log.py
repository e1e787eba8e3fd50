"""The shadow's log: it survives a cut line, and sums up what was decided, not what failed."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from sentinel.distill.promotion.shadow_log import ShadowBlock, append, read, summary

BLOCK = ShadowBlock(1.0, "new", "student:old", 7, "0x07", "0xorder", "", True, True, True, "act", 0.2)
FAILED = replace(BLOCK, block=9, hash="0x09", failed="ModelTimeout", agrees=False, right=False)


def test_a_cut_line_spoils_itself_alone_and_others_students_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "shadow.jsonl"
    assert list(read(path, "new")) == []
    append(path, BLOCK)
    with path.open("a") as file:
        file.write('{"at": 2.0, "stud')
    append(path, replace(BLOCK, student="another"))
    append(path, FAILED)
    with path.open("a") as file:
        file.write('{"of": "another kind"}\n[]\n')
    assert list(read(path, "new")) == [BLOCK, FAILED]


def test_a_failed_block_counts_as_failed_alone() -> None:
    """It must neither pass for a hold nor draw the values together; the same block again is no further block."""
    worse = replace(BLOCK, block=8, hash="0x08", agrees=False, right=False)
    found = summary([BLOCK, BLOCK, worse, FAILED])
    assert (found["blocks"], found["failed"], found["agreed"]) == (2, 1, 1)
    assert (found["first"], found["last"], found["live"]) == (7, 8, ["student:old"])
    assert (found["right"], found["live_right"]) == (1, 2)
    assert found["difference"]["mean"] == pytest.approx(-0.5)
    assert summary([]) == {"blocks": 0, "failed": 0}
