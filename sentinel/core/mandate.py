"""The mandate of the trader, and today's loss and volume."""

from __future__ import annotations

from dataclasses import dataclass

from sentinel.core.network import Symbol


@dataclass(frozen=True, slots=True)
class Mandate:
    """The mandate of the trader, as the prompt states it. Amounts are whole quote tokens; ratios are fractions."""

    playbook: str  # a name of agent/playbooks.py
    base: Symbol  # the token that is traded against the quote; triangle: any token may come in between
    band: float  # rebalance: min distance from the target weight; reduce_risk: min excess; fraction of equity
    bars: int  # momentum, mean_reversion, reduce_risk: lookback in blocks
    threshold: float  # min relative move (momentum), distance from the mean (mean_reversion), fall (reduce_risk)
    size: float  # max input of one action, whole quote tokens
    least: float  # min trade, or min net profit (arbitrage, triangle), whole quote tokens
    until: int = 0  # slice: block number of the last slice; nothing is traded after it
    every: int = 1  # slice: blocks between slices, counted back from `until`


@dataclass(frozen=True, slots=True)
class Spent:
    """Today's totals (UTC day) from the journal, in base units of the quote token."""

    loss: int  # sum of the losses of the trades that lost, gas included; gains are not subtracted
    volume: int  # gross input, open intents included
