"""What is held out of training: phrase rules, pairs of kinds and texts, as `split.toml` fixes them once and for all."""

from __future__ import annotations

import functools
import hashlib
import tomllib
from enum import StrEnum
from importlib import resources
from typing import Any

from sentinel.distill.orders.phrase_rules import Rule

_OF_TEXTS = 8  # a text belongs to one of so many parts, by its hash


class Split(StrEnum):
    TRAIN = "train"
    SEEDS = "seeds"  # known wordings and pairs of kinds, new draws
    WORDINGS = "wordings"  # at least one rule that training never uses
    COMPOSITIONS = "compositions"  # a pair of kinds that training never has in one order


_TEXTS = {Split.SEEDS: 0, Split.WORDINGS: 1, Split.COMPOSITIONS: 2}  # the other parts are for training


@functools.cache
def held_rules() -> frozenset[str]:
    return frozenset(_file()["wordings"]["rules"])


@functools.cache
def held_pairs() -> frozenset[frozenset[str]]:
    return frozenset(frozenset(pair) for pair in _file()["compositions"]["pairs"])


@functools.cache
def held_pairs_listed() -> tuple[tuple[str, str], ...]:
    return tuple((one, other) for one, other in _file()["compositions"]["pairs"])


@functools.cache
def _file() -> dict[str, Any]:
    return tomllib.loads((resources.files(__package__) / "split.toml").read_text(encoding="utf-8"))


def weight(split: Split, rule: Rule) -> float:
    """How likely a rule is chosen among others; 0 if the split may not use it."""
    if rule.id in held_rules():
        return 3.0 if split is Split.WORDINGS else 0.0
    return 1.0


def pair_allowed(split: Split, one: str, other: str) -> bool:
    """Whether these two kinds may stand in one order."""
    return split is Split.COMPOSITIONS or frozenset((one, other)) not in held_pairs()


def owns(split: Split, text: str) -> bool:
    """Whether the text is this split's: each text is of exactly one split, whatever the seeds."""
    normal = " ".join(text.lower().split())
    part = int.from_bytes(hashlib.sha256(normal.encode()).digest()[:4]) % _OF_TEXTS
    return _TEXTS.get(split) == part if split is not Split.TRAIN else part not in _TEXTS.values()
