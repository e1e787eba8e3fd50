"""Reading the pools and feeds of a local market straight from the chain, by another way than the market's own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

import pytest
from eth_abi.abi import decode

from sentinel.market import Devnet
from sentinel.market.contracts import ADDRESSES

Prices = Mapping[str, float]
Read = Callable[[Devnet], Awaitable[Prices]]


async def _call(net: Devnet, to: str, selector: str) -> bytes:
    answer: str = await net.rpc.call("eth_call", {"to": to, "data": selector}, "latest")
    return bytes.fromhex(answer[2:])


@pytest.fixture
def pool_prices() -> Read:
    """Price of each pool's first named token in its second one, whole tokens."""

    async def read(net: Devnet) -> Prices:
        found = {}
        for name, pool in net.network.pools.items():
            if pool.venue == "uniswap_v2":
                reserve0, reserve1, _ = decode(
                    ["uint112", "uint112", "uint32"], await _call(net, pool.address, "0x0902f1ac")
                )
                raw = reserve1 / reserve0
            elif pool.venue == "uniswap_v3":
                raw = (int.from_bytes((await _call(net, pool.address, "0x3850c7bd"))[:32]) / 2**96) ** 2
            else:
                slot0 = await _call(net, ADDRESSES["StateView"], f"0xc815641c{(pool.pool_id or '')[2:]}")
                raw = (int.from_bytes(slot0[:32]) / 2**96) ** 2
            tokens = net.network.tokens
            price = raw * 10.0 ** (tokens[pool.token0].decimals - tokens[pool.token1].decimals)
            found[name] = price if name.startswith(f"{pool.token0}/") else 1 / price
        return found

    return read


@pytest.fixture
def feed_prices() -> Read:
    """Answer of each feed in USDC; fails when it is older than the head."""

    async def read(net: Devnet) -> Prices:
        found = {}
        for symbol, feed in net.network.feeds.items():
            data = await _call(net, feed.address, "0xfeaf968c")
            _, answer, _, updated_at, _ = decode(["uint80", "int256", "uint256", "uint256", "uint80"], data)
            assert updated_at == net.market.block.timestamp
            found[symbol] = answer / 10**feed.decimals
        return found

    return read


@pytest.fixture
def pool_digest() -> Callable[[Devnet], Awaitable[tuple[bytes, ...]]]:
    """Everything that a trade could see of the pools, to compare two chains by."""

    async def read(net: Devnet) -> tuple[bytes, ...]:
        state = []
        for pool in net.network.pools.values():
            selectors, place = (
                ["0x0902f1ac"] if pool.venue == "uniswap_v2" else ["0x3850c7bd", "0x1a686502"],
                pool.address,
            )
            if pool.venue == "uniswap_v4":
                place = ADDRESSES["StateView"]  # getSlot0 and getLiquidity of a pool id
                selectors = [name + (pool.pool_id or "")[2:] for name in ("0xc815641c", "0xfa6793d5")]
            state += [(await _call(net, place, selector))[:64] for selector in selectors]
        return tuple(state)

    return read
