"""Swaps, approvals and holds, the candidates that carry them, and the proposal of an episode."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from sentinel.core.network import NATIVE, PoolName, Symbol


@dataclass(frozen=True, slots=True)
class Leg:
    pool: PoolName
    token_in: Symbol
    token_out: Symbol
    venue: str


@dataclass(frozen=True, slots=True)
class Route:
    legs: tuple[Leg, ...]  # the output of each leg is the input of the next
    amount_in: int  # base units of the first leg's token_in


@dataclass(frozen=True, slots=True)
class Swap:
    """A trade over one or more routes, which share the first token_in and the last token_out.

    If these two are the same token, the swap is a closed cycle.
    """

    routes: tuple[Route, ...]
    min_out: int  # base units of the last token_out, over all routes; set by the toolkit, never by the model
    deadline: int  # Unix seconds

    @property
    def token_in(self) -> Symbol:
        return self.routes[0].legs[0].token_in

    @property
    def token_out(self) -> Symbol:
        return self.routes[0].legs[-1].token_out

    @property
    def amount_in(self) -> int:
        return sum(route.amount_in for route in self.routes)

    @property
    def value(self) -> int:
        """Wei attached to the transaction: the whole input if token_in is the native coin (no permit then), else 0."""
        return self.amount_in if self.token_in == NATIVE else 0

    @property
    def is_cycle(self) -> bool:
        return self.token_in == self.token_out


@dataclass(frozen=True, slots=True)
class Approve:
    """Allow `spender` (always "permit2") to take at most `amount` base units of `token`."""

    token: Symbol
    spender: str
    amount: int
    expiry: int  # Unix seconds


@dataclass(frozen=True, slots=True)
class HoldAction:
    reason: str


Action = Swap | Approve | HoldAction


@dataclass(frozen=True, slots=True)
class Candidate:
    index: int  # index of its sample, 0..asked-1
    action: Action
    text: str  # the model's last thought and code


class Stage(StrEnum):
    """The stage that discarded a final action before simulation."""

    SAMPLE = "sample"
    PARSE = "parse"
    CODE = "code"
    ACTION = "action"
    EPISODE = "episode"


class DiscardReason(StrEnum):
    """Why a final action was discarded. Metrics and journals contain these names."""

    # sample
    MISSING = "missing"
    TRUNCATED = "truncated"
    ABORTED = "aborted"
    MODEL_TIMEOUT = "model_timeout"
    # parse
    EMPTY = "empty"
    TEXT_AFTER_END = "text_after_end"
    NO_THOUGHT = "no_thought"
    NO_CODE = "no_code"
    NO_FENCE = "no_fence"
    UNCLOSED = "unclosed"
    TEXT_AFTER_CODE = "text_after_code"
    MANY_BLOCKS = "many_blocks"
    EMPTY_CODE = "empty_code"
    CODE_TOO_LONG = "code_too_long"
    NOT_ASCII = "not_ascii"
    # code, action
    FAILED = "failed"
    UNBUILDABLE = "unbuildable"
    TWO_FINALS = "two_finals"
    # episode
    NOT_FINAL = "not_final"
    NO_FRESH_READ = "no_fresh_read"
    TOO_MANY_STEPS = "too_many_steps"


@dataclass(frozen=True, slots=True)
class Discarded:
    index: int
    stage: Stage
    reason: DiscardReason
    detail: str = ""


class Finish(StrEnum):
    """Why the model stopped generating."""

    STOP = "stop"
    LENGTH = "length"
    ABORT = "abort"


@dataclass(frozen=True, slots=True)
class Sample:
    """One generated code action, kept for the record and for distillation."""

    step: int
    index: int
    text: str
    tokens: int
    finish: Finish


@dataclass(frozen=True, slots=True)
class Proposal:
    """The result of an episode. Each of the `asked` final actions is a candidate or a discard."""

    asked: int
    candidates: tuple[Candidate, ...]
    discarded: tuple[Discarded, ...]
    prompt: tuple[Mapping[str, str], ...]  # messages of the last request, as sent
    samples: tuple[Sample, ...]
    steps: int
    source: str  # "student:<id>", "server:<id>", "oracle" or "code:<file>-<hash>"
    timings: Mapping[str, float] = field(default_factory=dict, compare=False)  # seconds: "prompt", "model", "sandbox"
    sampled_at: int | None = None  # block at which the samples were drawn; None: at the record's own
    judged: Mapping[str, tuple[bool, ...]] = field(default_factory=dict)  # answers to what the order has judged
