"""The chain at one block: its head, the pools, the prices, and what the wallet holds there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from sentinel.core.network import Address, HexHash, PoolName, Symbol


@dataclass(frozen=True, slots=True)
class Head:
    number: int
    hash: HexHash
    parent_hash: HexHash
    timestamp: int  # seconds
    base_fee: int  # wei per gas; 0 where blocks have none
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
    tick_low: int  # the window that was read; a swap that would leave it raises QuoteError
    tick_high: int


@dataclass(frozen=True, slots=True)
class V4State(V3State):
    """As a V3 pool, but the fee is the state's: 1/1,000,000 of the amount in, what the protocol takes included."""

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
    """What a rollup takes beside gas at one block, as bounds from above that grow with bytes and gas; wei.

    `sentinel.core.gas.data_fee` reckons with it.
    """

    least: int  # for the bytes of a transaction of at most `gas.SMALL`
    more: int  # for `gas.LARGE` bytes above that
    fixed: int = 0  # the operator's, a transaction
    per_gas: int = 0  # the operator's, for `gas.MUCH` gas


@dataclass(frozen=True, slots=True)
class MarketState:
    """All that the agent may see and the simulation needs, read at ONE block hash."""

    head: Head
    wallet: Address
    balances: Mapping[Symbol, int]  # base units; includes NATIVE
    pools: Mapping[PoolName, PoolState]
    prices: Mapping[Symbol, float]  # quote tokens per whole token, mid price of the deepest pool; 1.0 for the quote
    reference: Mapping[Symbol, Reference]
    history: Mapping[Symbol, tuple[float, ...]]  # closes, one a block, oldest first, the last is `prices`
    nonce: int  # of the wallet, mined transactions only
    permit_nonces: Mapping[Symbol, int]  # Permit2's nonce of (wallet, token, router)
    allowances: Mapping[Symbol, int]  # ERC-20 allowance wallet -> Permit2, base units
    priority_fee: int  # wei per gas, what inclusion costs now: the tip, or all of the price on a legacy network
    data_fee: DataFee | None = None  # None where the chain takes none


class Regime(StrEnum):
    """What the analyst takes the market for."""

    UP = "up"
    RANGE = "range"
    DOWN = "down"
    STRESS = "stress"
    THIN = "thin"
    UNKNOWN = "unknown"  # the settings' standing view: nobody looked
    NONE = ""  # nobody asks


@dataclass(frozen=True, slots=True)
class MarketView:
    """What the analyst wants the portfolio to be."""

    target_weights: Mapping[Symbol, int]  # bps of equity; sums to 10,000 over the traded tokens and the quote
    regime: Regime
    confidence: float  # 0..1
    valid_until: int  # block number
    source: str  # "settings", or the analyst's name
