"""Best of k: of each state's good trajectories those stay that a student finds easiest. With the shipped student, and
with a random one; torch is in the serving environment."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from lab import CHECKOUT
from sentinel.cli import distill_commands as cli
from sentinel.core.errors import OperatorError
from sentinel.core.trajectory import Trajectory, Turn
from sentinel.distill import trajectory_store
from sentinel.distill.collecting.best_of import HARDER, BestOf
from sentinel.distill.collecting.selection import select
from sentinel.distill.trajectory_store import TrajectoryRow, TrajectoryShards

NANO = CHECKOUT / "models" / "nano"
STATES = 6
OTHER_WORDS = ("I measure something else, slowly.", "Measure measure I and gap trade only the.", "Why not look?")


def said(first: Trajectory, number: int, thought: str) -> Trajectory:
    """The same code after another first thought."""
    turns = list(first.turns)
    words = turns[2].text
    turns[2] = Turn("assistant", f"Thought: {thought}" + words[words.index("\n") :])
    return replace(first, id=f"{first.state_id}#{number}", turns=tuple(turns), first_thought=thought)


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory, oracle_rows: Path) -> Path:
    """Each of a few states has the oracle's trajectory amidst three others; one more state has it alone."""
    folder = tmp_path_factory.mktemp("best") / "shards"
    written = TrajectoryShards(folder)
    taught = [trajectory_store.trajectory_of(json.loads(line)) for line in oracle_rows.read_text().splitlines()]
    for place, first in enumerate(taught[: STATES + 1]):
        other = [said(first, k, words) for k, words in enumerate(OTHER_WORDS, 1)] if place < STATES else []
        for made in (*other[:2], first, *other[2:]):
            assert written.add(TrajectoryRow(made, None, place % 2 == 0, "playbook", "dev", 0, 0, "0"))
    return folder


def chosen(path: Path) -> list[str]:
    return [json.loads(line)["id"] for line in path.read_text().splitlines()]


@pytest.mark.proof
def test_a_trained_student_keeps_what_its_teacher_says_of_each_state(shards: Path, tmp_path: Path) -> None:
    """k = 1 leaves the oracle's own of every state, k = 2 one more of each; all others are counted as drops."""
    for k in (1, 2):
        out = tmp_path / f"best-{k}.jsonl"
        report = select(shards, out, count=100, best=BestOf(k, NANO))
        states = Counter(id.partition("#")[0] for id in chosen(out))
        assert sorted(states.values()) == [1, *[k] * STATES]
        assert report["dropped"] == {HARDER: STATES * (4 - k)}
        assert report["rows"] == STATES * 4 + 1
        assert report["best_of"]["k"] == k
        if k == 1:
            assert all(id.endswith("#0") for id in chosen(out))
    assert (
        json.loads((tmp_path / "best-1.report.json").read_text())["best_of"]["student"]
        == json.loads((NANO / "scores.json").read_text())["weights_sha256"]
    )
    assert not [*tmp_path.glob("*.partial")]


@pytest.mark.proof
def test_the_loss_is_the_one_that_training_minimises(
    shards: Path, tmp_path: Path, oracle_rows: Path, in_serving: Callable[..., Any]
) -> None:
    """Of each trajectory alone, by the same renderer and mask, whatever it is batched with; a random student's here."""
    student = tmp_path / "random"
    in_serving("base.py", "make", student, oracle_rows, (NANO / "chat_template.jinja").read_text())
    select(shards, tmp_path / "best.jsonl", count=100, best=BestOf(3, student))
    lines = [json.loads(line) for line in (tmp_path / "best.losses.jsonl").read_text().splitlines()]
    assert len(lines) == STATES * 4  # the state that has one alone need not be asked about
    asked = tmp_path / "asked.jsonl"
    asked.write_text(
        "".join(trajectory_store.dumps(asdict(row.trajectory)) + "\n" for row in trajectory_store.read(shards))
    )
    alone = in_serving("easy.py", student, asked)
    assert len({round(line["loss"], 3) for line in lines}) > STATES
    for line in lines:
        assert line["loss"] == pytest.approx(alone[line["id"]], abs=1e-4)
    by_state: dict[str, list[dict[str, Any]]] = {}
    for line in lines:
        by_state.setdefault(line["id"].partition("#")[0], []).append(line)
    hardest = {max(of, key=lambda line: line["loss"])["id"] for of in by_state.values()}
    assert hardest == {line["id"] for line in lines} - {*chosen(tmp_path / "best.jsonl")}


def test_a_folder_without_weights_is_said_so(shards: Path, tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match="holds no student's weights"):
        select(shards, tmp_path / "out.jsonl", best=BestOf(1, tmp_path))
    assert not (tmp_path / "out.jsonl").exists()


@pytest.mark.parametrize("option", [["--best-of", "2"], ["--student", "x"]])
def test_one_option_without_the_other_is_a_mistake(option: list[str]) -> None:
    assert CliRunner().invoke(cli.app, ["select", "--data", "x", "--out", "y", *option]).exit_code == 2
