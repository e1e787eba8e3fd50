"""The model cards, written from what training and evaluation measured; no number in them is typed by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from sentinel.agent.playbooks import PLAYBOOKS
from sentinel.distill.training import loss_curve
from sentinel.observe.template import render

HERE = Path(__file__).parent


def write(folder: Path) -> None:
    """Reads training.json and scores.json of the folder, writes README.md and its picture."""
    loss_curve.write(folder)
    scores = _read(folder, "scores.json")
    known = sorted(name for name in scores["agreement"] if name in PLAYBOOKS)
    _write(folder, "nano.md.j2", scores=scores, rows=_rows(scores), known=known)


def analyst(folder: Path) -> None:
    """Reads training.json and scores.json of the folder, writes README.md."""
    scores = _read(folder, "scores.json")
    _write(folder, "analyst.md.j2", scores=scores, rows=_rows(scores))


def trained(folder: Path) -> None:
    """What stands beside weights that nobody has evaluated yet: the curve, and for a tuned base a card in the place of
    the form that the library leaves there."""
    loss_curve.write(folder)
    recipe = _read(folder, "training.json")["recipe"]
    if recipe["method"] != "scratch":
        _write(folder, "tuned.md.j2", base=Path(recipe["base"]).name)


def _rows(scores: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """The slices, largest first."""
    return sorted(scores["agreement"].items(), key=lambda item: (-item[1]["total"], item[0]))


def _read(folder: Path, name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / name).read_text())
    return found


def _write(folder: Path, template: str, **values: Any) -> None:
    training = _read(folder, "training.json")
    text = render(HERE / template, training=training, recipe=training["recipe"], **values)
    (folder / "README.md").write_text(text)
