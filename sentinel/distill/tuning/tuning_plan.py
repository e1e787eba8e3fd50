"""What a tuning is to do. Needs no torch."""

from __future__ import annotations

from dataclasses import asdict, dataclass

WARMUP = 10  # steps


@dataclass(frozen=True, slots=True)
class TuningPlan:
    """Saved in the adapter's folder. An adapter on the top `layers` layers of `base`."""

    base: str  # folder of a Hugging Face causal model
    data: tuple[str, ...]  # files of rows
    layers: int = 18
    rank: int = 32
    alpha: int = 64
    batch: int = 8  # rows per step
    epochs: int = 1
    steps: int = 0  # 0: as many as the epochs have
    fall: int = 0  # of the last steps, in which the learning rate falls; 0: a fifth of all
    learning_rate: float = 2e-3
    context: int = 2048  # tokens; longer rows are left out
    trade_every: int = 8  # of so many orders one is also learned as a program; 0: none
    seed: int = 7

    def rate(self, step: int, steps: int) -> float:
        """Factor of the learning rate: linear warm-up, then constant, then linearly down.

        Before it goes down it does not depend on `steps`, so a longer run can begin with a shorter one.
        """
        return min(1.0, (step + 1) / WARMUP, (steps - step) / max(1, steps - self.trunk(steps)))

    def trunk(self, steps: int) -> int:
        """Number of steps before the learning rate goes down."""
        return max(0, steps - (self.fall or steps // 5))

    def options(self) -> list[str]:
        """The options of `sentinel.distill.tuning.tune` that mean this plan."""
        named = {name: str(value) for name, value in asdict(self).items() if name != "data"}
        single = [part for name, value in named.items() for part in (f"--{name.replace('_', '-')}", value)]
        return [*single, *(part for path in self.data for part in ("--data", path))]
