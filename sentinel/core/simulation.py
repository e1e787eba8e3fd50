"""A simulation: the transaction of a candidate, its block environment and its effect on the wallet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from sentinel.core.actions import Candidate
from sentinel.core.network import Address, HexHash, Symbol


@dataclass(frozen=True, slots=True)
class TxRequest:
    """A transaction without nonce and fees, which callers may not choose."""

    to: Address
    data: bytes
    value: int  # wei
    gas_limit: int


@dataclass(frozen=True, slots=True)
class SimEnv:
    """The block environment that a simulation ran in."""

    nonce: int
    max_fee: int  # wei per gas
    priority_fee: int  # wei per gas
    parent_hash: HexHash  # hash of the head below the simulated block
    number: int
    timestamp: int
    base_fee: int
    gas_limit: int
    coinbase: Address
    prev_randao: str  # 32 bytes, 0x-hex


@dataclass(frozen=True, slots=True)
class Log:
    address: Address
    topics: tuple[HexHash, ...]
    data: bytes


class Where(StrEnum):
    """Where a simulation ran."""

    FORK = "fork"
    NODE = "node"  # the chain's own node, in place of the fork


@dataclass(frozen=True, slots=True)
class Simulation:
    candidate: Candidate
    tx: TxRequest | None  # None for a hold
    env: SimEnv
    deltas: Mapping[Symbol, int]  # the wallet's net change, base units; NATIVE without the transaction's own gas
    gross: int  # input in base units of token_in; 0 for a hold
    gas_used: int  # net of refunds
    logs: tuple[Log, ...]
    revert: str | None  # a short, printable reason; None if it succeeded
    router_allowance: int = 0  # Permit2's allowance wallet -> router left after the trade (I14), base units of token_in
    where: Where = Where.FORK
    data_fee: int = 0  # upper bound of the data fee for the final bytes, wei; not included in deltas
    held: int | None = None  # the wallet's token_out before the trade, base units; None if unknown, or not a swap
    sold_back: int | None = None  # base units of token_in that a sale of min_out returned; None: it was not simulated


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why policy took a simulation out of the vote."""

    index: int
    rule: str
    detail: str
