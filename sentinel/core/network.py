"""Tokens, pools, feeds and contracts of one network, and the type names that all values share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal, NewType

# These aliases only document signatures. A hash is a distinct type, because other hex text is easily mistaken for it.
Symbol = str  # a token as the network file names it: "WETH"; NATIVE for the coin
PoolName = str  # a pool as the network file names it
Address = str  # 0x-hex; checksummed if it comes from a network file
HexHash = NewType("HexHash", str)  # of a block, a transaction or code: 0x-hex, 32 bytes
NATIVE: Symbol = "ETH"
UNWRAP = "unwrap"  # pool and venue of a route's last leg that turns the wrapped token into the native coin, 1 to 1
WRAP = "wrap"  # pool and venue of a route's first leg that turns the native coin into the wrapped token, 1 to 1
COIN_LEGS = frozenset((WRAP, UNWRAP))  # these legs use no pool
MAX_CHAIN_ID = 2**63 - 37  # EIP-2294: v of a signature must fit 64 bits
DEVELOPMENT_CHAIN = 31337  # Anvil's chain id; every fresh chain has its own genesis, so no block can be pinned


class FeeMarket(StrEnum):
    EIP1559 = "eip1559"
    LEGACY = "legacy"  # transactions of type 0 with one gas price, even if blocks have a base fee


@dataclass(frozen=True, slots=True)
class Token:
    symbol: Symbol
    address: Address
    decimals: int
    code_hash: HexHash | None = None  # keccak of the runtime code, checked by doctor and at start
    trusted: bool = False  # bought without a simulated sale, unless the operator's list says otherwise


@dataclass(frozen=True, slots=True)
class Pool:
    name: PoolName  # e.g. "WETH/USDC-v3-500"; unique in a network
    venue: str  # "uniswap_v2" | "uniswap_v3" | "uniswap_v4"
    address: Address  # V4: the PoolManager, which holds many pools
    token0: Symbol
    token1: Symbol
    fee_pips: int  # 1/1,000,000 of the amount in: 3000 is 0.30 %
    tick_spacing: int = 0  # V3 and V4
    pool_id: HexHash | None = None  # V4 only: its id in the PoolManager, the keccak of the pool key


@dataclass(frozen=True, slots=True)
class Feed:
    """A Chainlink-style aggregator (latestRoundData) that prices `token` in the quote token."""

    token: Symbol
    address: Address
    decimals: int
    max_age: int  # seconds after which the answer is stale


@dataclass(frozen=True, slots=True)
class Network:
    """One network file. Equity is measured in the token `quote`; `wrapped` wraps the native coin."""

    name: str
    chain_id: int
    pinned_block: int | None
    pinned_hash: HexHash | None  # None only on 31337
    quote: Symbol
    wrapped: Symbol
    tokens: Mapping[Symbol, Token]
    pools: Mapping[PoolName, Pool]
    feeds: Mapping[Symbol, Feed]
    universal_router: Address
    permit2: Address
    multicall3: Address
    v3_quoter: Address | None
    hardfork: str  # Anvil's --hardfork
    block_time: float  # seconds, typical
    code_hashes: Mapping[Address, HexHash] = field(default_factory=dict)  # for routers, Permit2, Multicall3, pools
    quote_feed: Feed | None = None  # price of the quote token in the feeds' unit (USD); exactly 1 if None
    fees: FeeMarket = FeeMarket.EIP1559
    data_fee: Literal["op-stack"] | None = None  # how a rollup charges for bytes; None if the chain has no data fee
