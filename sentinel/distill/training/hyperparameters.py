"""Hyperparameters of a training: a size to train from scratch, or a base to tune. Needs no torch."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

Method = Literal["scratch", "lora", "full"]


@dataclass(frozen=True, slots=True)
class Recipe:
    """Saved in the model's folder. If `base` is set, the first block of fields comes from it and is ignored here."""

    size: str = "nano"
    vocab_size: int = 1024
    hidden: int = 192
    layers: int = 4
    heads: int = 6
    kv_heads: int = 2
    head_dim: int = 32
    intermediate: int = 512

    method: Method = "scratch"
    base: str = ""  # folder of a Hugging Face causal model
    rank: int = 64  # of the adapter (method `lora` only)
    alpha: int = 128
    dropout: float = 0.05
    head: bool = False  # adapt the output layer too, for words that the base has never written

    steps: int = 1600  # 0 means two epochs
    batch: int = 32  # trajectories per step
    learning_rate: float = 3e-3
    warmup: int = 60
    weight_decay: float = 0.05
    packing: bool = False
    seed: int = 7


SIZES = {
    "pico": Recipe("pico", hidden=48, heads=2, kv_heads=1, intermediate=128),  # 0.16 million parameters
    "micro": Recipe("micro", hidden=96, heads=3, kv_heads=1, intermediate=256),  # 0.5 million
    "nano": Recipe(),  # 1.8 million; the shipped student
    "mini": Recipe("mini", hidden=320, heads=10, intermediate=960, learning_rate=2e-3),  # 5 million
}


def tuned(base: Path, method: Method) -> Recipe:
    """The paper's settings: two epochs, batches of 8. An adapter's learning rate is ten times that of full weights."""
    rate = 2e-4 if method == "lora" else 2e-5
    return replace(
        Recipe(), size="", method=method, base=str(base), steps=0, batch=8, learning_rate=rate, weight_decay=0.0
    )


def weights(base: Path) -> str:
    """SHA-256 of a base's weight files, in the order of their names. It identifies the base of an adapter."""
    digest = hashlib.sha256()
    for path in sorted(base.glob("*.safetensors")):
        digest.update(path.read_bytes())
    return digest.hexdigest()
