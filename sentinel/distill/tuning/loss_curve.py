"""The learning curve of a tuning, as a picture."""

from __future__ import annotations

from collections.abc import Sequence

from sentinel.observe import plot

EVERY = 10  # steps between two points of the curve
NAME = "curve.svg"


def draw(losses: Sequence[float], title: str) -> str:
    """Loss over steps as SVG. A loss that was rounded to 0 is drawn at 1e-5, the last digit that is saved."""
    axes = plot.axes(title, "steps", "loss a token (logarithmic)")
    steps = [EVERY * index for index in range(len(losses))]
    axes.semilogy(steps, [max(loss, 1e-5) for loss in losses], color=plot.ACT, gid="loss")
    return plot.svg(axes)
