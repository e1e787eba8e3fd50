"""What the page of one decision shows, as frozen values; units and cautions as in `shown`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sentinel.observe.web.shown import AttemptLine, StageLine


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
    fate: str  # "agrees", "outside" or "refused"
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
    refused: int
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
