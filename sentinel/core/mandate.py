"""What the operator asks for, and what of the day is spent."""

from __future__ import annotations

from dataclasses import dataclass

from sentinel.core.network import Symbol


@dataclass(frozen=True, slots=True)
class Mandate:
    """What the operator asks of the trader; it stands in the prompt. Numbers are whole quote tokens and fractions."""

    playbook: str  # a name of agent/playbooks.py
    base: Symbol  # the token that is traded against the quote; triangle: any token may stand between
    band: float  # rebalance: least distance from the target weight; reduce_risk: least excess; fraction of equity
    bars: int  # momentum, mean_reversion, reduce_risk: blocks looked back
    threshold: float  # least relative move (momentum), distance from the mean (mean_reversion), fall (reduce_risk)
    size: float  # most that one action may put in, whole quote tokens
    least: float  # smallest trade or (arbitrage, triangle) net profit worth a transaction, whole quote tokens
    until: int = 0  # slice: number of the block of the last slice; past: the order is over and nothing is done
    every: int = 1  # slice: blocks from one slice to the next, counted back from `until`


@dataclass(frozen=True, slots=True)
class Brief:
    """What the operator asks of the analyst; it stands in the analyst's prompt. Fractions where not said otherwise."""

    base: Symbol  # the token whose share is leaned; the quote token takes the rest
    trend: float  # least distance of the quick average from the slow one that counts as one
    swing: float  # volatility per bar above which it is stress
    fall: float  # distance below the highest of the bars above which it is stress
    size: float  # a market that takes no more than this within 1 % is thin; whole quote tokens


@dataclass(frozen=True, slots=True)
class Spent:
    """Today's totals (UTC day) from the journal, in base units of the quote token."""

    loss: int  # realised loss, gas included; never negative
    volume: int  # gross put in, unfinished intents included
