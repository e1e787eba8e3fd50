"""A reorg reaches the price history of a daemon that takes only the newest head."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from eth_utils.address import to_checksum_address

from sentinel.config.settings import load
from sentinel.config.terms import Terms
from sentinel.core.market_state import Head
from sentinel.daemon.assemble import assembled
from sentinel.daemon.lifecycle import Lifecycle
from sentinel.market import Devnet
from sentinel.market.price_path import MarketBar, PricePath
from sentinel.prices.bars import PriceSource
from tests.orders.taught_sampler import TaughtSampler

PRICES = (2000.0, 2100.0, 2200.0, 2001.0)
WALLET = to_checksum_address("0x" + "c7" * 20)


async def test_no_close_of_a_replaced_block_is_left_in_the_history(tmp_path: Path) -> None:
    """Closes 2000, 2100, 2200; then a branch that parts after the first, of which only its third block is read: the two
    before it count as missed, and carry 2000 forward."""
    path = PricePath(PriceSource("four blocks"), iter(MarketBar(price, 15 * price) for price in PRICES))
    async with Devnet.start(prices=path) as net:
        settings = load(None, rpc={"url": net.rpc_url, "ws_url": net.ws_url}, state_dir=tmp_path, fork={"port": 0})
        terms = Terms.of(settings, net.network)
        async with assembled(Lifecycle(), terms, WALLET, trader_model=TaughtSampler()) as parts:
            heads = aiter(parts.heads)

            async def after(number: int) -> Head:
                async with asyncio.timeout(20):
                    while (head := await anext(heads)).number != number:
                        pass
                return head

            first = await after(parts.latest.value.number)
            await parts.market.read(first)
            snapshot = await net.rpc.call("evm_snapshot")
            for number in (1, 2):
                await net.market.step()
                state = await parts.market.read(await after(first.number + number))
            assert state.history["WETH"][-3:] == pytest.approx(PRICES[:3], rel=1e-3)

            await net.rpc.call("evm_revert", snapshot)
            await net.market.resync()
            for _ in range(3):
                await net.market.step()
            state = await parts.market.read(await after(first.number + 3))
            assert parts.heads.reorgs == 1
            assert state.history["WETH"][-4:] == pytest.approx((2000.0, 2000.0, 2000.0, 2001.0), rel=1e-3)
