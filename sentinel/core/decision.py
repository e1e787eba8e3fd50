"""What is done at one block: act or hold, and the verdicts on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from sentinel.core.errors import (
    ForkUnavailable,
    HeadGone,
    ModelTimeout,
    ModelUnavailable,
    NoView,
    RpcError,
    RpcTimeout,
    SignerUnavailable,
    Unavailable,
)
from sentinel.core.simulation import Refusal, Simulation
from sentinel.core.units import BPS


@dataclass(frozen=True, slots=True)
class Act:
    simulation: Simulation
    votes: int
    asked: int
    margin: int  # votes ahead of the next class
    spread_bps: int  # of the winning set, over the compared amounts
    size_bps: int = BPS  # of what was voted for, that `simulation` puts in


class HoldReason(StrEnum):
    """Metrics and journals carry these names: none is changed or given another meaning."""

    # before anything is asked, and asked again before anything is sent
    STOPPING = "stopping"  # the process ends
    PAUSED = "paused"  # trading is latched
    DISPUTED = "disputed"  # the endpoints tell of different chains
    IN_FLIGHT = "in_flight"  # the last transaction is not settled yet
    # by the vote
    HOLD_VOTED = "hold_voted"
    NO_MAJORITY = "no_majority"
    TIE = "tie"
    SIZED_OUT = "sized_out"  # no trade at the size that its agreement supports
    # on the final bytes
    REFUSED = "refused"  # a hard limit
    OVERTAKEN = "overtaken"  # blocks come faster than they are simulated
    # a part outside this process is away
    UNAVAILABLE = "unavailable"
    RPC_ERROR = "rpc_error"
    RPC_TIMEOUT = "rpc_timeout"
    HEAD_GONE = "head_gone"
    FORK_UNAVAILABLE = "fork_unavailable"
    SIGNER_UNAVAILABLE = "signer_unavailable"
    MODEL_UNAVAILABLE = "model_unavailable"
    MODEL_TIMEOUT = "model_timeout"
    NO_VIEW = "no_view"


@dataclass(frozen=True, slots=True)
class Hold:
    reason: HoldReason
    votes: int = 0
    asked: int = 0
    detail: str = ""  # one sentence in plain words


Decision = Act | Hold

# What is held for where a part outside this process is away: of an error's own class, else of the nearest one above it.
AWAY: Mapping[type[Unavailable], HoldReason] = {
    Unavailable: HoldReason.UNAVAILABLE,
    RpcError: HoldReason.RPC_ERROR,
    RpcTimeout: HoldReason.RPC_TIMEOUT,
    HeadGone: HoldReason.HEAD_GONE,
    ForkUnavailable: HoldReason.FORK_UNAVAILABLE,
    SignerUnavailable: HoldReason.SIGNER_UNAVAILABLE,
    ModelUnavailable: HoldReason.MODEL_UNAVAILABLE,
    ModelTimeout: HoldReason.MODEL_TIMEOUT,
    NoView: HoldReason.NO_VIEW,
}


def away(error: Unavailable) -> HoldReason:
    return next(AWAY[kind] for kind in type(error).__mro__ if kind in AWAY)


@dataclass(frozen=True, slots=True)
class Sized:
    """The winner made anew at the part of its size that its agreement supports."""

    simulation: Simulation
    refusal: Refusal | None  # why policy took it; None where it may go on


@dataclass(frozen=True, slots=True)
class Verdict:
    rule: str
    ok: bool
    detail: str
