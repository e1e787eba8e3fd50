"""Rounds: a real training and a real vLLM make the first one; what is there is never made again."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from sentinel.core.errors import OperatorError
from sentinel.distill import recipe, trajectory_store
from sentinel.distill.rounds import dagger
from sentinel.distill.rounds.dagger import RoundsPlan, make_round, picture, run

PLAN = RoundsPlan(rounds=1, states=4, judged=2, size="micro", steps=20)


def judged(hits: int, of: int) -> list[dict[str, Any]]:
    return [
        {"state": f"s{number}", "success": number < hits, "regret_bps": 0.0 if number < hits else 8.0}
        for number in range(of)
    ]


def laid_out(out: Path, base: Path, *, reached: str = "") -> None:
    """Two rounds as a run leaves them, of the plan PLAN with 40 states: 10 successes, then 30."""
    for number, hits in enumerate((10, 30)):
        folder = out / f"round-{number}"
        folder.mkdir(parents=True)
        (folder / "trained.json").write_text(json.dumps({"trajectories": 80 + 20 * number, "loss_last_50": 0.5}))
        share = {"hits": hits, "total": 40, "share": hits / 40, "low": hits / 40 - 0.1, "high": hits / 40 + 0.1}
        scores = {"success": {"all": share}, "judged": judged(hits, 40), **dict.fromkeys(dagger.KEPT, 1)}
        (folder / "evaluation.json").write_text(json.dumps(scores))
    (out / "round-0" / "reached.jsonl").write_text(reached)
    right = {"hits": 1, "total": 4, "share": 0.25, "low": 0.1, "high": 0.6}
    (out / "round-0" / "reached.json").write_text(json.dumps({"right": right}))


def nothing_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    def made(*_: object, **__: object) -> None:
        raise AssertionError("made again")

    monkeypatch.setattr(recipe, "run_train", made)
    monkeypatch.setattr(dagger, "served", made)


def test_what_is_there_is_not_made_again_and_gains_are_paired(
    tmp_path: Path, oracle_rows: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second round's rows are the base's and what was reached; the report compares the same states."""
    nothing_is_made(monkeypatch)
    extra = oracle_rows.read_text().splitlines(keepends=True)[0]
    laid_out(tmp_path, oracle_rows, reached=extra)
    report = run(PLAN, oracle_rows, tmp_path)
    assert (tmp_path / "round-0" / "data.jsonl").read_text() == oracle_rows.read_text()
    assert (tmp_path / "round-1" / "data.jsonl").read_text() == oracle_rows.read_text() + extra
    first, second = report["rounds"]
    assert "gain" not in first
    assert "reached" not in second
    assert second["gain"]["success"]["mean"] == 0.5
    assert second["gain"]["success"]["low"] > 0.3
    assert second["gain"]["regret_bps"]["mean"] == -4.0
    assert second["gain"]["better"]
    assert second["gain_over_first"] == second["gain"]
    assert json.loads((tmp_path / "rounds.json").read_text()) == report
    drawn = (tmp_path / "rounds.svg").read_text()
    assert "development states" in drawn
    assert "states that it reached itself" in drawn


def test_the_picture_has_every_round_within_its_frame() -> None:
    """However few or many rows the rounds add."""
    for counts in ([100, 101], [2000, 2750, 9000], [80, 80, 80]):
        share = {"share": 0.5, "low": 0.4, "high": 0.6}
        told = [{"trajectories": k, "success": {"all": share}, "reached": {"right": share}} for k in counts]
        svg = picture({"plan": {"size": "micro", "judged": 2, "states": 4}, "rounds": told})
        drawn = ElementTree.fromstring(svg)
        frame = drawn.find(".//*[@id='patch_2']/{http://www.w3.org/2000/svg}path")
        assert frame is not None
        left, right = (f(map(float, re.findall(r"[ML] (\S+)", frame.attrib["d"]))) for f in (min, max))
        for series in ("judged", "own"):
            line = drawn.find(f".//*[@id='{series}']/{{http://www.w3.org/2000/svg}}path")
            assert line is not None
            at = [float(x) for x in re.findall(r"[ML] (\S+)", line.attrib["d"])]
            assert len(at) == len(counts)
            assert all(left < x < right for x in at)


def test_a_folder_belongs_to_one_plan_and_one_file_of_rows(
    tmp_path: Path, oracle_rows: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nothing_is_made(monkeypatch)
    laid_out(tmp_path / "out", oracle_rows)
    run(PLAN, oracle_rows, tmp_path / "out")
    other = tmp_path / "other.jsonl"
    other.write_text(oracle_rows.read_text().split("\n", 1)[1])
    for plan, base in ((replace(PLAN, states=5), oracle_rows), (PLAN, other)):
        with pytest.raises(OperatorError, match="another plan or other base rows"):
            run(plan, base, tmp_path / "out")


@pytest.mark.proof
def test_a_round_trains_serves_judges_and_lets_the_student_run(
    tmp_path: Path, oracle_rows: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All real. So short a training gives a student that babbles, and the oracle mends what it began."""
    folders = [tmp_path / "round-0", tmp_path / "round-1"]
    make_round(PLAN, oracle_rows, folders, 0)
    scores = json.loads((folders[0] / "evaluation.json").read_text())
    assert len(scores["judged"]) == PLAN.judged
    assert sum(scores["samples"].values()) == PLAN.judged  # one sample a step
    found = json.loads((folders[0] / "reached.json").read_text())
    made = [
        trajectory_store.trajectory_of(json.loads(line))
        for line in (folders[0] / "reached.jsonl").read_text().splitlines()
    ]
    assert (found["states"], found["rows"]) == (PLAN.states, len(made))
    assert found["rows_after_own_turns"] == sum(row.given > 0 for row in made) > 0
    assert found["right"]["hits"] == 0
    nothing_is_made(monkeypatch)
    make_round(PLAN, oracle_rows, folders, 0)
