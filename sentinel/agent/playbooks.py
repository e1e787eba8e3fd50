"""Playbooks: named strategies. Each gives the lines that stand in the prompt and a first thought.

A first thought states a plan, never a fact or a price: facts come from a fresh read of the market.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sentinel.core.mandate import Mandate
from sentinel.core.market_state import MarketView
from sentinel.core.units import BPS


@dataclass(frozen=True, slots=True)
class Playbook:
    name: str
    knobs: Callable[[Mandate, MarketView], dict[str, float]]  # prompt line -> number, in the order written
    plan: str  # the first thought; {base} is filled in

    def first_thought(self, mandate: Mandate) -> str:
        return self.plan.format(base=mandate.base)


def _target(mandate: Mandate, view: MarketView) -> float:
    return view.target_weights.get(mandate.base, 0) / BPS


PLAYBOOKS: dict[str, Playbook] = {
    playbook.name: playbook
    for playbook in (
        Playbook(
            "rebalance",
            lambda m, v: {"Target": _target(m, v), "Band": m.band, "Size": m.size, "Least": m.least},
            "I measure how far {base} is from its target and trade only the gap.",
        ),
        Playbook(
            "momentum",
            lambda m, v: {"Bars": m.bars, "Threshold": m.threshold, "Size": m.size, "Least": m.least},
            "I measure the move of {base} over the bars and follow it only when it is large.",
        ),
        Playbook(
            "arbitrage",
            lambda m, v: {"Size": m.size, "Least": m.least},
            "I look for a cycle through {base} over two venues and take it only when it pays.",
        ),
        Playbook(
            "triangle",
            lambda m, v: {"Size": m.size, "Least": m.least},
            "I look for a loop over two or three venues and take it only when it pays.",
        ),
        Playbook(
            "mean_reversion",
            lambda m, v: {"Bars": m.bars, "Threshold": m.threshold, "Size": m.size, "Least": m.least},
            "I measure how far {base} is from its mean over the bars and trade against it only when that is far.",
        ),
        Playbook(
            "reduce_risk",
            lambda m, v: {
                "Target": _target(m, v),
                "Band": m.band,
                "Bars": m.bars,
                "Threshold": m.threshold,
                "Size": m.size,
                "Least": m.least,
            },
            "I sell {base} down to its target only when there is too much of it or it has fallen.",
        ),
        Playbook(
            "slice",
            lambda m, v: {
                "Target": _target(m, v),
                "Until": m.until,
                "Every": m.every,
                "Size": m.size,
                "Least": m.least,
            },
            "I count the slices left and trade one of them towards the target of {base}.",
        ),
    )
}
