"""The learning curve of a student, drawn from its training.json."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path

from sentinel.observe.plot import ACT, Plot

EVERY = 10  # steps between two losses of training.json
NAME = "curve.svg"


def draw(losses: Sequence[float], title: str) -> str:
    """Loss over steps as SVG. A loss that was rounded to nothing is drawn at 1e-5, the last digit that is kept."""
    points = [(float(EVERY * place), math.log10(max(loss, 1e-5))) for place, loss in enumerate(losses)]
    lowest = math.floor(min(y for _, y in points))
    span = 2.5 * max(1, math.ceil((max(y for _, y in points) - lowest) / 2.5))
    plot = Plot(
        title,
        "steps",
        "log10 of the loss a token",
        x_range=(0.0, max(points[-1][0], 1.0)),
        y_range=(lowest, lowest + span),
        unit="",
    )
    plot.line(points, ACT)
    return plot.svg()


def write(folder: Path) -> None:
    """Reads training.json of the folder, writes curve.svg beside it."""
    training = json.loads((folder / "training.json").read_text())
    title = f"{training['parameters']:,} parameters, {training['trajectories']:,} trajectories"
    (folder / NAME).write_text(draw(training["losses"], title))
