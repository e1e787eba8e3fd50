"""The market state at one block: head, pools, prices, and the wallet's balances and allowances."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from sentinel.core.closes import CloseSeries
from sentinel.core.network import Address, HexHash, PoolName, Symbol


@dataclass(frozen=True, slots=True)
class Head:
    number: int
    hash: HexHash
    parent_hash: HexHash
    timestamp: int  # seconds
    base_fee: int  # wei per gas; 0 if the chain has no base fee
    gas_limit: int
    coinbase: Address
    prev_randao: str  # 32 bytes, 0x-hex


@dataclass(frozen=True, slots=True)
class V2State:
    reserve0: int
    reserve1: int


@dataclass(frozen=True, slots=True)
class V3State:
    sqrt_price_x96: int
    tick: int
    liquidity: int
    ticks: tuple[tuple[int, int], ...]  # (tick, liquidity_net) of every initialised tick in [low, high], ascending
    tick_low: int  # the range that was read; a quote that would leave it raises QuoteError
    tick_high: int


@dataclass(frozen=True, slots=True)
class V4State(V3State):
    """As a V3 pool, but the fee is part of the state: pips of the input, the protocol's share included."""

    fee_up: int  # token1 goes in, the price rises
    fee_down: int  # token0 goes in, the price falls


PoolState = V2State | V3State | V4State


@dataclass(frozen=True, slots=True)
class Reference:
    """A price independent of the pools: quote tokens per whole token = answer / 10**decimals."""

    answer: int
    decimals: int
    updated_at: int  # seconds


@dataclass(frozen=True, slots=True)
class DataFee:
    """Upper bounds of a rollup's data fee at one block, which grow with bytes and gas; wei.

    `sentinel.core.gas.data_fee` computes the fee from them.
    """

    least: int  # for a transaction of at most `gas.SMALL` bytes
    more: int  # for `gas.LARGE` bytes more
    fixed: int = 0  # the rollup operator's charge per transaction
    per_gas: int = 0  # the rollup operator's charge per `gas.MUCH` gas units


@dataclass(frozen=True, slots=True)
class MarketState:
    """Everything that the agent may see and the simulation needs, read at one block hash."""

    head: Head
    wallet: Address
    balances: Mapping[Symbol, int]  # base units; includes NATIVE
    pools: Mapping[PoolName, PoolState]
    prices: Mapping[Symbol, float]  # quote tokens per whole token, mid price of the deepest pool; 1.0 for the quote
    reference: Mapping[Symbol, Reference]
    history: Mapping[Symbol, tuple[float, ...]]  # closes, one per block, oldest first; the last equals `prices`
    nonce: int  # the wallet's nonce, mined transactions only
    permit_nonces: Mapping[Symbol, int]  # Permit2's nonce of (wallet, token, router)
    allowances: Mapping[Symbol, int]  # ERC-20 allowance wallet -> Permit2, base units
    priority_fee: int  # wei per gas that inclusion costs now; the whole gas price on a legacy network
    data_fee: DataFee | None = None  # None if the chain has no data fee
    # closes by time up to this block, at most a week, without the quote token; not journaled (docs/order-state.md)
    closes: Mapping[Symbol, CloseSeries] = field(default_factory=dict, compare=False, metadata={"journaled": False})


class Regime(StrEnum):
    """How a view classifies the market. Journals contain these names; only older records say more than "unknown"."""

    UP = "up"
    RANGE = "range"
    DOWN = "down"
    STRESS = "stress"
    THIN = "thin"
    UNKNOWN = "unknown"  # the view follows the settings
    NONE = ""  # no view is needed


@dataclass(frozen=True, slots=True)
class MarketView:
    """The target portfolio. An older record may hold that of a model, which was removed."""

    target_weights: Mapping[Symbol, int]  # bps of equity; sums to 10,000 over the traded tokens and the quote
    regime: Regime
    confidence: float  # 0..1
    valid_until: int  # block number
    source: str  # "settings" or "flatten"; in an older record also a model's name
