"""An intent, its attempts and its settlement."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from sentinel.core.actions import Swap
from sentinel.core.decision import Act
from sentinel.core.market_state import Reference
from sentinel.core.network import Address, HexHash, Symbol
from sentinel.core.simulation import SimEnv, Simulation, TxRequest
from sentinel.core.units import BPS


@dataclass(frozen=True, slots=True)
class Intent:
    id: str  # 128 random bits, hex
    decision: Act
    tx: TxRequest  # final bytes
    signed: bool  # whether the permit in `tx` is signed; False only in a dry run, in which nothing can be sent
    env: SimEnv  # environment of the screening simulation; its fees are those of the first attempt
    deadline: int  # Unix seconds; after it the intent may only be cancelled or found mined
    created_at: int
    prices: Mapping[Address, int] = field(default_factory=dict)  # the reference by token, which the signer is shown
    order_hash: str | None = None  # the approved order that it carries out; None if it carries out none
    clause: int | None = None  # index of the order's clause; None if there is no order


@dataclass(frozen=True, slots=True)
class Fees:
    """The fee bid of an attempt. On a legacy network both fields equal the gas price."""

    max_fee: int  # wei per gas
    priority_fee: int  # wei per gas


@dataclass(frozen=True, slots=True)
class Attempt:
    intent_id: str
    nonce: int
    fees: Fees
    tx_hash: HexHash
    raw: bytes  # signed bytes; journaled before they are sent
    cancel: bool = False  # True for an empty self-transfer that takes the nonce back
    way: str = "public"  # "public" for all endpoints, else the name of the only relay that receives the bytes


class Outcome(StrEnum):
    CONFIRMED = "confirmed"
    REVERTED = "reverted"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Settled:
    """The settlement of an intent, judged by its receipt and by balance changes."""

    intent_id: str
    outcome: Outcome
    tx_hash: HexHash | None
    block_number: int | None
    gas_used: int
    gas_cost: int  # wei paid to the chain: gas, plus the data fee on a rollup
    realised: Mapping[Symbol, int]  # the wallet's net change over the block, NATIVE without own gas, base units
    block_hash: HexHash | None = None  # hash of block `block_number`; None also in older journals
    unread: bool = False  # True if the balances around its block cannot be read: `realised` is then unknown
    mined_at: int | None = None  # timestamp of block `block_number`, Unix seconds; None also in older journals


@dataclass(frozen=True, slots=True)
class Counterfactual:
    """The losing candidates, simulated in the winner's place.

    They are simulated on the parent of the block that included the winner. Values are the wallet's gains after gas, in
    base units of the quote token at the parent's reference prices.
    """

    intent_id: str
    block_number: int  # block that included the winner
    parent_hash: HexHash
    simulations: tuple[Simulation, ...]  # one per distinct losing action, without logs
    values: tuple[int | None, ...]  # gain of each simulation; None if it reverted
    winner: int | None  # the winner's gain, simulated on the same parent; None if it reverts there
    realised: int  # the winner's gain as settled


@dataclass(frozen=True, slots=True)
class EquityPoint:
    """The wallet's balances and the reference prices at one block without an open intent."""

    at: int  # Unix seconds of the journal's clock, which defines the day
    block: int
    balances: Mapping[Symbol, int]  # base units; includes NATIVE
    prices: Mapping[Symbol, Reference]


def shortfall_bps(simulation: Simulation, settled: Settled) -> float | None:
    """Implementation shortfall of a swap, in bps: positive if it realised less than simulated. None for another action.

    The base is the simulated output. For a closed cycle it is the input, because the net output is a small difference
    of two large numbers.
    """
    action = simulation.candidate.action
    if not isinstance(action, Swap):
        return None
    simulated = simulation.deltas.get(action.token_out, 0)
    base = simulation.gross if action.is_cycle else simulated
    return (simulated - settled.realised.get(action.token_out, 0)) * BPS / abs(base) if base else None
