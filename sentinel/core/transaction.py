"""What becomes of an accepted decision: the intent, its attempts, and how it was settled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from sentinel.core.actions import Swap
from sentinel.core.decision import Act
from sentinel.core.market_state import Reference
from sentinel.core.network import HexHash, Symbol
from sentinel.core.simulation import SimEnv, Simulation, TxRequest
from sentinel.core.units import BPS


@dataclass(frozen=True, slots=True)
class Intent:
    id: str  # 128 random bits, hex
    decision: Act
    tx: TxRequest  # final bytes
    signed: bool  # the permit in `tx` is signed; False only in a dry run, and then nothing can be sent
    env: SimEnv  # of the screening simulation; its fees are what the first attempt offers
    deadline: int  # Unix seconds; after it the intent may only be cancelled or found mined
    created_at: int


@dataclass(frozen=True, slots=True)
class Fees:
    """On a legacy network both are the gas price."""

    max_fee: int  # wei per gas
    priority_fee: int  # wei per gas


@dataclass(frozen=True, slots=True)
class Attempt:
    intent_id: str
    nonce: int
    fees: Fees
    tx_hash: HexHash
    raw: bytes  # signed; committed before it is sent
    cancel: bool = False  # a pure self-transfer that takes the nonce back
    way: str = "public"  # where the bytes go: to all endpoints, or to the one relay of this name


class Outcome(StrEnum):
    CONFIRMED = "confirmed"
    REVERTED = "reverted"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Settled:
    """How an intent ended, judged by the receipt and by balance changes."""

    intent_id: str
    outcome: Outcome
    tx_hash: HexHash | None
    block_number: int | None
    gas_used: int
    gas_cost: int  # wei, all that the chain took for it: gas, and on a rollup its data
    realised: Mapping[Symbol, int]  # the wallet's net change over the block, NATIVE without own gas, base units
    block_hash: HexHash | None = None  # of `block_number`; None also in journals of before it was kept
    unread: bool = False  # `realised` is not what it brought: no endpoint has the balances around its block any more


@dataclass(frozen=True, slots=True)
class Counterfactual:
    """What the losing candidates would have done in the winner's place: simulated upon the parent of the block that
    included it. Values are what the wallet would have gained, gas taken off, in base units of the quote token at the
    parent's reference prices."""

    intent_id: str
    block_number: int  # of the inclusion
    parent_hash: HexHash
    simulations: tuple[Simulation, ...]  # one a distinct losing action, without logs
    values: tuple[int | None, ...]  # of the same; None where it reverted
    winner: int | None  # the winner simulated at the same place; None where it reverts there
    realised: int  # what the winner really brought


@dataclass(frozen=True, slots=True)
class EquityPoint:
    """What the wallet held at one block while nothing of ours was in flight, and the prices to value it at."""

    at: int  # Unix seconds of the journal's clock, which days are counted by
    block: int
    balances: Mapping[Symbol, int]  # base units; includes NATIVE
    prices: Mapping[Symbol, Reference]


def shortfall_bps(simulation: Simulation, settled: Settled) -> float | None:
    """Realised against simulated, in bps: positive where the trade gave more than promised. None for what is no swap.

    Compared is the net change of the last token_out: over the promised change, for a closed cycle over what was put in
    (its net change is a small difference).
    """
    action = simulation.candidate.action
    if not isinstance(action, Swap):
        return None
    promised = simulation.deltas.get(action.token_out, 0)
    base = simulation.gross if action.is_cycle else promised
    return (settled.realised.get(action.token_out, 0) - promised) * BPS / abs(base) if base else None
