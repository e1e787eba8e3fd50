"""Swap logs of Uniswap V3 and V4 pools: the filters that ask for them, and the price and volume of each. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from eth_utils.crypto import keccak

from sentinel.core.errors import OperatorError, RpcError
from sentinel.core.network import Network, Pool, PoolName, Symbol
from sentinel.core.units import Q96

V3, V4 = "uniswap_v3", "uniswap_v4"
V3_SWAP = "0x" + keccak(b"Swap(address,address,int256,int256,uint160,uint128,int24)").hex()
V4_SWAP = "0x" + keccak(b"Swap(bytes32,address,int128,int128,uint160,uint128,int24,uint24)").hex()
WORDS = {V3_SWAP: 5, V4_SWAP: 6}  # of a log's data


@dataclass(frozen=True, slots=True)
class SwapLog:
    """One swap in a pool of the pair."""

    pool: PoolName
    block: int
    index: int  # of the log in its block
    time: int | None  # unix seconds of the block; None if the node does not say it in logs
    price: float  # after the swap, quote tokens per coin
    volume: int  # base units of the quote token that the pool took or gave
    liquidity: int  # L after the swap


@dataclass(frozen=True, slots=True)
class Pair:
    """A coin, priced in the network's quote token by some of its pools."""

    network: Network
    coin: Symbol
    pools: tuple[Pool, ...]

    @classmethod
    def of(cls, network: Network, coin: Symbol, names: Sequence[PoolName] = ()) -> Pair:
        """Every V3 and V4 pool of the coin and the quote token in the network file, or those named.

        Raises OperatorError if there is none, or if a named one is no such pool.
        """
        if coin not in network.tokens or coin == network.quote:
            raise OperatorError(f"network {network.name} has no coin {coin!r} to price in {network.quote}")
        pair = {coin, network.quote}
        fit = {n: p for n, p in network.pools.items() if {p.token0, p.token1} == pair and p.venue in (V3, V4)}
        wrong = [name for name in names if name not in fit]
        if wrong or not fit:
            known = ", ".join(fit) or "none"
            what = f"{', '.join(wrong)} is no V3 or V4 pool" if wrong else "there is no V3 or V4 pool"
            raise OperatorError(f"{what} of {coin}/{network.quote} in network {network.name}: it has {known}")
        return cls(network, coin, tuple(pool for name, pool in fit.items() if not names or name in names))

    def filters(self) -> list[dict[str, Any]]:
        """The filters that match the swaps of the pools and no others, without their blocks."""
        v3 = [pool.address for pool in self.pools if pool.venue == V3]
        managers = {pool.address for pool in self.pools if pool.venue == V4}
        filters: list[dict[str, Any]] = [{"address": v3, "topics": [V3_SWAP]}] if v3 else []
        for manager in sorted(managers):
            ids = [pool.pool_id for pool in self.pools if pool.venue == V4 and pool.address == manager]
            filters.append({"address": manager, "topics": [V4_SWAP, ids]})
        return filters

    def swap(self, log: Mapping[str, Any]) -> SwapLog:
        """What a log of `filters` says. Raises RpcError if it is none, or was taken back by a reorg."""
        try:
            topics, data = log["topics"], bytes.fromhex(log["data"][2:])
            pool = self._pool(str(log["address"]), topics)
            block, index = int(log["blockNumber"], 16), int(log["logIndex"], 16)
            time = None if log.get("blockTimestamp") is None else int(log["blockTimestamp"], 16)
            if pool is None or len(data) != 32 * WORDS[topics[0]] or log.get("removed"):
                raise ValueError("no swap of these pools")
        except (KeyError, TypeError, ValueError, IndexError, AttributeError) as error:
            raise RpcError(f"the node answered with a log that was not asked for: {str(error)[:80]}") from error
        words = [data[at : at + 32] for at in range(0, len(data), 32)]
        amounts = [int.from_bytes(word, signed=True) for word in words[:2]]
        sqrt_price, liquidity = (int.from_bytes(word) for word in words[2:4])
        if not 0 < sqrt_price < 1 << 160 or liquidity >= 1 << 128:
            raise RpcError(f"the node answered with a swap of {pool.name} that has no price")
        spent = abs(amounts[0] if pool.token0 == self.network.quote else amounts[1])
        return SwapLog(pool.name, block, index, time, self.price(pool, sqrt_price), spent, liquidity)

    def price(self, pool: Pool, sqrt_price_x96: int) -> float:
        """Quote tokens per coin at a price of the pool."""
        tokens = self.network.tokens
        raw = (sqrt_price_x96 / Q96) ** 2 * 10.0 ** (tokens[pool.token0].decimals - tokens[pool.token1].decimals)
        return 1 / raw if pool.token0 == self.network.quote else raw

    def _pool(self, address: str, topics: Sequence[str]) -> Pool | None:
        for pool in self.pools:
            same = pool.address.lower() == address.lower()
            if same and pool.venue == V3 and topics[0] == V3_SWAP:
                return pool
            if same and pool.venue == V4 and topics[0] == V4_SWAP and topics[1].lower() == (pool.pool_id or "").lower():
                return pool
        return None
