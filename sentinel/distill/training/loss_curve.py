"""The learning curve of a student, drawn from its training.json."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from sentinel.observe import plot

EVERY = 10  # steps between two losses in training.json
NAME = "curve.svg"


def draw(losses: Sequence[float], title: str) -> str:
    """Loss over steps as SVG. A loss that was rounded to 0 is drawn at 1e-5, the last digit that is saved."""
    axes = plot.axes(title, "steps", "loss a token (logarithmic)")
    steps = [EVERY * index for index in range(len(losses))]
    axes.semilogy(steps, [max(loss, 1e-5) for loss in losses], color=plot.ACT, gid="loss")
    return plot.svg(axes)


def write(folder: Path) -> None:
    """Read training.json of `folder` and write curve.svg beside it."""
    training = json.loads((folder / "training.json").read_text())
    title = f"{training['parameters']:,} parameters, {training['trajectories']:,} trajectories"
    (folder / NAME).write_text(draw(training["losses"], title))
