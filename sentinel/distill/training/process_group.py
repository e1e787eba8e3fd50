"""Several processes that train one student, one a GPU, as torchrun or accelerate starts them; alone without those.

Every process draws the same batches and takes its share of each; what they learn from it is summed, so that a step is
the step of one process with the whole batch, up to rounding.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import distributed
from torch.nn.parallel import DistributedDataParallel

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class ProcessGroup:
    """`rank` 0 alone writes."""

    device: torch.device
    rank: int = 0
    size: int = 1

    @classmethod
    def join(cls, device: str) -> ProcessGroup:
        """`device`: auto, cpu or cuda. Leave it at the end."""
        kind = device if device != "auto" else "cuda" if torch.cuda.is_available() else "cpu"
        size = int(os.environ.get("WORLD_SIZE", "1"))
        if size == 1:
            return cls(torch.device(kind))
        place = torch.device(kind, int(os.environ["LOCAL_RANK"])) if kind == "cuda" else torch.device(kind)
        if kind == "cuda":
            torch.cuda.set_device(place)
        distributed.init_process_group("nccl" if kind == "cuda" else "gloo")
        return cls(place, distributed.get_rank(), size)

    def leave(self) -> None:
        if self.size > 1:
            distributed.destroy_process_group()

    def distribute(self, model: torch.nn.Module) -> torch.nn.Module:
        """`model` with gradients averaged over all processes; its weights are those of rank 0."""
        return DistributedDataParallel(model) if self.size > 1 else model

    def share(self, batch: Sequence[Item]) -> list[Item]:
        return [*batch[self.rank :: self.size]]

    def backward(self, model: torch.nn.Module, batch: Mapping[str, torch.Tensor], carrying: int) -> float:
        """Gradients of the mean loss over all the `carrying` tokens of the whole batch, of which `batch` is this
        process's share; returns that mean."""
        arguments = {name: tensor.to(self.device) for name, tensor in batch.items()}
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.device.type == "cuda"):
            if self.size == 1:
                loss = model(**arguments).loss
                loss.backward()
                return float(loss.item())
            part = model(**arguments, num_items_in_batch=carrying).loss  # the sum over its tokens, by all that carry
        (part * self.size).backward()  # the average over processes is then the sum
        return self.sum(part.detach())

    def sum(self, value: float | torch.Tensor) -> float:
        """Over all processes; each must ask."""
        if self.size == 1:
            return float(value)
        total = torch.as_tensor(value, dtype=torch.float64 if self.device.type == "cpu" else torch.float32)
        total = total.to(self.device)
        distributed.all_reduce(total)
        return float(total.item())

    def gather(self, mine: Item) -> list[Item]:
        """Each process's, by rank."""
        if self.size == 1:
            return [mine]
        found: list[Item] = [mine] * self.size
        distributed.all_gather_object(found, mine)
        return found
