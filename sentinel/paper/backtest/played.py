"""What one task of a backtest gave: an entry a minute, each trade with its decision, and why wanted trades were missed.

All values are plain, exact and the same for the same task. Amounts are base units of the quote token if nothing else
is said.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Minute:
    time: int  # Unix seconds of the minute's end
    price: float  # the recorded close, quote tokens per coin
    equity: int  # everything in the wallet at reference prices, gas paid
    hold: int  # what the wallet began with
    player: int  # what the player without costs holds, and the native coin
    cash: int  # quote tokens in the wallet


@dataclass(frozen=True, slots=True)
class PlayedTrade:
    """One intent: a swap, or the approval that one needs. Token amounts are whole tokens, as text."""

    time: int  # Unix seconds, of the block that it was decided on
    block: int
    kind: str  # swap | approve
    outcome: str  # confirmed | reverted | expired | cancelled | unknown
    mined_at: int | None
    tx: str | None
    clause: int | None
    why: str  # the player's reason, with its numbers
    votes: int
    asked: int
    sold: str
    bought: str
    paid: str
    simulated: str
    received: str
    value: int  # of what went in, at the reference prices of the decision
    gas: int  # what the gas cost
    profit: int  # against the reference prices of the decision, gas included
    shortfall_bps: float | None


@dataclass(frozen=True, slots=True)
class Missed:
    """A trade that the order wanted and the daemon did not make, by reason."""

    reason: str
    minutes: int
    first: int  # Unix seconds
    example: str  # of the first one


@dataclass(frozen=True, slots=True)
class Played:
    """`timings` are the only values that differ from run to run."""

    name: str
    reading: str
    order_hash: str
    segment: int
    seed: int
    begin: Mapping[str, str]  # whole tokens of each token at the beginning
    minutes: tuple[Minute, ...]
    trades: tuple[PlayedTrade, ...]
    missed: tuple[Missed, ...]
    wanted: int  # minutes in which the order wanted a trade and no transaction was open
    disagreed: int  # minutes in which the vote found no majority, or a tie
    alarms: Mapping[str, int]
    halted: str  # why trading was halted; empty if it was not
    wins: int  # sales for quote tokens above what the coins had cost, gas included
    sales: int
    timings: Mapping[str, float] = field(default_factory=dict)

    def dumps(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def loads(cls, text: str) -> Played:
        values: dict[str, Any] = json.loads(text)
        values["minutes"] = tuple(Minute(**one) for one in values["minutes"])
        values["trades"] = tuple(PlayedTrade(**one) for one in values["trades"])
        values["missed"] = tuple(Missed(**one) for one in values["missed"])
        return cls(**values)
