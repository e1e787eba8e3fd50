"""Make the shipped student: draw its rows, tune the base on them, publish the adapter with its card."""

from __future__ import annotations

import json
from pathlib import Path

from sentinel.core.host.files import write_atomic
from sentinel.core.host.places import workplace
from sentinel.distill.orders.row_file import rows_in
from sentinel.distill.orders.split import Split
from sentinel.distill.promotion.students import is_working
from sentinel.distill.student_plan import StudentPlan
from sentinel.distill.tuning import tuning_card
from sentinel.distill.tuning_recipe import run_tune
from sentinel.distill.working import WORK

MADE = workplace() / "models" / "student"
OF_BASE = ("tokenizer.json", "tokenizer_config.json")  # no part of the adapter
COMMAND = "-m sentinel distill student"


def make_student(plan: StudentPlan, base: Path, out: Path = MADE, *, device: str = "auto", work: Path = WORK) -> None:
    """Write the student of `plan` on `base` to `out`. A call after a kill goes on with what `work` holds.

    Raises OperatorError if a step fails; `out` is then as before.
    """
    rows = rows_in(work, Split.TRAIN, plan.data.count, plan.data.seed)
    adapter = work / "student"
    run_tune(plan.tuning_plan(base, rows), adapter, device=device)
    publish(adapter, out)


def publish(adapter: Path, out: Path) -> None:
    """Copy a finished adapter to `out`, each file whole or not at all, and without the folder of its base."""
    out.mkdir(parents=True, exist_ok=True)
    files = {path.name: path.read_bytes() for path in adapter.iterdir() if _published(path)}
    facts, config = (json.loads(files[name]) for name in ("training.json", "adapter_config.json"))
    told = {
        "training.json": facts | {"command": COMMAND},
        "adapter_config.json": config | {"base_model_name_or_path": Path(config["base_model_name_or_path"]).name},
    }
    files |= {name: json.dumps(body, indent=1).encode() + b"\n" for name, body in told.items()}
    for name, content in files.items():
        write_atomic(out / name, content)
    tuning_card.write(out)


def _published(path: Path) -> bool:
    return not is_working(path) and path.name not in OF_BASE
