"""The local market: opens the pools at the first price, then moves one bar a block with real swaps of the crowd's."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from eth_abi.abi import encode
from eth_abi.grammar import parse
from eth_utils.crypto import keccak

from sentinel.chain.rpc import Call, Rpc
from sentinel.core.errors import RpcError, Unavailable
from sentinel.core.network import Address, Network
from sentinel.core.units import GWEI, Q96
from sentinel.market.contracts import ADDRESSES, DEPLOYER, FEED_DECIMALS, POOLS, PoolPlan, members
from sentinel.market.crowd import BarTarget, Crowd, CrowdBehaviour, Opening
from sentinel.market.price_path import Bar, PricePath

Clock = Callable[[], float]

# virtual depth of each side at the opening price, in USDC: 3,000 USDC move a pool by 3 to 8 bps
DEPTH = {
    "WETH/USDC-v2": 8_000_000,
    "WETH/USDC-v3-500": 20_000_000,
    "WETH/USDC-v3-3000": 12_000_000,
    "WBTC/USDC-v3-3000": 10_000_000,
    "WBTC/WETH-v3-3000": 8_000_000,
    "WETH/USDC-v4-500": 10_000_000,
}
# V3 and V4 positions: (distance of either end from the price, share of the liquidity); the full range never runs dry
BANDS = ((0.05, 0.35), (0.25, 0.45), (None, 0.20))
_MAX_TICK = 887_272
_FIRST = 100_000 * GWEI  # wei per gas, a fee cap that nobody else offers
_KEY = "(address,address,uint24,int24,address)"  # of a V4 pool
_GAS = 1_500_000  # limit of one of the crowd's transactions; opening a pool takes the most


class MarketError(Unavailable):
    """The local market could not make its block; says which of the crowd's transactions failed."""


@dataclass(frozen=True, slots=True)
class MarketBlock:
    """What the last block stands for."""

    number: int
    timestamp: int  # seconds
    bar: Bar
    base_fee: int  # wei per gas
    opening: Opening | None


class LocalMarket:
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
        """`clock` is asked once a block, in seconds; block times follow it but always rise by at least one."""
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
        """Which prices drive the market, for a person to read."""
        return self._prices.source

    @property
    def before(self) -> tuple[Bar, ...]:
        """The bars that led up to the first one, oldest first."""
        return self._prices.before

    @property
    def exhausted(self) -> bool:
        """The path has ended; blocks go on at its last price."""
        return self._prices.exhausted

    @property
    def block(self) -> MarketBlock:
        if self._block is None:
            raise MarketError("the market was not opened")
        return self._block

    async def open(self) -> MarketBlock:
        """Unlock the crowd, open every pool at the first bar's price, set the feeds; one block."""
        latest = await self._rpc.call("eth_getBlockByNumber", "latest", False)
        self._timestamp = int(latest["timestamp"], 16)
        accounts = (DEPLOYER, *members())
        await self._all([("anvil_impersonateAccount", (account,)) for account in accounts])
        await self.resync()
        wish = self._crowd.next(self._prices.next())
        return await self._mine(wish, [self._opening_tx(pool, wish) for pool in POOLS])

    async def resync(self) -> None:
        """Read the crowd's nonces again: needed after somebody rolled the chain back."""
        accounts = (DEPLOYER, *members())
        counts = await self._all([("eth_getTransactionCount", (account, "latest")) for account in accounts])
        self._nonces = {account: int(count, 16) for account, count in zip(accounts, counts, strict=True)}

    async def step(self) -> MarketBlock:
        """Advance by one bar: one block with the crowd's swaps, the feeds, and whatever else waits in the pool.

        Raises MarketError when one of the crowd's transactions fails, RpcError when the chain does not answer.
        """
        async with self._lock:
            wish = self._crowd.next(self._prices.next())
            by_name = {pool.name: pool for pool in POOLS}
            return await self._mine(wish, [self._move_tx(by_name[name], price) for name, price in wish.pools.items()])

    async def run(self, block_time: float) -> None:
        """Step every `block_time` seconds until cancelled; a late block delays the next, none is made up for."""
        while True:
            started = time.monotonic()
            await self.step()
            await asyncio.sleep(max(0.0, block_time - (time.monotonic() - started)))

    async def _mine(self, wish: BarTarget, txs: list[dict[str, Any]]) -> MarketBlock:
        self._timestamp = max(self._timestamp + 1, int(self._clock()))
        txs = [*self._feed_txs(wish.bar), *txs]
        # Anvil orders a block by fee cap, not by tip: ours is the least that is mined, or more than anybody's. Unlike
        # caps give one order, whatever order the transactions arrive in.
        tip = self._behaviour.tip
        cap = _FIRST if wish.ahead else wish.base_fee + tip
        for place, tx in enumerate(txs):
            tx |= {"gas": hex(_GAS), "maxFeePerGas": hex(cap - place), "maxPriorityFeePerGas": hex(tip - place)}
            tx["nonce"] = hex(self._nonces[tx["from"]])
            self._nonces[tx["from"]] += 1
        setting: list[Call] = [
            ("anvil_setNextBlockBaseFeePerGas", (hex(wish.base_fee),)),
            ("evm_setNextBlockTimestamp", (hex(self._timestamp),)),
        ]
        # Anvil runs the calls of one batch side by side, so mining comes in a request of its own.
        answers = await self._all([*setting, *(("eth_sendTransaction", (tx,)) for tx in txs)])
        await self._rpc.call("evm_mine")
        receipts = {r["transactionHash"]: r for r in await self._rpc.call("eth_getBlockReceipts", "latest")}
        for tx, tx_hash in zip(txs, answers[len(setting) :], strict=True):
            if receipts.get(tx_hash, {}).get("status") != "0x1":
                raise MarketError(f"the crowd's call to {tx['to']} failed: {receipts.get(tx_hash, 'not mined')}")
        number = int(next(iter(receipts.values()))["blockNumber"], 16)
        self._block = MarketBlock(number, self._timestamp, wish.bar, wish.base_fee, wish.opening)
        return self._block

    async def _all(self, calls: list[Call]) -> list[Any]:
        answers = await self._rpc.batch(calls)
        for (method, _), answer in zip(calls, answers, strict=True):
            if isinstance(answer, RpcError):
                raise MarketError(f"the local market's {method} failed: {answer}") from answer
        return answers

    def _feed_txs(self, bar: Bar) -> list[dict[str, Any]]:
        prices = {"FeedWETH": bar.weth, "FeedWBTC": bar.wbtc}
        return [
            _tx(DEPLOYER, ADDRESSES[feed], calldata("set(int256)", round(price * 10**FEED_DECIMALS)))
            for feed, price in prices.items()
        ]

    def _move_tx(self, pool: PoolPlan, price: float) -> dict[str, Any]:
        wanted = self.sqrt_price(pool, price)
        if pool.venue == "uniswap_v4":
            return _tx(pool.member, ADDRESSES["CrowdV4"], calldata(f"moveV4({_KEY},uint160)", pool.key, wanted))
        signature = "moveV2(address,uint160)" if pool.venue == "uniswap_v2" else "moveV3(address,uint160)"
        address = self._network.pools[pool.name].address
        return _tx(pool.member, ADDRESSES["Crowd"], calldata(signature, address, wanted))

    def _opening_tx(self, pool: PoolPlan, wish: BarTarget) -> dict[str, Any]:
        """Liquidity of DEPTH at the wished price: reserves of a V2 pair, BANDS of a V3 or V4 pool."""
        place = self._network.pools[pool.name]
        sqrt_price = self.sqrt_price(pool, wish.pools[pool.name])
        decimals = {symbol: self._network.tokens[symbol].decimals for symbol in pool.tokens}
        usd = {"USDC": 1.0, "WETH": wish.bar.weth, "WBTC": wish.bar.wbtc}
        amount0 = round(DEPTH[pool.name] / usd[place.token0] * 10 ** decimals[place.token0])
        amount1 = amount0 * sqrt_price**2 >> 192
        crowd = ADDRESSES["Crowd"]
        if pool.venue == "uniswap_v2":
            data = calldata("openV2(address,uint256,uint256)", place.address, amount0, amount1)
            return _tx(pool.member, crowd, data)
        low, high, liquidity = [], [], []
        tick, spacing = tick_at(sqrt_price), pool.tick_spacing
        for width, share in BANDS:
            reach = _MAX_TICK if width is None else round(math.log1p(width) / math.log(1.0001))
            low.append(max(tick - reach, -_MAX_TICK + spacing) // spacing * spacing)
            high.append(min(tick + reach, _MAX_TICK - spacing) // spacing * spacing)
            liquidity.append(round(math.isqrt(amount0 * amount1) * share))
        what = (sqrt_price, low, high, liquidity)
        if pool.venue == "uniswap_v4":
            data = calldata(f"openV4({_KEY},uint160,int24[],int24[],uint128[])", pool.key, *what)
            return _tx(pool.member, ADDRESSES["CrowdV4"], data)
        data = calldata("openV3(address,uint160,int24[],int24[],uint128[])", place.address, *what)
        return _tx(pool.member, crowd, data)

    def sqrt_price(self, pool: PoolPlan, price: float) -> int:
        """Uniswap's sqrtPriceX96 (raw token1 per token0) of a price of the pool's first named token in its second."""
        first, second = (self._network.tokens[symbol] for symbol in pool.tokens)
        raw = price * 10.0 ** (second.decimals - first.decimals)
        if self._network.pools[pool.name].token0 != first.symbol:
            raw = 1 / raw
        return int(math.sqrt(raw) * Q96)


def tick_at(sqrt_price_x96: int) -> int:
    """The tick of a price, near enough to place a band."""
    return math.floor(2 * math.log(sqrt_price_x96 / Q96) / math.log(1.0001))


def _tx(sender: Address, to: Address, data: bytes) -> dict[str, Any]:
    return {"from": sender, "to": to, "data": "0x" + data.hex(), "value": "0x0"}


def calldata(signature: str, *values: Any) -> bytes:
    """Selector and arguments of e.g. `mint(address,uint256)`."""
    arguments = parse(signature[signature.index("(") :]).components if values else ()
    return keccak(text=signature)[:4] + encode([kind.to_type_str() for kind in arguments], values)
