"""The crowd moves the pools along the prices, and nothing else does."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable

import pytest

from sentinel.core.host.process import port_taken
from sentinel.core.units import GWEI
from sentinel.market import CrowdBehaviour, Devnet, PricePath
from sentinel.market.crowd import fair
from sentinel.market.local_market import MarketError

Read = Callable[[Devnet], Awaitable[dict[str, float]]]
Digest = Callable[[Devnet], Awaitable[tuple[bytes, ...]]]


async def test_pools_and_feeds_follow_the_prices(devnet: Devnet, pool_prices: Read, feed_prices: Read) -> None:
    """After each of 20 steps every pool that is not an opening stands within its fee, and the feeds on the price."""
    for _ in range(20):
        block = await devnet.market.step()
        strays = block.opening.strays if block.opening else {}
        for name, price in (await pool_prices(devnet)).items():
            fee = devnet.network.pools[name].fee_pips / 1_000_000
            if name not in strays:
                assert abs(price / fair(name, block.bar) - 1) < fee
        assert await feed_prices(devnet) == pytest.approx({"WETH": block.bar.weth, "WBTC": block.bar.wbtc}, rel=1e-8)


async def test_the_first_block_stands_at_the_first_price(pool_prices: Read) -> None:
    """Pools open where the path begins, so that no jump comes before the first bar."""
    first = PricePath.synthetic(3).next()
    quiet = CrowdBehaviour(noise=0.0, opening_every=0)
    async with Devnet.start(prices=PricePath.synthetic(3), behaviour=quiet) as net:
        for name, price in (await pool_prices(net)).items():
            assert price == pytest.approx(fair(name, first), rel=1e-8)


async def test_a_trade_of_a_few_thousand_moves_a_pool_by_a_few_bps(devnet: Devnet) -> None:
    """The pools are deep: buying with 3,000 USDC costs between 1 and 10 bps beyond the fee on every WETH venue."""
    for name, pool in devnet.network.pools.items():
        if pool.venue == "uniswap_v3" and name.startswith("WETH/USDC"):
            small, large = [await _quote(devnet, pool.fee_pips, amount * 10**6) / amount for amount in (1, 3000)]
            assert 1 < (1 - large / small) * 10_000 < 10


async def test_the_base_fee_walks_between_its_bounds() -> None:
    """Each block's base fee is between 5 and 60 gwei and less than 12.5 % from the one before."""
    async with Devnet.start(prices=PricePath.synthetic(1)) as net:
        fees = []
        for _ in range(60):
            await net.market.step()
            latest = await net.rpc.call("eth_getBlockByNumber", "latest", False)
            fees.append(int(latest["baseFeePerGas"], 16))
    assert all(5 * GWEI <= fee <= 60 * GWEI for fee in fees)
    assert all(abs(after / fee - 1) < 0.125 for fee, after in itertools.pairwise(fees))
    assert len(set(fees)) > 50


async def test_openings_appear_and_vanish(pool_prices: Read) -> None:
    """A stray pool stands where it was put until its opening ends, and on the price in the block after."""
    often = CrowdBehaviour(opening_every=3)
    seen = closed = 0
    async with Devnet.start(prices=PricePath.synthetic(5), behaviour=often) as net:
        before = None
        for _ in range(60):
            block = await net.market.step()
            prices = await pool_prices(net)
            if block.opening is not None:
                seen += block.opening is not before
                for name, price in block.opening.prices.items():
                    assert prices[name] == pytest.approx(price, rel=1e-7)
                    stray = abs(prices[name] / fair(name, block.bar) - 1)
                    assert stray < 0.01
                    assert stray > 0.0059 or block.opening is before
            elif before is not None:
                closed += 1
                for name in before.strays:
                    assert abs(prices[name] / fair(name, block.bar) - 1) < 0.003
            before = block.opening
    assert seen >= 5
    assert closed >= 5


async def test_the_crowd_does_not_widen_an_opening_that_somebody_closed(pool_prices: Read) -> None:
    """A stray pool is left alone while it is open: what a trader closed stays closed."""
    often = CrowdBehaviour(opening_every=1, opening_blocks=(4, 5))
    async with Devnet.start(prices=PricePath.synthetic(5), behaviour=often) as net:
        while (block := await net.market.step()).opening is None or "WETH/USDC-v2" not in block.opening.strays:
            pass
        pair = net.network.pools["WETH/USDC-v2"].address
        await net.fund(pair, {"USDC": 10_000_000 * 10**6})
        await net.rpc.call("anvil_impersonateAccount", pair)
        sync = {"from": pair, "to": pair, "data": "0xfff6cae9", "gas": hex(200_000), "maxFeePerGas": hex(10**12)}
        await net.fund(pair, {"ETH": 10**18})
        await net.rpc.call("eth_sendTransaction", sync)
        opening, put = block.opening, block.opening.prices["WETH/USDC-v2"]
        block = await net.market.step()
        assert block.opening is opening
        assert abs((await pool_prices(net))["WETH/USDC-v2"] / put - 1) > 0.05


async def test_one_seed_gives_one_market(pool_digest: Digest) -> None:
    """Two runs under one seed end in the same pool states and blocks; another seed ends elsewhere."""

    async def run(seed: int) -> tuple[object, ...]:
        clock = itertools.count(2_000_000_000, 12).__next__
        async with Devnet.start(prices=PricePath.synthetic(seed), seed=seed, clock=clock) as net:
            blocks = [await net.market.step() for _ in range(25)]
            made = [(one.number, one.timestamp, one.bar, one.base_fee, one.opening) for one in blocks]
            return await pool_digest(net), made  # the hashes differ: each start has an identity of its own

    first = await run(11)
    assert first == await run(11)
    assert first[0] != (await run(12))[0]


async def test_chain_time_follows_the_clock_and_always_rises() -> None:
    """Block times are the clock's; where it stands still they rise by one second."""
    times = iter([2_000_000_000, 2_000_000_012, 2_000_000_012, 2_000_000_040])
    async with Devnet.start(prices=PricePath.synthetic(1), clock=lambda: next(times)) as net:
        got = [net.market.block.timestamp] + [(await net.market.step()).timestamp for _ in range(3)]
        latest = await net.rpc.call("eth_getBlockByNumber", "latest", False)
    assert got == [2_000_000_000, 2_000_000_012, 2_000_000_013, 2_000_000_040]
    assert int(latest["timestamp"], 16) == got[-1]


@pytest.mark.parametrize(("ahead", "place"), [(0.0, 0), (1.0, 8)])
async def test_a_step_is_one_block_with_what_waits_in_the_pool(ahead: float, place: int) -> None:
    """Somebody else's transaction waits for the next step, and is mined before or after the crowd's as configured."""
    async with Devnet.start(
        prices=PricePath.synthetic(1), behaviour=CrowdBehaviour(ahead=ahead, opening_every=0)
    ) as net:
        await _order(net, place)


async def _order(devnet: Devnet, place: int) -> None:
    sender, other = "0x" + "a1" * 20, "0x" + "b2" * 20
    await devnet.fund(sender, {"ETH": 10**18})
    await devnet.rpc.call("anvil_impersonateAccount", sender)
    number = devnet.market.block.number
    tx = {"from": sender, "to": other, "value": "0x1", "gas": hex(21_000)}
    tx |= {"maxFeePerGas": hex(200 * GWEI), "maxPriorityFeePerGas": hex(GWEI)}
    sent = await devnet.rpc.call("eth_sendTransaction", tx)
    assert await devnet.rpc.call("eth_blockNumber") == hex(number)
    block = await devnet.market.step()
    receipt = await devnet.rpc.call("eth_getTransactionReceipt", sent)
    assert block.number == number + 1
    assert (receipt["blockNumber"], receipt["transactionIndex"]) == (hex(block.number), hex(place))


async def test_the_market_goes_on_after_a_rollback(devnet: Devnet) -> None:
    """After the chain was rolled back and the market told so, the next step is one good block."""
    for _ in range(3):
        await devnet.market.step()
    await devnet.rpc.call("anvil_rollback", 2)
    await devnet.market.resync()
    assert (await devnet.market.step()).number == 3


async def test_run_makes_a_block_every_block_time() -> None:
    """The loop steps by itself until it is cancelled, and blocks then stop."""
    async with Devnet.start(prices=PricePath.synthetic(1)) as net:
        before, begun = net.market.block.number, time.monotonic()
        running = asyncio.create_task(net.market.run(0.05))
        for _ in range(3000):
            if net.market.block.number >= before + 8 or running.done():
                break
            await asyncio.sleep(0.01)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        made = net.market.block.number
        assert 8 <= made - before <= (time.monotonic() - begun) / 0.05 + 1
        assert await net.rpc.call("eth_blockNumber") == hex(made)


async def test_a_failing_user_leaves_no_node() -> None:
    """An exception inside the block stops Anvil like a normal end does."""
    seen: list[Devnet] = []

    async def fail() -> None:
        async with Devnet.start(prices=PricePath.synthetic(1)) as net:
            seen.append(net)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await fail()
    assert not seen[0].process.running
    assert not port_taken(int(seen[0].rpc_url.rsplit(":", 1)[1]))


async def test_long_runs_keep_every_pool_on_its_price(pool_prices: Read) -> None:
    """After 700 bars, prices far outside the narrow band included, the crowd still puts every pool where it belongs."""
    async with Devnet.start(prices=PricePath.synthetic(2), behaviour=CrowdBehaviour(opening_every=0)) as net:
        for _ in range(700):
            block = await net.market.step()
        for name, price in (await pool_prices(net)).items():
            assert price == pytest.approx(fair(name, block.bar), rel=0.003)


async def test_funds_and_allowances_are_exact(devnet: Devnet) -> None:
    """fund and allow_permit2 set what was asked, to the unit, for every token."""
    wallet = "0x" + "c3" * 20
    amounts = {"ETH": 5 * 10**18, "WETH": 3 * 10**18 + 1, "USDC": 10_000_000_001, "WBTC": 12_345_678}
    await devnet.fund(wallet, amounts)
    allowed = {symbol: amount - 1 for symbol, amount in amounts.items() if symbol != "ETH"}
    await devnet.allow_permit2(wallet, allowed)
    assert await devnet.rpc.call("eth_getBalance", wallet, "latest") == hex(amounts["ETH"])
    word, permit2 = wallet[2:].rjust(64, "0"), devnet.network.permit2[2:].rjust(64, "0")
    for symbol, amount in allowed.items():
        token = devnet.network.tokens[symbol].address
        balance = await devnet.rpc.call("eth_call", {"to": token, "data": "0x70a08231" + word}, "latest")
        allowance = await devnet.rpc.call("eth_call", {"to": token, "data": "0xdd62ed3e" + word + permit2}, "latest")
        assert (int(balance, 16), int(allowance, 16)) == (amounts[symbol], amount)


async def test_a_failing_crowd_is_an_error_and_not_a_quiet_market(devnet: Devnet) -> None:
    """When the crowd's call reverts, the step says so."""
    feed = devnet.network.feeds["WETH"].address
    await devnet.rpc.call("anvil_setCode", feed, "0x60006000fd")
    with pytest.raises(MarketError, match="failed"):
        await devnet.market.step()


async def _quote(net: Devnet, fee: int, amount: int) -> float:
    tokens = [net.network.tokens[symbol].address[2:].rjust(64, "0") for symbol in ("USDC", "WETH")]
    data = "0xc6a5026a" + "".join(tokens) + f"{amount:064x}{fee:064x}{0:064x}"
    answer = await net.rpc.call("eth_call", {"to": net.network.v3_quoter, "data": data}, "latest")
    return int(answer[2:66], 16)
