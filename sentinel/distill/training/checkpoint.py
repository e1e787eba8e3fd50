"""A run that was stopped at any moment goes on as if it had not been: weights, optimiser, schedule, chance, order."""

from __future__ import annotations

import os
import random
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch


@dataclass(slots=True)
class TrainingRun:
    """One training in progress. `key` names recipe, data and template: a checkpoint of another run is refused."""

    key: str
    model: torch.nn.Module
    optimizer: torch.optim.Optimizer
    schedule: torch.optim.lr_scheduler.LRScheduler
    shuffle: random.Random
    order: list[int] = field(default_factory=list)  # rows of this epoch that are still to come, the next one last
    losses: list[float] = field(default_factory=list)  # one a step
    seconds: float = 0.0


RngState = tuple[torch.Tensor, ...]  # what a process draws from: the CPU's state, and that of its GPU if it has one


def rng_state() -> RngState:
    own = (torch.get_rng_state(),)
    return (*own, torch.cuda.get_rng_state()) if torch.cuda.is_available() else own


def save(path: Path, run: TrainingRun, rng_states: list[RngState]) -> None:
    """Whole or not at all: a kill while it is written leaves the one before. `chances`: of each process, by rank."""
    body = {
        "key": run.key,
        "trained": {name: p.detach() for name, p in run.model.named_parameters() if p.requires_grad},
        "optimiser": run.optimizer.state_dict(),
        "schedule": run.schedule.state_dict(),
        "shuffle": run.shuffle.getstate(),
        "chances": rng_states,
        "order": run.order,
        "losses": run.losses,
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
    """Puts `run` where the checkpoint was; False when there is none. Raises SystemExit when it is of another run."""
    if not path.exists():
        return False
    body: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    if body["key"] != run.key:
        what = "recipe, data, template or number of processes"
        raise SystemExit(f"{path} belongs to a run with another {what}: remove it to start anew")
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
    run.order, run.losses, run.seconds = body["order"], body["losses"], body["seconds"]
    return True
