"""Checkpoints of a training run: weights, optimizer and schedule. Nothing in a step is left to chance."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch


@dataclass(slots=True)
class TrainingRun:
    """One training in progress.

    `key` is a hash of recipe, data and template. A checkpoint with another key is refused.
    """

    key: str
    model: torch.nn.Module
    optimizer: torch.optim.Optimizer
    schedule: torch.optim.lr_scheduler.LRScheduler
    losses: list[float] = field(default_factory=list)  # one per step
    rates: list[float] = field(default_factory=list)  # learning rate, one per step
    seconds: float = 0.0  # of CPU time so far

    @property
    def trained(self) -> list[torch.nn.Parameter]:
        """What is trained, in the model's order."""
        return [parameter for parameter in self.model.parameters() if parameter.requires_grad]


def save(path: Path, run: TrainingRun) -> None:
    """Write the checkpoint atomically: a kill leaves the previous one."""
    body = {
        "key": run.key,
        "trained": {name: p.detach() for name, p in run.model.named_parameters() if p.requires_grad},
        "optimizer": run.optimizer.state_dict(),
        "schedule": run.schedule.state_dict(),
        "losses": run.losses,
        "rates": run.rates,
        "seconds": run.seconds,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    with part.open("wb") as file:
        torch.save(body, file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(part, path)


def restore(path: Path, run: TrainingRun) -> bool:
    """Load the checkpoint into `run`. False if there is none. Raises SystemExit if it belongs to another run."""
    if not path.exists():
        return False
    body: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    if body["key"] != run.key:
        parts = "plan, base, data or template"
        raise SystemExit(f"{path} belongs to a run with another {parts}: remove it to start anew")
    with torch.no_grad():
        for name, parameter in run.model.named_parameters():
            if parameter.requires_grad:
                parameter.copy_(body["trained"][name])
    run.optimizer.load_state_dict(body["optimizer"])
    run.schedule.load_state_dict(body["schedule"])
    run.losses, run.seconds, run.rates = body["losses"], body["seconds"], body["rates"]
    return True
