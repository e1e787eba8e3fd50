"""The learning curve of a student, drawn from its training.json."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from sentinel.observe import plot

EVERY = 10  # steps between two losses of training.json
NAME = "curve.svg"


def draw(losses: Sequence[float], title: str) -> str:
    """Loss over steps as SVG. A loss that was rounded to nothing is drawn at 1e-5, the last digit that is kept."""
    drawn = plot.axes(title, "steps", "loss a token (logarithmic)")
    steps = [EVERY * place for place in range(len(losses))]
    drawn.semilogy(steps, [max(loss, 1e-5) for loss in losses], color=plot.ACT, gid="loss")
    return plot.svg(drawn)


def write(folder: Path) -> None:
    """Reads training.json of the folder, writes curve.svg beside it."""
    training = json.loads((folder / "training.json").read_text())
    title = f"{training['parameters']:,} parameters, {training['trajectories']:,} trajectories"
    (folder / NAME).write_text(draw(training["losses"], title))
