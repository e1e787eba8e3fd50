"""Checkpoints of a training run: weights, optimizer, schedule, RNG states and the order of the rows."""

from __future__ import annotations

import os
import random
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
    shuffle: random.Random
    order: list[int] = field(default_factory=list)  # remaining row numbers of this epoch; the last one comes next
    losses: list[float] = field(default_factory=list)  # one per step
    rates: list[float] = field(default_factory=list)  # learning rate, one per step
    seconds: float = 0.0  # of training so far


RngState = tuple[torch.Tensor, ...]  # of one process: the state of its CPU, then of its GPU if it has one


def rng_state() -> RngState:
    """The current RNG state of this process."""
    own = (torch.get_rng_state(),)
    return (*own, torch.cuda.get_rng_state()) if torch.cuda.is_available() else own


def save(path: Path, run: TrainingRun, rng_states: list[RngState]) -> None:
    """Write the checkpoint atomically: a kill leaves the previous one. `rng_states` are ordered by rank."""
    body = {
        "key": run.key,
        "trained": {name: p.detach() for name, p in run.model.named_parameters() if p.requires_grad},
        "optimiser": run.optimizer.state_dict(),
        "schedule": run.schedule.state_dict(),
        "shuffle": run.shuffle.getstate(),
        "chances": rng_states,
        "order": run.order,
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


def restore(path: Path, run: TrainingRun, rank: int) -> bool:
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
    run.optimizer.load_state_dict(body["optimiser"])
    run.schedule.load_state_dict(body["schedule"])
    run.shuffle.setstate(body["shuffle"])
    on_cpu, *on_gpu = body["chances"][rank]
    torch.set_rng_state(on_cpu)
    if on_gpu and torch.cuda.is_available():
        torch.cuda.set_rng_state(on_gpu[0])
    run.order, run.losses, run.seconds, run.rates = body["order"], body["losses"], body["seconds"], body["rates"]
    return True
