"""What may be touched at all: tokens, pools, feeds and contracts of one chain, and the names that all values share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal, NewType

# Text, named for whoever reads a signature; a hash alone is a type of its own, since others are easily mistaken for it.
Symbol = str  # a token as the network file names it: "WETH"; NATIVE for the coin
PoolName = str  # a pool as the network file names it
Address = str  # 0x-hex, checksummed where it comes from a network file
HexHash = NewType("HexHash", str)  # of a block, a transaction or code: 0x-hex, 32 bytes
NATIVE: Symbol = "ETH"
UNWRAP = "unwrap"  # pool and venue of a route's last leg that turns the wrapped token into the native coin, 1 to 1
WRAP = "wrap"  # of a first leg that turns the native coin into the wrapped token, 1 to 1; such coin is sent as value
COIN_LEGS = frozenset((WRAP, UNWRAP))  # they cross no pool
DEVELOPMENT_CHAIN = 31337  # Anvil's; every fresh chain has its own genesis, so no block can be pinned


class FeeMarket(StrEnum):
    EIP1559 = "eip1559"
    LEGACY = "legacy"  # transactions of type 0 with one gas price, whatever blocks show


@dataclass(frozen=True, slots=True)
class Token:
    symbol: Symbol
    address: Address
    decimals: int
    code_hash: HexHash | None = None  # keccak of the runtime code, checked by doctor and at start


@dataclass(frozen=True, slots=True)
class Pool:
    name: PoolName  # e.g. "WETH/USDC-v3-500"; unique in a network
    venue: str  # "uniswap_v2" | "uniswap_v3" | "uniswap_v4"
    address: Address  # V4: the PoolManager, which holds many pools
    token0: Symbol
    token1: Symbol
    fee_pips: int  # 1/1,000,000 of the amount in: 3000 is 0.30 %
    tick_spacing: int = 0  # V3 and V4
    pool_id: HexHash | None = None  # V4 only: what the PoolManager calls it, keccak of the pool's key


@dataclass(frozen=True, slots=True)
class Feed:
    """A Chainlink-style aggregator (latestRoundData) that prices `token` in the quote token."""

    token: Symbol
    address: Address
    decimals: int
    max_age: int  # seconds after which the answer is stale


@dataclass(frozen=True, slots=True)
class Network:
    """One network file. `quote` is the token that equity is counted in; `wrapped` wraps the native coin."""

    name: str
    chain_id: int
    pinned_block: int | None
    pinned_hash: HexHash | None  # None only on 31337, where every fresh chain has its own genesis
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
    code_hashes: Mapping[Address, HexHash] = field(default_factory=dict)  # of routers, Permit2, Multicall3, pools
    quote_feed: Feed | None = None  # what the quote token costs in the feeds' unit (USD); None: exactly 1
    fees: FeeMarket = FeeMarket.EIP1559
    data_fee: Literal["op-stack"] | None = None  # a rollup that charges for a transaction's bytes too, and how
