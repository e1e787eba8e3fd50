"""Where the signer's prices come from: the feeds at an endpoint of its own, or given ones near an anchor."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sentinel.chain.rpc import Rpc
from sentinel.core.errors import RpcError, SettingsError, SignerRefused, SignerUnavailable
from sentinel.core.network import Feed
from sentinel.core.units import DAY
from sentinel.market import Devnet
from sentinel.signing.process import reference_prices
from sentinel.signing.process.daily_caps import DayCaps, SigningRequest
from sentinel.signing.process.reference_prices import FeedPrices, GivenPrices
from sentinel.signing.process.signer_process import own_limits
from sentinel.signing.process.signing_ledger import SigningLedger
from sentinel.signing.router_call import PaidRoute, RouterTrade
from sentinel.signing.trade_rules import unit_values
from tests.signing.process.world import ANSWERS, DOLLAR, NETWORK, USDC, WALLET, WETH, settings

BUY = RouterTrade(0, (PaidRoute(USDC.lower(), 1000 * DOLLAR, 3000),), WETH.lower(), 10**18 // 2, 10**18 // 2)
TOKEN = WETH.lower()
FAIR = ANSWERS[TOKEN]


class Clock:
    now = 20_000.5 * DAY

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def opened(folder: Path, clock: Clock) -> SigningLedger:
    return SigningLedger.open(folder, 31337, WALLET, DayCaps({}, 10**18, 100, 100), clock)


def signed(ledger: SigningLedger, nonce: int, answer: int) -> None:
    ledger.transaction(SigningRequest(nonce, str(nonce), False, 1, {}), {"prices": {TOKEN: str(answer)}})


async def accepted(prices: GivenPrices, answer: int) -> bool:
    try:
        quote = await prices.read(BUY, WALLET, {TOKEN: answer})
    except SignerRefused as error:
        return error.rule != "price"
    assert (quote.answers, quote.held) == ({TOKEN: answer}, None)
    assert quote.values == unit_values({TOKEN: answer}, NETWORK)
    return True


async def test_given_prices_stay_near_an_anchor(tmp_path: Path, clock: Clock) -> None:
    """Near the settings' price or that of an earlier day, never near one of today, however small the steps; over
    restarts. Without an anchor, or without a price, nothing passes."""
    ledger = opened(tmp_path, clock)
    prices = GivenPrices(NETWORK, ledger, 2000, ANSWERS)
    assert [await accepted(prices, FAIR * bps // 10_000) for bps in (8000, 12_000)] == [True, True]
    assert [await accepted(prices, FAIR * bps // 10_000 + step) for bps, step in ((8000, -1), (12_000, 1))] == [
        False
    ] * 2
    for nonce in range(5):
        signed(ledger, nonce, FAIR * 12 // 10)
        assert not await accepted(prices, FAIR * 13 // 10)
    ledger.close()
    clock.now += 3 * DAY
    ledger = opened(tmp_path, clock)
    prices = GivenPrices(NETWORK, ledger, 2000, ANSWERS)
    assert await accepted(prices, FAIR * 13 // 10)
    assert not await accepted(prices, FAIR * 15 // 10)
    signed(ledger, 9, FAIR * 14 // 10)
    assert not await accepted(prices, FAIR * 15 // 10)
    empty = GivenPrices(NETWORK, opened(tmp_path / "empty", clock), 2000, {})
    for answer in (0, 1, FAIR):
        assert not await accepted(empty, answer)
    with pytest.raises(SignerRefused):
        await prices.read(BUY, WALLET, {})


async def test_the_first_hand_over_of_a_day_counts(tmp_path: Path, clock: Clock) -> None:
    """Prices that are handed over again on the same day change nothing; those of the next day do."""
    ledger = opened(tmp_path, clock)
    assert ledger.record_prices({TOKEN: 5}) == {TOKEN: 5}
    assert ledger.record_prices({TOKEN: 6, USDC: 1}) == {TOKEN: 5, USDC: 1}
    clock.now += DAY
    assert ledger.record_prices({TOKEN: 6}) == {TOKEN: 6}
    ledger.close()


def test_a_possible_loss_is_counted_once_and_durably(tmp_path: Path, clock: Clock) -> None:
    """With its nonce, over a restart, until the day ends; a cancel is signed though the cap is reached."""
    ledger = opened(tmp_path, clock)
    loses = SigningRequest(0, "a", False, 1, {}, 60)
    for _ in range(2):
        ledger.transaction(loses, {})
    ledger.close()
    ledger = opened(tmp_path, clock)
    assert ledger.spent.loss == 60
    with pytest.raises(SignerRefused) as refusal:
        ledger.transaction(SigningRequest(1, "b", False, 1, {}, 41), {})
    assert refusal.value.rule == "loss_today"
    ledger.transaction(SigningRequest(1, "b", False, 1, {}, 40), {})
    ledger.transaction(SigningRequest(1, "cancel", True, 1, {}), {})
    assert (ledger.signed_before(1, "b"), ledger.signed_before(1, "c"), ledger.signed_before(2, "b")) == (
        True,
        False,
        False,
    )
    clock.now += DAY
    assert ledger.spent.loss == 0
    ledger.close()


class Answers:
    """An endpoint whose batch is changed on its way."""

    def __init__(self, rpc: Rpc, change: Callable[[list[Any]], list[Any]]) -> None:
        self._rpc, self._change = rpc, change

    async def call(self, method: str, *params: Any) -> Any:
        return await self._rpc.call(method, *params)

    async def batch(self, calls: Sequence[Any]) -> list[Any]:
        return self._change(await self._rpc.batch(calls))


async def test_the_feeds_are_read_at_an_endpoint_of_its_own(devnet: Devnet, monkeypatch: pytest.MonkeyPatch) -> None:
    """Price and balance in one request, by the market's own feed; whatever cannot be trusted is no price."""
    await devnet.fund(WALLET, {"WETH": 77})
    await devnet.market.step()
    feed = NETWORK.feeds["WETH"]
    answer = int((await devnet.rpc.call("eth_call", {"to": feed.address, "data": "0xfeaf968c"}, "latest"))[66:130], 16)
    before = devnet.rpc.requests
    quote = await FeedPrices(devnet.rpc, NETWORK, 60).read(BUY, WALLET, {TOKEN: 1})
    assert devnet.rpc.requests == before + 1
    assert (quote.values, quote.held, quote.answers) == (unit_values({TOKEN: answer}, NETWORK), 77, {})
    wrapping = RouterTrade(0, (PaidRoute(TOKEN, 5, 0),), TOKEN, 5, None)
    assert await FeedPrices(devnet.rpc, NETWORK, 60).read(wrapping, WALLET, {}) == reference_prices.PriceQuote(
        unit_values({}, NETWORK)
    )
    halved = replace(NETWORK, quote_feed=Feed("USDC", feed.address, feed.decimals, feed.max_age))
    in_quote = await FeedPrices(devnet.rpc, halved, 60).read(BUY, WALLET, {})
    assert in_quote.values == unit_values({TOKEN: 10**8}, NETWORK)

    def with_feed(**change: Any) -> FeedPrices:
        feeds = {**NETWORK.feeds, "WETH": replace(feed, **change)}
        return FeedPrices(devnet.rpc, replace(NETWORK, feeds=feeds), 60)

    late = lambda: time.time() + 61  # noqa: E731
    nowhere = Rpc("http://127.0.0.1:1")
    wrong = {
        "a feed of other decimals": with_feed(decimals=9),
        "a feed that is too old": with_feed(max_age=-1),
        "a feed that does not answer": with_feed(address=WALLET),
        "an old block": FeedPrices(devnet.rpc, NETWORK, 60, late),
        "another chain": FeedPrices(devnet.rpc, replace(NETWORK, chain_id=1), 60),
        "no endpoint": FeedPrices(nowhere, NETWORK, 60),
        "an error": FeedPrices(Answers(devnet.rpc, lambda a: [a[0], RpcError("no")]), NETWORK, 60),
        "a short answer": FeedPrices(Answers(devnet.rpc, lambda a: [a[0], a[1][:200]]), NETWORK, 60),
        "no hex": FeedPrices(Answers(devnet.rpc, lambda a: [a[0], 7]), NETWORK, 60),
    }
    for prices in wrong.values():
        with pytest.raises(SignerUnavailable):
            await prices.read(BUY, WALLET, {TOKEN: answer})
    await nowhere.close()
    monkeypatch.setattr(reference_prices, "TIMEOUT", 0.05)

    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()  # until the client goes
        writer.close()

    server = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    silent = Rpc(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    try:
        with pytest.raises(SignerUnavailable):
            await FeedPrices(silent, NETWORK, 60).read(BUY, WALLET, {})
    finally:
        await silent.close()
        server.close()
        await server.wait_closed()


async def test_a_feed_without_a_positive_answer_is_no_price(devnet: Devnet) -> None:
    """Zero or below it."""
    feed = NETWORK.feeds["WETH"]
    prices = FeedPrices(devnet.rpc, NETWORK, 60)
    await devnet.market.step()
    await prices.read(BUY, WALLET, {})
    data = (await devnet.rpc.call("eth_call", {"to": feed.address, "data": "0xfeaf968c"}, "latest"))[2:]
    slots = [f"0x{number:064x}" for number in range(4)]
    words = [await devnet.rpc.call("eth_getStorageAt", feed.address, slot, "latest") for slot in slots]
    (slot,) = [slot for slot, word in zip(slots, words, strict=True) if word[2:] == data[64:128]]
    for bad in (0, (1 << 256) - 1):
        await devnet.rpc.call("anvil_setStorageAt", feed.address, slot, f"0x{bad:064x}")
        with pytest.raises(SignerUnavailable, match="no usable answer"):
            await prices.read(BUY, WALLET, {})


def test_a_signer_with_its_own_caps_needs_prices(tmp_path: Path) -> None:
    """Of its settings or from an endpoint; of tokens that have a feed."""
    own = {"max_trade": "USDC=5", "max_approval": "USDC=5", "max_daily_volume": "USDC=7"}
    with pytest.raises(SettingsError, match="SENTINEL_SIGNER__RPC_URL"):
        own_limits(settings(tmp_path, signer=own), NETWORK, child=False)
    with pytest.raises(SettingsError, match="no feed of USDC"):
        own_limits(settings(tmp_path, signer={**own, "prices": "USDC=1"}), NETWORK, child=False)
    for more in ({"prices": "WETH=2000"}, {"rpc_url": "http://127.0.0.1:1"}):
        limits, caps = own_limits(settings(tmp_path, signer={**own, **more}), NETWORK, child=False)
        assert (limits.tolerance_bps, caps.loss) == (200, 1000 * DOLLAR)
