"""Selection: every row is kept or its drop has a reason; and the shards that it reads."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sentinel.agent import prompt
from sentinel.agent.action_format import render_action
from sentinel.agent.playbooks import PLAYBOOKS
from sentinel.core.errors import OperatorError
from sentinel.core.trajectory import Trajectory, Turn
from sentinel.distill import trajectory_store
from sentinel.distill.collecting.selection import SHARE, SPARE_HOLDS, select, unfit_reason
from sentinel.distill.trajectory_store import OPEN, TrajectoryRow, TrajectoryShards

READ = render_action("I look.", 'print(weight("WETH"))')
HOLD = render_action("I wait.", 'hold("calm")')
BLIND = render_action("I wait.", 'print(target("WETH"), "weight(")  # weight("WETH")\nhold("calm")')


def row(
    number: int = 0, playbook: str = "rebalance", *, turns: tuple[str, ...] = (READ, HOLD), **changes: Any
) -> TrajectoryRow:
    spoken = [Turn("system", prompt.SYSTEM), Turn("user", f"Playbook: {playbook}\nNumber: {number}")]
    for text in turns:
        spoken += [Turn("assistant", text), Turn("user", "Observation: 0.5")]
    score, given = changes.pop("score", 1.0), changes.pop("given", 0)
    made = Trajectory(f"s{number}#0", playbook, tuple(spoken[:-1]), "I look.", "{}", score, "oracle", f"s{number}")
    made = replace(made, given=given)
    return replace(TrajectoryRow(made, None, False, "playbook", "dev", 0, 0, "0"), **changes)


@pytest.mark.parametrize(
    ("made", "why"),
    [
        (row(), None),
        (row(turns=(READ, render_action("I try.", "nonsense("), HOLD)), None),  # failed, and mended
        (row(score=0.95), None),
        (row(score=0.94), "worth too little"),
        (row(fault="refused by max_trade"), "refused by max_trade"),
        (row(turns=(BLIND,)), "no_fresh_read"),
        (row(turns=(READ, "Thought: no code.<end_code>", HOLD)), "a turn does not parse"),
        (
            row(turns=("Thought: no code.<end_code>", READ, HOLD), given=4),
            None,
        ),  # what a student did, and is not taught
        (row(turns=("Thought: no code.<end_code>", READ, HOLD), given=2), "a turn does not parse"),
        (row(playbook="martingale"), "unknown playbook"),
    ],
)
def test_a_row_that_can_teach_nothing_good_is_dropped_for_a_reason(made: TrajectoryRow, why: str | None) -> None:
    assert unfit_reason(made) == why


def filled(folder: Path, made: list[TrajectoryRow], size: int = 500) -> Path:
    shards = TrajectoryShards(folder, size)
    for one in made:
        shards.add(one)
    return folder


def test_every_drop_is_counted(tmp_path: Path) -> None:
    """In the report beside the file: what was kept of what, what was not and why, who taught."""
    made = [row(0), row(1, score=0.1), row(2, score=0.2), row(3, fault="truncated"), row(4, acts=True)]
    report = select(filled(tmp_path / "shards", made), tmp_path / "out.jsonl")
    assert report == json.loads((tmp_path / "out.report.json").read_text())
    assert report["kept"] == {"rebalance hold": 1}
    assert report["dropped"] == {"too many of its playbook": 1, "truncated": 1, "worth too little": 2}
    assert (report["rows"], report["teachers"]) == (5, {"oracle": 1})


def test_what_is_selected_is_in_balance(tmp_path: Path) -> None:
    """No playbook has more than its share, and none many more holds than acts, however many there are of each."""
    rare, common = "triangle", "momentum"
    made = [row(k, common, acts=k % 2 == 0) for k in range(400)]
    made += [row(k, rare, acts=k < 1005) for k in range(1000, 1100)]
    made += [row(2000 + k, name, acts=k % 2 == 0) for k, name in enumerate([*PLAYBOOKS] * 20)]
    report = select(filled(tmp_path / "shards", made), tmp_path / "out.jsonl", count=200)
    kept = Counter[str]()
    for name, count in report["kept"].items():
        kept[name.split()[0]] += count
    assert kept[common] == SHARE * 200
    assert kept.total() == 200
    assert report["kept"]["triangle hold"] <= report["kept"]["triangle act"] + SPARE_HOLDS + 1
    assert {"holds outnumber acts", "too many of its playbook", "enough already"} <= set(report["dropped"])
    assert report["rows"] == len(made)


def test_selecting_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    folder = filled(tmp_path / "shards", [row(k) for k in range(9)], size=4)
    first = select(folder, tmp_path / "a.jsonl")
    assert first == select(folder, tmp_path / "b.jsonl")
    assert (tmp_path / "a.jsonl").read_bytes() == (tmp_path / "b.jsonl").read_bytes()


def test_a_folder_without_shards_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match="holds no shards"):
        select(tmp_path, tmp_path / "out.jsonl")


def test_a_trajectory_written_before_it_said_which_llm_is_still_read() -> None:
    body = json.loads(trajectory_store.dumps(trajectory_store.body_of(row().trajectory)))
    del body["model"]
    assert trajectory_store.trajectory_of(body) == row().trajectory


def test_what_was_given_is_part_of_a_row_and_not_written_where_nothing_was() -> None:
    """So that a teacher's own rows are the bytes that they always were."""
    plain, mended = row(), row(given=4)
    assert plain.content != mended.content
    assert "given" not in trajectory_store.body_of(plain.trajectory)
    assert (
        trajectory_store.trajectory_of(json.loads(trajectory_store.dumps(trajectory_store.body_of(mended.trajectory))))
        == mended.trajectory
    )


def test_two_runs_never_write_into_one_folder(tmp_path: Path) -> None:
    """The second one is refused while the first is at work, and let in afterwards."""
    folder = tmp_path / "shards"
    busy = pytest.raises(OperatorError, match="another run collects")
    with trajectory_store.alone(folder), busy, trajectory_store.alone(folder):
        raise AssertionError("let in")
    with trajectory_store.alone(folder):
        pass


def halved(folder: Path) -> None:
    """As a kill in the middle of a line leaves it."""
    path = folder / OPEN
    path.write_bytes(path.read_bytes()[:-40])


def renamed(folder: Path) -> None:
    """As a run that ended well leaves it."""
    TrajectoryShards(folder, 4).close()


@pytest.mark.parametrize("happened", [halved, renamed, lambda folder: None])
def test_shards_go_on_where_they_were_left(tmp_path: Path, happened: Callable[[Path], None]) -> None:
    """A half line is made again, a short last shard is filled up, equal content is left out: the files are the same."""
    made = [row(k) for k in range(11)]
    made.insert(3, replace(row(1), trajectory=replace(row(1).trajectory, id="s1#1")))
    whole, cut = filled(tmp_path / "whole", made, 4), filled(tmp_path / "cut", made[:7], 4)
    happened(cut)
    assert len([*trajectory_store.read(cut)]) == 6 - (happened is halved)
    again = TrajectoryShards(cut, 4)
    for one in made:
        if one.trajectory.id not in again.done:
            again.add(one)
    assert (again.kept, again.duplicates) == (11, ["s1#1"])
    assert sorted(path.name for path in cut.iterdir()) == sorted(path.name for path in whole.iterdir())
    for path in whole.iterdir():
        assert path.read_bytes() == (cut / path.name).read_bytes()
    assert [*trajectory_store.read(cut)] == [*made[:3], *made[4:]]


def test_rows_that_name_the_trader_are_read_and_those_of_the_removed_analyst_are_refused(tmp_path: Path) -> None:
    """Rows of older versions name a role."""
    old = json.loads((filled(tmp_path / "rows", [row()], 4) / OPEN).read_text())
    for role in ("trader", "analyst"):
        (tmp_path / role).mkdir()
        (tmp_path / role / OPEN).write_text(trajectory_store.dumps({**old, "role": role}) + "\n")
    assert [*trajectory_store.read(tmp_path / "trader")] == [row()]
    with pytest.raises(OperatorError, match="holds rows of the role analyst, which was removed"):
        TrajectoryShards(tmp_path / "analyst")
