"""The batches of a tuning: a pure function of the rows' lengths and the seed, so a resumed run has the same ones."""

from __future__ import annotations

import random
from collections.abc import Sequence

BUCKET = 8  # batches whose rows are sorted by length together


def batches(lengths: Sequence[int], size: int, epochs: int, seed: int) -> list[list[int]]:
    """Row numbers of each step. Every row comes once an epoch; the rows of a batch have similar lengths.

    The last batch of an epoch can be smaller than `size`.
    """
    plan: list[list[int]] = []
    for epoch in range(epochs):
        rng = random.Random(f"{seed}:{epoch}")
        order = list(range(len(lengths)))
        rng.shuffle(order)
        epoch_batches: list[list[int]] = []
        for start in range(0, len(order), BUCKET * size):
            bucket = sorted(order[start : start + BUCKET * size], key=lambda row: (lengths[row], row))
            epoch_batches += [bucket[first : first + size] for first in range(0, len(bucket), size)]
        rng.shuffle(epoch_batches)
        plan += epoch_batches
    return plan
