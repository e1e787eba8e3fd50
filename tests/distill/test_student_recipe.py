"""The shipped student is made by the plan in models/student.toml, and published whole."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from sentinel.core.errors import OperatorError
from sentinel.distill import student_plan, student_recipe, tuning_recipe

SERVED = ("adapter_model.safetensors", "adapter_config.json", "tokenizer.json", "chat_template.jinja")
NUMBERS = ["trained_parameters", "parameters", "rows", "rows_too_long", "tokens_per_row", "targets_per_row", "steps"]
NUMBERS += ["loss_last_20", "cpu_seconds", "tokens_per_cpu_second"]


def test_the_student_is_what_its_plan_says_with_a_card_and_nothing_that_only_a_run_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And a second run draws no rows again."""
    plan = student_plan.load()
    plan = plan.model_copy(update={"data": plan.data.model_copy(update={"count": 8, "seed": 3})})
    work, out, base = tmp_path / "work", tmp_path / "student", tmp_path / "base"
    started: list[list[str]] = []

    def tuned(*command: str | Path) -> None:
        """Leaves what a tuning leaves."""
        started.append([str(part) for part in command])
        folder = Path(command[2])
        folder.mkdir(exist_ok=True)
        for name in (*SERVED, "trunk.pt"):
            (folder / name).write_text(name)
        (rows,) = work.glob("*.jsonl")
        facts: dict[str, object] = {
            "plan": asdict(plan.tuning_plan(Path("base"), Path(rows.name))),
            "losses": [2.0, 1.0],
        }
        facts |= dict.fromkeys(NUMBERS, 1)
        facts |= {"device": "cpu", "command": "tune", "base_sha256": "b", "data_sha256": "d"}
        (folder / "training.json").write_text(json.dumps(facts))
        (folder / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": str(base), "r": 16}))

    monkeypatch.setattr(tuning_recipe, "run_module", tuned)
    student_recipe.make_student(plan, base, out, device="cpu", work=work)
    served = {*SERVED} - {"tokenizer.json"}  # the base has it
    assert {path.name for path in out.iterdir()} == {*served, "README.md", "training.json", "curve.svg"}
    (rows,) = work.glob("train-8-3-*.jsonl")
    assert len(rows.read_text().splitlines()) == 8
    for path in out.iterdir():
        assert str(tmp_path) not in path.read_text(), path.name
    assert json.loads((out / "adapter_config.json").read_text()) == {"base_model_name_or_path": "base", "r": 16}
    assert started[0][0] == tuning_recipe.MODULE
    assert {str(base), str(rows), str(plan.tuning.steps), "cpu"} <= {*started[0]}
    drawn = rows.stat().st_mtime_ns
    student_recipe.make_student(plan, base, out, device="cpu", work=work)
    assert drawn == rows.stat().st_mtime_ns


def test_a_tuning_that_fails_leaves_the_student_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = student_plan.load()
    plan = plan.model_copy(update={"data": plan.data.model_copy(update={"count": 2})})
    out = tmp_path / "student"
    out.mkdir()
    (out / SERVED[0]).write_text("the old one")

    def failed(*command: str | Path) -> None:
        raise OperatorError("the tuning ended with exit code 1")

    monkeypatch.setattr(tuning_recipe, "run_module", failed)
    with pytest.raises(OperatorError, match="exit code 1"):
        student_recipe.make_student(plan, tmp_path / "base", out, device="cpu", work=tmp_path / "work")
    assert [path.name for path in out.iterdir()] == [SERVED[0]]
    assert (out / SERVED[0]).read_text() == "the old one"


def test_the_committed_plan_is_read_and_a_wrong_one_refused_by_its_fields(tmp_path: Path) -> None:
    plan = student_plan.load()
    tuning = plan.tuning_plan(tmp_path, tmp_path / "rows")
    assert (tuning.steps, tuning.base, tuning.data) == (plan.tuning.steps, str(tmp_path), (str(tmp_path / "rows"),))
    text = student_plan.PLAN.read_text()
    wrong = tmp_path / "plan.toml"
    wrong.write_text(text.replace("steps =", "step ="))
    with pytest.raises(OperatorError, match=r"tuning\.steps: Field required; tuning\.step: Extra inputs"):
        student_plan.load(wrong)
    wrong.write_text("data = ")
    with pytest.raises(OperatorError, match=r"plan\.toml is no plan of a student"):
        student_plan.load(wrong)
