"""The market as read from a real chain: exact quotes, one block hash, feeds, allowances, history."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from eth_abi.abi import decode, encode
from eth_utils.crypto import keccak

from sentinel.chain.heads import latest_head
from sentinel.chain.history import BlockCloses
from sentinel.chain.history_backfill import backfill_history
from sentinel.chain.market_reader import MarketReader
from sentinel.chain.rpc import Rpc
from sentinel.config.network_file import load_network
from sentinel.core.errors import HeadGone, QuoteError, RpcError, SettingsError, Unavailable
from sentinel.core.market_state import Head, V2State, V3State
from sentinel.core.network import NATIVE, Pool
from sentinel.dex.venues.registry import VENUES, venue_of
from sentinel.market import Devnet
from sentinel.market.local_market import calldata
from tests.chains import send

WALLET = "0x1212121212121212121212121212121212121212"


def reader_of(devnet: Devnet, bars: int = 50, rpc: Any = None, **options: Any) -> MarketReader:
    return MarketReader(rpc or devnet.rpc, devnet.network, WALLET, VENUES, BlockCloses(bars), **options)


async def moved(devnet: Devnet, steps: int) -> Head:
    for _ in range(steps):
        await devnet.market.step()
    return await latest_head(devnet.rpc)


async def test_v3_quotes_equal_the_quoter_contract_to_the_last_unit(devnet: Devnet) -> None:
    """600 random amounts of every size, every V3 pool, both directions, exact input and exact output, at one block.

    The price after the swap is the quoter's too. Where we refuse, the amount moves the price out of what was read.
    """
    head = await moved(devnet, 4)
    state = await reader_of(devnet).read(head)
    pools = [pool for pool in devnet.network.pools.values() if pool.venue == "uniswap_v3"]
    rng = random.Random(5)
    asked = []
    for _ in range(600):
        pool, exact_in = rng.choice(pools), rng.random() < 0.7
        token_in, token_out = rng.sample((pool.token0, pool.token1), 2)
        digits = devnet.network.tokens[token_in if exact_in else token_out].decimals
        asked.append((pool, token_in, int(10 ** rng.uniform(0, digits + 8)), exact_in))
    answers = await quoter(devnet, head, asked)
    exact = refused = 0
    for (pool, token_in, amount, exact_in), answer in zip(asked, answers, strict=True):
        venue, pool_state = venue_of(pool), state.pools[pool.name]
        try:
            if exact_in:
                ours, after = venue.swap(pool, pool_state, token_in, amount)
                assert isinstance(after, V3State)
                assert (ours, after.sqrt_price_x96) == answer, (pool.name, token_in, amount)
            else:
                cost = venue.quote_out(pool, pool_state, token_in, amount)
                assert answer is not None
                assert cost == answer[0], (pool.name, token_in, amount)
            exact += 1
        except QuoteError:
            refused += 1
            if answer is not None:
                assert isinstance(pool_state, V3State)
                ends = (1.0001 ** (pool_state.tick_low / 2), 1.0001 ** (pool_state.tick_high / 2))
                assert not ends[0] < answer[1] / 2**96 < ends[1], (pool.name, token_in, amount)
    assert exact > 450
    assert refused > 20


async def quoter(
    devnet: Devnet, head: Head, asked: Sequence[tuple[Pool, str, int, bool]]
) -> list[tuple[int, int] | None]:
    """QuoterV2's (amount, sqrt price after) of each, None where it reverts."""
    calls = []
    for pool, token_in, amount, exact_in in asked:
        token_out = pool.token1 if token_in == pool.token0 else pool.token0
        pair = [devnet.network.tokens[token].address for token in (token_in, token_out)]
        name = "quoteExactInputSingle" if exact_in else "quoteExactOutputSingle"
        kinds = "(address,address,uint256,uint24,uint160)"
        data = keccak(text=f"{name}({kinds})")[:4] + encode([kinds], [(*pair, amount, pool.fee_pips, 0)])
        calls.append(
            ("eth_call", [{"to": devnet.network.v3_quoter, "data": "0x" + data.hex()}, {"blockHash": head.hash}])
        )
    found: list[tuple[int, int] | None] = []
    for start in range(0, len(calls), 100):
        for reply in await devnet.rpc.batch(calls[start : start + 100]):
            if isinstance(reply, RpcError):
                found.append(None)
            else:
                found.append(decode(["uint256", "uint160"], bytes.fromhex(reply[2:])[:64]))
    return found


async def test_a_v2_pair_pays_the_quote_and_not_one_unit_more(devnet: Devnet) -> None:
    """On chain: after the input is sent in, the pair's own check lets exactly our quote out."""
    state = await reader_of(devnet).read(await moved(devnet, 2))
    pool = next(pool for pool in devnet.network.pools.values() if pool.venue == "uniswap_v2")
    rng = random.Random(6)
    await devnet.fund(WALLET, {"WETH": 10**30, "USDC": 10**20, NATIVE: 10**20})
    for token_in in (pool.token0, pool.token1):
        for _ in range(30):
            amount = int(10 ** rng.uniform(6, 13 if token_in == "USDC" else 23))
            out = venue_of(pool).quote_in(pool, state.pools[pool.name], token_in, amount)
            if out == 0:
                continue
            transfer = calldata("transfer(address,uint256)", pool.address, amount)
            calls = [(devnet.network.tokens[token_in].address, transfer)]
            for paid in (out + 1, out):
                outs = (0, paid) if token_in == pool.token0 else (paid, 0)
                calls.append((pool.address, calldata("swap(uint256,uint256,address,bytes)", *outs, WALLET, b"")))
            statuses = await simulate(devnet.rpc, calls)
            assert statuses == ["0x1", "0x0", "0x1"], (token_in, amount, out)


async def simulate(rpc: Rpc, calls: Sequence[tuple[str, bytes]]) -> list[str]:
    sent = [{"from": WALLET, "to": to, "data": "0x" + data.hex(), "gas": hex(500_000)} for to, data in calls]
    (block,) = await rpc.call("eth_simulateV1", {"blockStateCalls": [{"calls": sent}]}, "latest")
    return [call["status"] for call in block["calls"]]


async def test_everything_is_read_at_the_hash_that_was_asked_for(devnet: Devnet) -> None:
    """A block reads the same when the chain has moved on, with and without what is remembered of later blocks."""
    head = await moved(devnet, 1)
    reader = reader_of(devnet)
    then = await reader.read(head)
    await moved(devnet, 1)
    await devnet.fund(WALLET, {"WETH": 5, NATIVE: 7})  # in the newest block's state, so after `head`
    later = await reader.read(await moved(devnet, 2))
    again = await reader.read(head)
    assert (again.pools, again.balances, again.reference) == (then.pools, then.balances, then.reference)
    assert later.pools != then.pools
    assert (later.balances["WETH"], later.balances[NATIVE]) == (5, 7)
    fresh = await reader_of(devnet).read(later.head)
    assert fresh.pools == later.pools


async def test_a_block_that_was_reorganised_away_is_gone(devnet: Devnet) -> None:
    """HeadGone, a reason to hold, both for a dropped block and for one that never was."""
    snapshot = await devnet.rpc.call("evm_snapshot")
    dropped = await moved(devnet, 1)
    await devnet.rpc.call("evm_revert", snapshot)
    with pytest.raises(HeadGone):
        await reader_of(devnet).read(dropped)


async def test_an_endpoint_that_ignores_the_block_hash_is_found_out(devnet: Devnet) -> None:
    """Its answer is for another block's time, and nothing of it is used."""

    class Ignorant:
        async def batch(self, calls: list[tuple[str, Sequence[Any]]]) -> list[Any]:
            forced = [
                (method, ["latest" if isinstance(p, dict) and "blockHash" in p else p for p in params])
                for method, params in calls
            ]
            return await devnet.rpc.batch(forced)

    head = await moved(devnet, 1)
    await moved(devnet, 1)
    with pytest.raises(Unavailable, match="did not answer for block"):
        await reader_of(devnet, rpc=Ignorant()).read(head)


async def test_a_tick_that_appears_is_found_at_its_block(devnet: Devnet) -> None:
    """Liquidity that somebody adds between two reads is in the second one, with its sign."""
    reader = reader_of(devnet)
    before = await reader.read(await moved(devnet, 1))
    pool = devnet.network.pools["WETH/USDC-v3-500"]
    old = before.pools[pool.name]
    assert isinstance(old, V3State)
    tick = (old.tick // 10 + 7) * 10
    await initialise(devnet.rpc, pool, tick, -12345)
    after = (await reader.read(await moved(devnet, 1))).pools[pool.name]
    assert isinstance(after, V3State)
    assert set(after.ticks) - set(old.ticks) == {(tick, -12345)}


async def initialise(rpc: Rpc, pool: Pool, tick: int, net: int) -> None:
    """Write a tick into the pool's storage: the bitmap is its slot 6, the ticks its slot 5."""
    compressed = tick // pool.tick_spacing
    word_slot = "0x" + keccak(encode(["int16", "uint256"], [compressed >> 8, 6])).hex()
    bits = int(await rpc.call("eth_getStorageAt", pool.address, word_slot, "latest"), 16) | 1 << (compressed & 255)
    await rpc.call("anvil_setStorageAt", pool.address, word_slot, f"0x{bits:064x}")
    info_slot = "0x" + keccak(encode(["int24", "uint256"], [tick, 5])).hex()
    packed = (net % (1 << 128)) << 128 | abs(net)
    await rpc.call("anvil_setStorageAt", pool.address, info_slot, f"0x{packed:064x}")


async def test_wallet_feeds_and_fees_are_read(devnet: Devnet) -> None:
    """Balances, the two allowances' state, the feeds, the nonce, and a tip that is never below its floor."""
    network = devnet.network
    await devnet.fund(WALLET, {"WETH": 3, "USDC": 4, NATIVE: 10**18})
    await devnet.allow_permit2(WALLET, {"USDC": 99})
    await devnet.rpc.call("anvil_impersonateAccount", WALLET)
    invalidate = calldata(
        "invalidateNonces(address,address,uint48)", network.tokens["USDC"].address, network.universal_router, 6
    )
    await send(devnet.rpc, WALLET, network.permit2, invalidate)
    head = await moved(devnet, 1)
    state = await reader_of(devnet, min_priority_fee=77 * 10**9).read(head)
    assert {symbol: state.balances[symbol] for symbol in network.tokens} == {"WETH": 3, "USDC": 4, "WBTC": 0}
    assert 0 < state.balances[NATIVE] < 10**18
    assert state.allowances == {"WETH": 0, "USDC": 99, "WBTC": 0}
    assert state.permit_nonces == {"WETH": 0, "USDC": 6, "WBTC": 0}
    assert state.nonce == 1
    assert state.priority_fee == 77 * 10**9
    assert state.head == head
    for token, reference in state.reference.items():
        price = reference.answer / 10**reference.decimals
        assert state.prices[token] == pytest.approx(price, rel=0.02)
        assert reference.updated_at == head.timestamp
    assert set(state.reference) == {"WETH", "WBTC"}
    assert isinstance(state.pools["WETH/USDC-v2"], V2State)


async def test_history_seeded_from_past_blocks_equals_history_that_was_lived(devnet: Devnet) -> None:
    """A daemon that starts later sees the same closes as one that ran all along."""
    lived = reader_of(devnet, bars=40)
    for _ in range(45):
        state = await lived.read(await moved(devnet, 1))
    late = reader_of(devnet, bars=40)
    found = await backfill_history(devnet.rpc, late.closes_at, late.history, state.head)
    assert found == 39
    assert (await late.read(state.head)).history == state.history
    assert len(state.history["WETH"]) == 40
    assert state.history["WETH"][-1] == state.prices["WETH"]


async def test_seeding_ends_where_the_chain_has_no_market(devnet: Devnet) -> None:
    """Before the pools opened there is no price: what is there is taken, nothing is raised."""
    reader = reader_of(devnet, bars=500)
    head = await moved(devnet, 3)
    found = await backfill_history(devnet.rpc, reader.closes_at, reader.history, head)
    assert 2 <= found < head.number


def test_a_pool_of_an_unknown_venue_is_refused_at_once() -> None:
    """The venues that there are come from one list; what else a network file names is said before anything is read."""
    network = load_network("devnet")
    strange = {"A/B-x": replace(network.pools["WETH/USDC-v2"], name="A/B-x", venue="uniswap_v9")}
    with pytest.raises(SettingsError, match=r"pool A/B-x: no venue is called uniswap_v9; known are uniswap_v2, "):
        MarketReader(Rpc("http://nowhere"), replace(network, pools=strange), WALLET, VENUES, BlockCloses(5))
