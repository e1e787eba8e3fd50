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


# ---------------------------------------------------------------- one decision


@dataclass(frozen=True, slots=True)
class SampleGroup:
    """Samples of one step with the same text."""

    step: int
    indexes: tuple[int, ...]
    thought: str
    code: str
    tokens: int
    finish: str
    won: bool  # the next step continued from it


@dataclass(frozen=True, slots=True)
class FateLine:
    """What became of one of the final actions that were asked for."""

    index: int
    fate: str  # "voted", "refused", "reverted", "discarded", …
    winning: bool  # in the agreeing set that decided
    chosen: bool  # the one whose bytes were sent
    action: str
    effect: str  # simulated
    why: str


@dataclass(frozen=True, slots=True)
class Dot:
    """Candidates with the same effect, on the scale."""

    x: float
    y: float
    radius: float
    count: int
    agrees: bool
    label: str


@dataclass(frozen=True, slots=True)
class Tick:
    x: float
    text: str


@dataclass(frozen=True, slots=True)
class EffectAxis:
    """One amount of the candidates of a class, such as what they pay; positions are in units of the drawing."""

    name: str  # such as "pays USDC"
    dots: tuple[Dot, ...]
    ticks: tuple[Tick, ...]
    band: tuple[float, float] | None  # left edge and width of what agrees
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class EffectScale:
    """The simulated effects of one class of candidates."""

    title: str
    votes: int  # in its agreeing set
    outside: int
    wins: bool
    axes: tuple[EffectAxis, ...]  # empty for a hold


@dataclass(frozen=True, slots=True)
class VerdictLine:
    rule: str
    ok: bool
    detail: str


@dataclass(frozen=True, slots=True)
class EffectLine:
    """One token of a trade: simulated against realised."""

    symbol: str
    simulated: float
    realised: float | None
    difference_bps: float | None


@dataclass(frozen=True, slots=True)
class TransactionCard:
    intent_id: str
    state: str
    to: str
    calldata: str
    value: str
    gas_limit: int
    min_out: str
    deadline: int
    attempts: tuple[AttemptLine, ...]
    tx_hash: str
    block: int | None
    gas: str
    pnl: float | None
    shortfall_bps: float | None
    effects: tuple[EffectLine, ...]
    unread: bool  # the realised effects could not be read


@dataclass(frozen=True, slots=True)
class MarketLine:
    symbol: str
    balance: float
    price: float | None
    reference: float | None
    value: float
    allowance: float | None


@dataclass(frozen=True, slots=True)
class DecisionPage:
    seq: int
    at: float
    older: int | None
    newer: int | None
    block: int
    block_hash: str
    block_time: int
    act: bool
    reason: str
    words: str
    votes: int
    asked: int
    margin: int | None
    spread_bps: int | None
    quorum_bps: int
    agreement_bps: int
    source: str
    sampled_at: int | None
    steps: int
    equity: float | None
    base_fee_gwei: float
    nonce: int | None
    market: tuple[MarketLine, ...]
    target: Mapping[str, float]  # shares of equity
    played: str  # what the order's player said; empty without an order
    played_trade: str
    judged: Mapping[str, str]
    prompt: tuple[tuple[str, str], ...]  # role, text
    samples: tuple[SampleGroup, ...]
    observations: Mapping[int, str]  # by step: what the winner's code printed
    fates: tuple[FateLine, ...]
    scales: tuple[EffectScale, ...]
    verdicts: tuple[VerdictLine, ...]
    refusals: tuple[VerdictLine, ...]
    stages: tuple[StageLine, ...]
    stages_total: float
    exit_made: bool
    sized: str
    transaction: TransactionCard | None


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
