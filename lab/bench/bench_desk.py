"""A wallet on a local market with a reader, a fork and a toolkit, like a daemon's."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

from eth_account import Account
from eth_account.signers.local import LocalAccount

from sentinel.chain.heads import latest_head
from sentinel.chain.history import BlockCloses
from sentinel.chain.market_reader import MarketReader
from sentinel.core.market_state import MarketState
from sentinel.dex.simulating.fork import Fork
from sentinel.dex.toolkit import DexToolkit
from sentinel.dex.venues.registry import VENUES
from sentinel.market import Devnet

PURSE = {"ETH": 5 * 10**18, "WETH": 40 * 10**18, "USDC": 80_000 * 10**6, "WBTC": 3 * 10**8}  # base units
_ALLOWED = {"WETH": 10**24, "USDC": 10**15, "WBTC": 10**13}
_KEY = b"\x2a" * 32  # used only on this temporary market


@dataclass(frozen=True, slots=True)
class BenchDesk:
    """The market, the wallet and the parts that read and simulate."""

    net: Devnet
    account: LocalAccount
    reader: MarketReader
    fork: Fork
    kit: DexToolkit

    async def state(self) -> MarketState:
        """The market state at the newest block."""
        return await self.reader.read(await latest_head(self.net.rpc))


@contextlib.asynccontextmanager
async def desk(timeout: float = 30.0) -> AsyncIterator[BenchDesk]:
    """Start a market with a desk on it. `timeout` is the limit for one batch on the fork, in seconds."""
    async with Devnet.start() as net:
        account: LocalAccount = Account.from_key(_KEY)
        await net.fund(account.address, PURSE)
        await net.allow_permit2(account.address, _ALLOWED)
        for _ in range(2):
            await net.market.step()
        reader = MarketReader(net.rpc, net.network, account.address, VENUES, BlockCloses(50), min_priority_fee=10**9)
        async with Fork(net.network, net.rpc_url, timeout=timeout) as fork:
            yield BenchDesk(net, account, reader, fork, DexToolkit(net.network, fork))
