"""Reading pools: the rounds of calls, answered from a recorded mainnet pool as its contract would."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from eth_utils.crypto import keccak

from sentinel.chain.multicall import Read
from sentinel.core.errors import QuoteError
from sentinel.core.market_state import PoolState, V2State, V3State
from sentinel.core.network import Pool
from sentinel.dex.venues import uniswap_v3_reads as reads
from sentinel.dex.venues.uniswap_v2 import GET_RESERVES, UniswapV2
from sentinel.dex.venues.uniswap_v3 import UniswapV3
from tests.data import data_path

V3_BLOCK = ("onchain_quotes", "pool_states", "1", "block_24947230.json")
V2_BLOCK = ("onchain_quotes", "pool_states", "1", "block_24945920.json")
V3_ADDRESS = "0xcbcdf9626bc03e24f779434178a73a0b4bad62ed"
V2_ADDRESS = "0xbb2b8038a1640196fbe3e38816f3e67cba72d940"
POOL = Pool("V3", "uniswap_v3", V3_ADDRESS, "WBTC", "WETH", 3000, 60)


class RecordedPool:
    """Answers calls from the recording, and counts the rounds."""

    def __init__(self) -> None:
        raw: Any = json.loads(data_path(*V3_BLOCK).read_text())
        self.calls = raw["calls"]
        self.bitmap = raw[f"v3_{V3_ADDRESS}_tick_bitmap"]
        self.ticks = raw[f"v3_{V3_ADDRESS}_tick_data"]
        self.rounds = 0
        self.asked = 0

    def answer(self, read: Read) -> bytes:
        address, data = read
        assert address == V3_ADDRESS
        key = str(int.from_bytes(data[4:], signed=True))
        if data[:4] == reads.TICK_BITMAP:
            return int(self.bitmap.get(key, {"bitmap": 0})["bitmap"]).to_bytes(32)
        if data[:4] == reads.TICKS:
            tick = self.ticks.get(key, {"liquidity_gross": 0, "liquidity_net": 0})
            return int(tick["liquidity_gross"]).to_bytes(32) + int(tick["liquidity_net"]).to_bytes(32, signed=True)
        return bytes.fromhex(self.calls[f"{address}:0x{data.hex()}"].removeprefix("0x"))

    def run(self, hint: PoolState | None) -> V3State:
        reader = UniswapV3().read(POOL, hint)
        asked: Sequence[Read] = next(reader)
        while True:
            self.rounds += 1
            self.asked += len(asked)
            try:
                asked = reader.send([self.answer(read) for read in asked])
            except StopIteration as done:
                state = done.value
                break
        assert isinstance(state, V3State)
        return state


def test_the_window_holds_every_initialised_tick_of_the_recorded_pool() -> None:
    """Price, tick and liquidity are the recorded ones; the ticks are all those between the window's ends."""
    pool = RecordedPool()
    state = pool.run(None)
    assert (state.tick, state.liquidity) == (265400, 0x94495E6DA0D265)
    assert state.tick_low < 265400 - reads.REACH
    assert state.tick_high > 265400 + reads.REACH
    expected = {int(k): int(v["liquidity_net"]) for k, v in pool.ticks.items()}
    assert state.ticks == tuple(
        sorted((tick, net) for tick, net in expected.items() if state.tick_low <= tick <= state.tick_high)
    )
    assert len(state.ticks) > 50


def test_a_hint_saves_rounds_and_never_changes_the_state() -> None:
    """Whatever state of the pool is remembered, the same one is read; with the right one in a single round."""
    fresh = RecordedPool().run(None)
    knows, lags, far = RecordedPool(), RecordedPool(), RecordedPool()
    assert knows.run(fresh) == fresh
    assert knows.rounds == 1
    some = V3State(fresh.sqrt_price_x96, fresh.tick, 1, fresh.ticks[::2], fresh.tick_low, fresh.tick_high)
    assert lags.run(some) == fresh
    assert lags.rounds == 2
    elsewhere = V3State(1 << 96, 0, 1, ((-60, 5), (0, 7)), -15360, 30660)
    assert far.run(elsewhere) == fresh
    assert far.rounds <= 3


def test_a_contract_that_is_no_pool_is_refused() -> None:
    """A revert, an empty answer and a pool without a price all raise QuoteError."""
    for reply in (None, b"", b"\0" * 224):
        reader = UniswapV3().read(POOL, None)
        asked = next(reader)
        with pytest.raises(QuoteError):
            reader.send([reply for _ in asked])
    v2 = UniswapV2().read(POOL, None)
    next(v2)
    with pytest.raises(QuoteError):
        v2.send([None])


def test_recorded_reserves_are_decoded() -> None:
    """getReserves of a mainnet pair."""
    raw: Any = json.loads(data_path(*V2_BLOCK).read_text())
    recorded = bytes.fromhex(raw["calls"][f"{V2_ADDRESS}:0x0902f1ac"].removeprefix("0x"))
    reader = UniswapV2().read(POOL, None)
    next(reader)
    with pytest.raises(StopIteration) as done:
        reader.send([recorded])
    reserves = (int.from_bytes(recorded[:32]), int.from_bytes(recorded[32:64]))
    assert done.value.value == V2State(*reserves)
    assert min(reserves) > 10**9


@pytest.mark.parametrize(
    ("selector", "signature"),
    [
        (GET_RESERVES, "getReserves()"),
        (reads.SLOT0, "slot0()"),
        (reads.LIQUIDITY, "liquidity()"),
        (reads.TICK_BITMAP, "tickBitmap(int16)"),
        (reads.TICKS, "ticks(int24)"),
    ],
)
def test_selectors_follow_from_their_signatures(selector: bytes, signature: str) -> None:
    """The first four bytes of the hash of the signature."""
    assert selector == keccak(text=signature)[:4]
