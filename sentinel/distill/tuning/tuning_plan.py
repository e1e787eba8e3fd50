"""What a tuning is to do. Needs no torch."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TuningPlan:
    """Saved in the adapter's folder. An adapter on the top `layers` layers of `base`."""

    base: str  # folder of a Hugging Face causal model
    data: tuple[str, ...]  # files of rows
    layers: int = 18
    rank: int = 16
    alpha: int = 32
    batch: int = 16  # rows per step
    epochs: int = 1
    steps: int = 0  # 0: as many as the epochs have
    learning_rate: float = 1e-3
    context: int = 2048  # tokens; longer rows are left out
    seed: int = 7

    def rate(self, step: int, steps: int) -> float:
        """Factor of the learning rate: linear warm-up over a twentieth of the steps, then a cosine down to 0.05."""
        warmup = max(1, steps // 20)
        if step < warmup:
            return (step + 1) / warmup
        return 0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(1, steps - warmup)))
