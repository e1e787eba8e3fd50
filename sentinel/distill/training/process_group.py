"""Process group: the processes that train one student together, one per GPU, or one process alone.

torchrun or accelerate starts them. Every process draws the same batches and takes its share of each. The gradients are
summed, so a step equals the step of one process with the whole batch, up to rounding.
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
    """The place of this process in the group. Only rank 0 writes files."""

    device: torch.device
    rank: int = 0
    size: int = 1

    @classmethod
    def join(cls, device: str) -> ProcessGroup:
        """Join the group that the environment describes. `device` is auto, cpu or cuda. Call `leave` at the end."""
        kind = device if device != "auto" else "cuda" if torch.cuda.is_available() else "cpu"
        size = int(os.environ.get("WORLD_SIZE", "1"))
        if size == 1:
            return cls(torch.device(kind))
        own_device = torch.device(kind, int(os.environ["LOCAL_RANK"])) if kind == "cuda" else torch.device(kind)
        if kind == "cuda":
            torch.cuda.set_device(own_device)
        distributed.init_process_group("nccl" if kind == "cuda" else "gloo")
        return cls(own_device, distributed.get_rank(), size)

    def leave(self) -> None:
        if self.size > 1:
            distributed.destroy_process_group()

    def distribute(self, model: torch.nn.Module) -> torch.nn.Module:
        """Wrap `model` so that gradients are averaged over all processes. All start with the weights of rank 0."""
        return DistributedDataParallel(model) if self.size > 1 else model

    def share(self, batch: Sequence[Item]) -> list[Item]:
        """The part of `batch` that belongs to this process."""
        return [*batch[self.rank :: self.size]]

    def backward(self, model: torch.nn.Module, batch: Mapping[str, torch.Tensor], carrying: int) -> float:
        """Compute the gradients of the mean loss over the whole batch, and return that mean.

        `batch` is the share of this process. `carrying` counts the tokens with loss in the whole batch.
        """
        arguments = {name: tensor.to(self.device) for name, tensor in batch.items()}
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.device.type == "cuda"):
            if self.size == 1:
                loss = model(**arguments).loss
                loss.backward()
                return float(loss.item())
            part = model(**arguments, num_items_in_batch=carrying).loss  # the sum over our tokens / carrying
        (part * self.size).backward()  # so the average over the processes becomes the sum
        return self.sum(part.detach())

    def sum(self, value: float | torch.Tensor) -> float:
        """The sum of `value` over all processes. Each process must call it."""
        if self.size == 1:
            return float(value)
        total = torch.as_tensor(value, dtype=torch.float64 if self.device.type == "cpu" else torch.float32)
        total = total.to(self.device)
        distributed.all_reduce(total)
        return float(total.item())

    def gather(self, mine: Item) -> list[Item]:
        """The `mine` of every process, ordered by rank. Each process must call it."""
        if self.size == 1:
            return [mine]
        gathered: list[Item] = [mine] * self.size
        distributed.all_gather_object(gathered, mine)
        return gathered
