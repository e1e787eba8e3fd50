"""Model cards, written from the measurements of training and evaluation."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sentinel.agent.playbooks import PLAYBOOKS
from sentinel.distill.training import loss_curve
from sentinel.observe.template import render

HERE = Path(__file__).parent


def write(folder: Path) -> None:
    """Write README.md and its picture from training.json and scores.json in `folder`."""
    loss_curve.write(folder)
    scores = _read(folder, "scores.json")
    known = sorted(name for name in scores["agreement"] if name in PLAYBOOKS)
    _write(folder, "nano.md.j2", scores=scores, rows=_rows(scores), known=known)


def trained(folder: Path) -> None:
    """Write the loss curve of weights that have no evaluation yet.

    A tuned base also gets a card, which replaces the form that the library writes.
    """
    loss_curve.write(folder)
    recipe = _read(folder, "training.json")["recipe"]
    if recipe["method"] != "scratch":
        _write(folder, "tuned.md.j2", base=Path(recipe["base"]).name)


def _rows(scores: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """The slices of states, largest first."""
    return sorted(scores["agreement"].items(), key=lambda item: (-item[1]["total"], item[0]))


def _read(folder: Path, name: str) -> dict[str, Any]:
    body: dict[str, Any] = json.loads((folder / name).read_text())
    return body


def _write(folder: Path, template: str, **values: Any) -> None:
    training = _read(folder, "training.json")
    text = render(HERE / template, training=training, recipe=training["recipe"], **values)
    (folder / "README.md").write_text(text)
