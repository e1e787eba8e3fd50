"""What the pages show, as frozen values: amounts are whole tokens, money is in quote tokens, times are Unix seconds.

Whoever reads the journal makes them, and the templates beside this file print them. Any text in them may be hostile:
`sentinel.observe.web.html` makes it inert when it is printed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DecisionLine:
    """One decision in a list."""

    seq: int  # number of its record, and of its page
    at: float
    block: int
    act: bool
    reason: str  # "act", or the reason of the hold
    words: str  # the decision in full
    votes: int
    asked: int
    state: str  # of its intent; empty without one
    shortfall_bps: float | None


@dataclass(frozen=True, slots=True)
class TradeLine:
    """One intent in a list."""

    at: float
    seq: int | None  # the decision's page
    words: str
    state: str
    gave: str  # realised if it is settled, otherwise simulated
    price: float | None  # quote tokens per coin
    coin: str  # that was bought or sold for the quote token; empty for another trade
    buys: bool
    gas: float | None  # quote tokens
    pnl: float | None
    shortfall_bps: float | None


@dataclass(frozen=True, slots=True)
class AttemptLine:
    number: int
    nonce: int
    tx_hash: str
    max_fee_gwei: float
    priority_fee_gwei: float
    way: str
    cancel: bool


@dataclass(frozen=True, slots=True)
class OpenIntentCard:
    id: str
    seq: int | None
    words: str
    state: str
    since: float
    deadline: int
    attempts: tuple[AttemptLine, ...]


@dataclass(frozen=True, slots=True)
class PositionLine:
    symbol: str
    amount: float
    value: float
    share: float  # of equity, 0 to 1
    entry: float | None  # average cost of a coin; None if it is not known
    gain: float | None  # of the value above the entry, 0.01 for 1 %


@dataclass(frozen=True, slots=True)
class LimitLine:
    """How much of a limit is used."""

    name: str
    setting: str
    used: float
    most: float
    text: str  # both, with their unit
    reverse: bool = False  # `most` is a minimum

    @property
    def share(self) -> float:
        """0 to 1; 1 is the limit itself."""
        if self.reverse:
            return 1.0 if self.used <= 0 else min(1.0, self.most / self.used)
        return min(1.0, self.used / self.most) if self.most > 0 else 1.0


@dataclass(frozen=True, slots=True)
class StageLine:
    name: str
    seconds: float
    start: float  # of the bar, 0 to 1
    width: float  # of the bar, 0 to 1


@dataclass(frozen=True, slots=True)
class Past:
    """What the journal says, for the status page."""

    equity: float | None
    hold: float | None  # the equity without any trade
    cash: float | None  # the first equity and all flows, kept in the quote token
    positions: tuple[PositionLine, ...]
    open_intents: tuple[OpenIntentCard, ...]
    decisions: tuple[DecisionLine, ...]
    trades: tuple[TradeLine, ...]
    stages: tuple[StageLine, ...]  # of the last cycle
    stages_block: int | None
    stages_total: float  # seconds
    limits: tuple[LimitLine, ...]


@dataclass(frozen=True, slots=True)
class DecisionList:
    lines: tuple[DecisionLine, ...]
    reasons: tuple[str, ...]  # to choose from
    older: int | None  # `before` of the next page


@dataclass(frozen=True, slots=True)
class Mark:
    """A trade on the chart of prices."""

    at: float
    coin: str
    price: float
    buys: bool
    state: str
    words: str
    seq: int | None


@dataclass(frozen=True, slots=True)
class Series:
    """The lines of the charts: one value per time."""

    quote: str
    at: tuple[float, ...]
    block: tuple[int, ...]
    equity: tuple[float, ...]
    hold: tuple[float, ...]
    cash: tuple[float, ...]
    prices: Mapping[str, tuple[float | None, ...]]  # by coin
    marks: tuple[Mark, ...]
