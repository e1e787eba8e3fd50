"""The decision at one block, act or hold, and the verdicts of policy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from sentinel.core.errors import (
    ForkInUse,
    ForkUnavailable,
    HeadGone,
    ModelTimeout,
    ModelUnavailable,
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
    margin: int  # votes by which the winning class leads the next one
    spread_bps: int  # largest distance of the compared amounts in the winning class
    size_bps: int = BPS  # size of `simulation` as a share of the voted size


class HoldReason(StrEnum):
    """Why nothing is done. Metrics and journals contain these names, so a name and its meaning never change."""

    # checked before the proposal, and again before anything is sent
    STOPPING = "stopping"  # the process is stopping
    PAUSED = "paused"  # trading is halted
    DISPUTED = "disputed"  # the endpoints disagree about the chain
    IN_FLIGHT = "in_flight"  # the last transaction is not settled yet
    # by the vote
    HOLD_VOTED = "hold_voted"
    NO_MAJORITY = "no_majority"
    TIE = "tie"
    SIZED_OUT = "sized_out"  # the trade is not possible at the size that its agreement supports
    # on the final bytes
    REFUSED = "refused"  # policy or the signer refused
    OVERTAKEN = "overtaken"  # blocks come faster than they are simulated
    # a service outside this process does not answer
    UNAVAILABLE = "unavailable"
    RPC_ERROR = "rpc_error"
    RPC_TIMEOUT = "rpc_timeout"
    HEAD_GONE = "head_gone"
    FORK_UNAVAILABLE = "fork_unavailable"
    FORK_IN_USE = "fork_in_use"
    SIGNER_UNAVAILABLE = "signer_unavailable"
    MODEL_UNAVAILABLE = "model_unavailable"
    MODEL_TIMEOUT = "model_timeout"
    NO_VIEW = "no_view"  # only in older records: a model gave the view


@dataclass(frozen=True, slots=True)
class Hold:
    reason: HoldReason
    votes: int = 0
    asked: int = 0
    detail: str = ""  # one sentence in plain words


Decision = Act | Hold

# The hold reason of an outage. An error whose class is not listed takes the reason of its nearest listed base class.
AWAY: Mapping[type[Unavailable], HoldReason] = {
    Unavailable: HoldReason.UNAVAILABLE,
    RpcError: HoldReason.RPC_ERROR,
    RpcTimeout: HoldReason.RPC_TIMEOUT,
    HeadGone: HoldReason.HEAD_GONE,
    ForkUnavailable: HoldReason.FORK_UNAVAILABLE,
    ForkInUse: HoldReason.FORK_IN_USE,
    SignerUnavailable: HoldReason.SIGNER_UNAVAILABLE,
    ModelUnavailable: HoldReason.MODEL_UNAVAILABLE,
    ModelTimeout: HoldReason.MODEL_TIMEOUT,
}


def away(error: Unavailable) -> HoldReason:
    """The hold reason of an outage."""
    return next(AWAY[kind] for kind in type(error).__mro__ if kind in AWAY)


@dataclass(frozen=True, slots=True)
class Sized:
    """The winning trade, scaled down to the size that its agreement supports and simulated again."""

    simulation: Simulation
    refusal: Refusal | None  # why policy refused it; None if it did not


@dataclass(frozen=True, slots=True)
class Verdict:
    rule: str
    ok: bool
    detail: str
