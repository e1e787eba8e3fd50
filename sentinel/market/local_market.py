"""The local market: opens the pools at the first price, then moves one bar per block with real swaps of the crowd."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from eth_abi.grammar import parse
from eth_utils.crypto import keccak

from sentinel.chain.heads import parse_head
from sentinel.chain.rpc import Call, Rpc
from sentinel.core.abi import encode
from sentinel.core.errors import RpcError, Unavailable
from sentinel.core.market_state import Head
from sentinel.core.network import Address, Network
from sentinel.core.units import GWEI, Q96
from sentinel.market.contracts import ADDRESSES, DEPLOYER, FEED_DECIMALS, POOLS, PoolPlan, members
from sentinel.market.crowd import BarTarget, Crowd, CrowdBehaviour, Opening
from sentinel.market.price_path import MarketBar, PricePath
from sentinel.prices.bars import PriceSource

Clock = Callable[[], float]

# Virtual depth of each side at the opening price, in USDC. A trade of 3,000 USDC moves a pool by 3 to 8 bps.
DEPTH = {
    "WETH/USDC-v2": 8_000_000,
    "WETH/USDC-v3-500": 20_000_000,
    "WETH/USDC-v3-3000": 12_000_000,
    "WBTC/USDC-v3-3000": 10_000_000,
    "WBTC/WETH-v3-3000": 8_000_000,
    "WETH/USDC-v4-500": 10_000_000,
}
# V3 and V4 positions: (distance of each end from the price, share of the liquidity). None is the full range, so
# that the pool never runs out of liquidity.
BANDS = ((0.05, 0.35), (0.25, 0.45), (None, 0.20))
_MAX_TICK = 887_272
_FIRST = 100_000 * GWEI  # wei per gas; a fee cap higher than anybody else's
_KEY = "(address,address,uint24,int24,address)"  # of a V4 pool
_GAS = 1_500_000  # gas limit of a transaction of the crowd; opening a pool uses the most


class MarketError(Unavailable):
    """The local market could not make its block. The message names the failed transaction of the crowd."""


@dataclass(frozen=True, slots=True)
class MarketBlock:
    """The last block and the bar that it represents."""

    head: Head
    bar: MarketBar
    base_fee: int  # wei per gas
    opening: Opening | None

    @property
    def number(self) -> int:
        return self.head.number

    @property
    def timestamp(self) -> int:
        """Seconds."""
        return self.head.timestamp


class LocalMarket:
    """Makes the blocks of the market's chain. `open` comes first, then `step` or `run`."""

    def __init__(
        self,
        rpc: Rpc,
        network: Network,
        prices: PricePath,
        *,
        seed: int = 7,
        behaviour: CrowdBehaviour | None = None,
        clock: Clock = time.time,
    ) -> None:
        """`clock` returns seconds and is read once per block. Block times follow it and rise by at least one second."""
        self._rpc = rpc
        self._network = network
        self._prices = prices
        self._behaviour = behaviour or CrowdBehaviour()
        self._crowd = Crowd(seed, self._behaviour)
        self._clock = clock
        self._nonces: dict[Address, int] = {}
        self._timestamp = 0
        self._lock = asyncio.Lock()
        self._block: MarketBlock | None = None

    @property
    def source(self) -> str:
        """Which prices drive the market, as text."""
        return self._prices.text

    @property
    def price_source(self) -> PriceSource:
        """Which prices drive the market: name, and hash or seed."""
        return self._prices.source

    @property
    def before(self) -> tuple[MarketBar, ...]:
        """The bars that led up to the first one, oldest first."""
        return self._prices.before

    @property
    def exhausted(self) -> bool:
        """Whether the price path has ended. Further blocks repeat its last price."""
        return self._prices.exhausted

    @property
    def block(self) -> MarketBlock:
        """The last block. Raises MarketError before `open`."""
        if self._block is None:
            raise MarketError("the market was not opened")
        return self._block

    async def open(self) -> MarketBlock:
        """Unlock the crowd's accounts, open every pool at the first bar's price and set the feeds, all in one block."""
        latest = await self._rpc.call("eth_getBlockByNumber", "latest", False)
        self._timestamp = int(latest["timestamp"], 16)
        accounts = (DEPLOYER, *members())
        await self._all([("anvil_impersonateAccount", (account,)) for account in accounts])
        await self.resync()
        target = self._crowd.next(self._prices.next())
        return await self._mine(target, [self._opening_tx(pool, target) for pool in POOLS])

    async def resync(self) -> None:
        """Read the crowd's nonces again. Call this after a rollback of the chain."""
        accounts = (DEPLOYER, *members())
        counts = await self._all([("eth_getTransactionCount", (account, "latest")) for account in accounts])
        self._nonces = {account: int(count, 16) for account, count in zip(accounts, counts, strict=True)}

    async def step(self) -> MarketBlock:
        """Advance by one bar: one block with the crowd's swaps, the feeds, and all other transactions in the pool.

        Raises MarketError if a transaction of the crowd fails, RpcError if the chain does not answer.
        """
        async with self._lock:
            target = self._crowd.next(self._prices.next())
            by_name = {pool.name: pool for pool in POOLS}
            return await self._mine(
                target, [self._move_tx(by_name[name], price) for name, price in target.pools.items()]
            )

    async def run(self, block_time: float) -> None:
        """Step every `block_time` seconds until cancelled. A late block delays all later ones."""
        while True:
            started = time.monotonic()
            await self.step()
            await asyncio.sleep(max(0.0, block_time - (time.monotonic() - started)))

    async def _mine(self, target: BarTarget, txs: list[dict[str, Any]]) -> MarketBlock:
        self._timestamp = max(self._timestamp + 1, int(self._clock()))
        txs = [*self._feed_txs(target.bar), *txs]
        # Anvil orders a block by fee cap, not by tip. The crowd's cap is the lowest that is mined, or the highest of
        # all. Distinct caps fix the order of its transactions, whatever order they arrive in.
        tip = self._behaviour.tip
        cap = _FIRST if target.ahead else target.base_fee + tip
        for index, tx in enumerate(txs):
            tx |= {"gas": hex(_GAS), "maxFeePerGas": hex(cap - index), "maxPriorityFeePerGas": hex(tip - index)}
            tx["nonce"] = hex(self._nonces[tx["from"]])
            self._nonces[tx["from"]] += 1
        setting: list[Call] = [
            ("anvil_setNextBlockBaseFeePerGas", (hex(target.base_fee),)),
            ("evm_setNextBlockTimestamp", (hex(self._timestamp),)),
        ]
        # Anvil runs the calls of a batch concurrently, so mining is a separate request.
        answers = await self._all([*setting, *(("eth_sendTransaction", (tx,)) for tx in txs)])
        await self._rpc.call("evm_mine")
        mined, block = await self._all(
            [("eth_getBlockReceipts", ("latest",)), ("eth_getBlockByNumber", ("latest", False))]
        )
        receipts = {receipt["transactionHash"]: receipt for receipt in mined}
        for tx, tx_hash in zip(txs, answers[len(setting) :], strict=True):
            if receipts.get(tx_hash, {}).get("status") != "0x1":
                raise MarketError(f"the crowd's call to {tx['to']} failed: {receipts.get(tx_hash, 'not mined')}")
        self._block = MarketBlock(parse_head(block), target.bar, target.base_fee, target.opening)
        return self._block

    async def _all(self, calls: list[Call]) -> list[Any]:
        answers = await self._rpc.batch(calls)
        for (method, _), answer in zip(calls, answers, strict=True):
            if isinstance(answer, RpcError):
                raise MarketError(f"the local market's {method} failed: {answer}") from answer
        return answers

    def _feed_txs(self, bar: MarketBar) -> list[dict[str, Any]]:
        prices = {"FeedWETH": bar.weth, "FeedWBTC": bar.wbtc}
        return [
            _tx(DEPLOYER, ADDRESSES[feed], calldata("set(int256)", round(price * 10**FEED_DECIMALS)))
            for feed, price in prices.items()
        ]

    def _move_tx(self, pool: PoolPlan, price: float) -> dict[str, Any]:
        wanted = self.sqrt_price(pool, price)
        if pool.venue == "uniswap_v4":
            return _tx(_member(pool), ADDRESSES["CrowdV4"], calldata(f"moveV4({_KEY},uint160)", _key(pool), wanted))
        signature = "moveV2(address,uint160)" if pool.venue == "uniswap_v2" else "moveV3(address,uint160)"
        address = self._network.pools[pool.name].address
        return _tx(_member(pool), ADDRESSES["Crowd"], calldata(signature, address, wanted))

    def _opening_tx(self, pool: PoolPlan, target: BarTarget) -> dict[str, Any]:
        """The transaction that adds DEPTH at the target price: reserves to a V2 pair, BANDS to a V3 or V4 pool."""
        entry = self._network.pools[pool.name]
        sqrt_price = self.sqrt_price(pool, target.pools[pool.name])
        decimals = {symbol: self._network.tokens[symbol].decimals for symbol in pool.tokens}
        usd = {"USDC": 1.0, "WETH": target.bar.weth, "WBTC": target.bar.wbtc}
        amount0 = round(DEPTH[pool.name] / usd[entry.token0] * 10 ** decimals[entry.token0])
        amount1 = amount0 * sqrt_price**2 >> 192
        crowd = ADDRESSES["Crowd"]
        if pool.venue == "uniswap_v2":
            data = calldata("openV2(address,uint256,uint256)", entry.address, amount0, amount1)
            return _tx(_member(pool), crowd, data)
        low, high, liquidity = [], [], []
        tick, spacing = tick_at(sqrt_price), pool.tick_spacing
        for width, share in BANDS:
            reach = _MAX_TICK if width is None else round(math.log1p(width) / math.log(1.0001))
            low.append(max(tick - reach, -_MAX_TICK + spacing) // spacing * spacing)
            high.append(min(tick + reach, _MAX_TICK - spacing) // spacing * spacing)
            liquidity.append(round(math.isqrt(amount0 * amount1) * share))
        position = (sqrt_price, low, high, liquidity)
        if pool.venue == "uniswap_v4":
            data = calldata(f"openV4({_KEY},uint160,int24[],int24[],uint128[])", _key(pool), *position)
            return _tx(_member(pool), ADDRESSES["CrowdV4"], data)
        data = calldata("openV3(address,uint160,int24[],int24[],uint128[])", entry.address, *position)
        return _tx(_member(pool), crowd, data)

    def sqrt_price(self, pool: PoolPlan, price: float) -> int:
        """Uniswap's sqrtPriceX96 (raw token1 per token0) for a price of the pool's first named token in its second."""
        first, second = (self._network.tokens[symbol] for symbol in pool.tokens)
        raw = price * 10.0 ** (second.decimals - first.decimals)
        if self._network.pools[pool.name].token0 != first.symbol:
            raw = 1 / raw
        return int(math.sqrt(raw) * Q96)


def tick_at(sqrt_price_x96: int) -> int:
    """The approximate tick of a price, exact enough to place a band."""
    return math.floor(2 * math.log(sqrt_price_x96 / Q96) / math.log(1.0001))


def _tx(sender: Address, to: Address, data: bytes) -> dict[str, Any]:
    return {"from": sender, "to": to, "data": "0x" + data.hex(), "value": "0x0"}


def calldata(signature: str, *values: Any) -> bytes:
    """Selector and encoded arguments of a call such as `mint(address,uint256)`."""
    selector, types = _function(signature)
    return selector + encode(types, values)


@cache
def _function(signature: str) -> tuple[bytes, tuple[str, ...]]:
    """The selector, and the types of the arguments."""
    _, _, arguments = signature.partition("(")
    kinds = parse(f"({arguments}").components if arguments != ")" else ()
    return keccak(text=signature)[:4], tuple(kind.to_type_str() for kind in kinds)


@cache
def _member(pool: PoolPlan) -> Address:
    """The account of the crowd that trades this pool. It costs two hashes, so each is computed once."""
    return pool.member


@cache
def _key(pool: PoolPlan) -> tuple[Address, Address, int, int, Address]:
    return pool.key
