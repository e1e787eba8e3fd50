"""The table of all cells: the success of every arm by size with its interval, and the effects between arms. Pure.

An arm's score in a state is its mean over the seeds. States are drawn with replacement, and all scores of a state are
drawn together (paired bootstrap). So the intervals cover the choice of states; the spread over seeds is shown beside.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from statistics import fmean
from typing import Any

from sentinel.distill.evaluation.paired import difference

RESAMPLES = 2_000
COSTS = ("unparsed", "failed", "refused", "tool_calls", "tokens", "steps")

# Effect -> (new arm, old arm), compared within a size.
EFFECTS: Mapping[str, tuple[str, str]] = {
    "tools in hand against none": ("agent", "cot"),
    "tools in hand against their results in the prompt": ("agent", "cot_tools"),
    "first thought": ("ftp", "agent"),
    "self-consistency": ("sag", "agent"),
    "self-consistency against one sample": ("sag", "sampled"),
    "both": ("both", "agent"),
    "results in the prompt": ("cot_tools", "cot"),
    "self-consistency without tools": ("cot_sc", "cot"),
    "both against as many samples without tools": ("both", "cot_sc"),
}

Cells = Sequence[Mapping[str, Any]]


def summary(cells: Cells) -> dict[str, Any]:
    """The table: {"arms": of the smallest size, "sizes": size -> arm -> figures, "effects", "across", "cells", …}."""
    sizes = sorted({cell["size"] for cell in cells}, key=lambda size: _parameters(cells, size))
    arms = {size: {arm: _figures(cells, size, arm) for arm in _arms(cells, size)} for size in sizes}
    return {
        "arms": {arm: _headline(of) for arm, of in arms[sizes[0]].items()},
        "sizes": {size: {"parameters": _parameters(cells, size), "arms": of} for size, of in arms.items()},
        "effects": {
            size: {
                name: _difference(_scores(cells, size, new), _scores(cells, size, old))
                for name, (new, old) in EFFECTS.items()
                if new in arms[size] and old in arms[size]
            }
            for size in sizes
        },
        "across": {
            f"agent {small} against cot {large}": _difference(
                _scores(cells, small, "agent"), _scores(cells, large, "cot")
            )
            for small, large in pairwise(sizes)
            if "agent" in arms[small] and "cot" in arms[large]
        },
        "holding": round(1 - fmean(cells[0]["acts"]), 4),  # score of a student that always holds
        "states": len(next(iter(cells[0]["arms"].values()))["success"]),
        "states_sha256": cells[0]["states"],
        "cells": len(cells),
    }


def _arms(cells: Cells, size: str) -> list[str]:
    return list(dict.fromkeys(arm for cell in cells if cell["size"] == size for arm in cell["arms"]))


def _parameters(cells: Cells, size: str) -> int:
    return max(int(cell["training"]["parameters"]) for cell in cells if cell["size"] == size)


def _of(cells: Cells, size: str, arm: str) -> dict[int, Mapping[str, Any]]:
    """The results of an arm by seed."""
    return {int(c["seed"]): c["arms"][arm] for c in cells if c["size"] == size and arm in c["arms"]}


def _scores(cells: Cells, size: str, arm: str) -> dict[int, list[float]]:
    return {seed: of["success"] for seed, of in _of(cells, size, arm).items()}


def _difference(new: Mapping[int, Sequence[float]], old: Mapping[int, Sequence[float]]) -> dict[str, float | int]:
    """The difference over the seeds that both have, or over all seeds of each if they share none."""
    shared = sorted(new.keys() & old.keys())
    pairs = list(zip(_mean(new, shared), _mean(old, shared), strict=True))
    return {**difference(pairs, resamples=RESAMPLES).as_json(), "seeds": len(shared)}


def _mean(scores: Mapping[int, Sequence[float]], seeds: Sequence[int]) -> list[float]:
    """Each state's mean over the seeds."""
    return [fmean(of) for of in zip(*[scores[seed] for seed in seeds or sorted(scores)], strict=True)]


def _figures(cells: Cells, size: str, arm: str) -> dict[str, Any]:
    of = _of(cells, size, arm)
    scores = {seed: result["success"] for seed, result in of.items()}
    interval = difference([(score, 0.0) for score in _mean(scores, [])], resamples=RESAMPLES)
    return {
        "success": round(interval.mean, 4),
        "low": round(interval.low, 4),
        "high": round(interval.high, 4),
        "by_seed": {str(seed): round(fmean(values), 4) for seed, values in sorted(scores.items())},
        "where_it_acts": round(
            fmean(score for score, acts in zip(_mean(scores, []), _acts(cells), strict=True) if acts), 4
        ),
        **{name: round(fmean(fmean(result[name]) for result in of.values()), 4) for name in ("captured", "regret_bps")},
        **{name: round(fmean(result[name] for result in of.values()), 4) for name in COSTS},
        "model_seconds": round(fmean(result["model_seconds"] for result in of.values()), 1),
    }


def _acts(cells: Cells) -> list[int]:
    """For each state, 1 if the oracle acts."""
    return list(cells[0]["acts"])


def _headline(figures: Mapping[str, Any]) -> dict[str, float]:
    return {name: figures[name] for name in ("success", "low", "high")}
