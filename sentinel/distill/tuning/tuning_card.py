"""The card of a tuned adapter and its learning curve, from its training.json."""

from __future__ import annotations

import json
from pathlib import Path

from sentinel.distill.tuning import loss_curve
from sentinel.observe.template import render

TEMPLATE = Path(__file__).with_name("adapter.md.j2")


def write(folder: Path) -> None:
    """Write README.md and curve.svg in `folder`."""
    training = json.loads((folder / "training.json").read_text(encoding="utf-8"))
    losses = training["losses"]
    title = f"{training['trained_parameters']:,} trained parameters, {training['rows']:,} rows"
    (folder / loss_curve.NAME).write_text(loss_curve.draw(losses[:: loss_curve.EVERY], title), encoding="utf-8")
    plan = training["plan"]
    text = render(TEMPLATE, training=training, plan=plan, base=Path(plan["base"]).name)
    (folder / "README.md").write_text(text, encoding="utf-8")
