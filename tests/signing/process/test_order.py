"""The operator's order at the signer's real process: where it comes from, what it refuses, and what it remembers."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sentinel.core.errors import SettingsError
from sentinel.core.transaction import Fees
from sentinel.core.units import DAY, GWEI
from sentinel.daemon.signer.supervisor import SignerSupervisor
from sentinel.market import Devnet
from sentinel.signing.client import ask, ask_enforced, ask_greeting
from sentinel.signing.order_rules import OrderBounds, OrderTrades
from sentinel.signing.process.daily_caps import DayCaps, SigningRequest
from sentinel.signing.process.order_file import CLEARED, FILE, order_in_force, write_order
from sentinel.signing.process.reference_prices import FeedPrices
from sentinel.signing.process.signing_ledger import SigningLedger
from tests.signing.process.test_reference_prices import BUY, Clock
from tests.signing.process.world import (
    ANSWERS,
    CHAIN,
    DOLLAR,
    FEES,
    NETWORK,
    USDC,
    WALLET,
    WETH,
    cancel,
    records,
    refused,
    running,
    trade,
)

ROOT = Path(__file__).resolve().parents[3]
DCA = "Buy 100 USDC worth of WETH, every 1 hour."
DAY_CAP = "Buy 100 USDC worth of WETH. Buy at most 250 USDC a day."
SALE = "Sell 0.5 WETH, once."


def order(text: str) -> OrderBounds:
    return OrderBounds.of(text, NETWORK)


def put(folder: Path, text: str) -> Path:
    place = folder / "state" / "signer"
    place.mkdir(parents=True, exist_ok=True)
    return write_order(place, text)


async def told(keeper: SignerSupervisor, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """SIGHUP, then wait until the signer shows it."""
    assert keeper.child is not None
    os.kill(keeper.child.pid, signal.SIGHUP)
    for _ in range(250):
        if wanted(shown := await ask_enforced(keeper.client.path)):
            return shown
        await asyncio.sleep(0.02)
    raise AssertionError(f"it still shows {shown}")


async def test_an_order_narrows_and_its_counters_survive_a_restart(tmp_path: Path) -> None:
    """What the order does not say is refused; a replacement and a cancel are no trades; SIGKILL forgets nothing."""
    put(tmp_path, DCA)
    first = trade(100)
    async with running(tmp_path) as keeper:
        client = keeper.client
        assert await refused(client.sign_transaction(CHAIN, 0, trade(103), FEES, ANSWERS)) == "order_size"
        await client.sign_transaction(CHAIN, 0, first, FEES, ANSWERS)
        await client.sign_transaction(CHAIN, 0, first, Fees(60 * GWEI, 3 * GWEI), ANSWERS)
        assert await refused(client.sign_transaction(CHAIN, 1, trade(99), FEES, ANSWERS)) == "order_gap"
        await client.sign_transaction(CHAIN, 1, cancel(), FEES)
        assert keeper.child is not None
        os.kill(keeper.child.pid, signal.SIGKILL)
        await keeper.child.wait()
    (tmp_path / "state" / "signer" / FILE).unlink()  # a lost file widens nothing: the ledger knows the order
    async with running(tmp_path) as keeper:
        client = keeper.client
        assert (await ask_greeting(client.path)).order == order(DCA).hash
        assert await refused(client.sign_transaction(CHAIN, 2, trade(99), FEES, ANSWERS)) == "order_gap"
        await client.sign_transaction(CHAIN, 0, first, Fees(70 * GWEI, 4 * GWEI), ANSWERS)
        shown = await ask_enforced(client.path)
        assert shown["order"]["pairs"] == [[USDC.lower(), WETH.lower()]]
        assert (shown["today"]["order_bought"], shown["today"]["volume"]) == (
            100 * DOLLAR,
            {USDC.lower(): 100 * DOLLAR},
        )
        assert abs(shown["today"]["order_last_trade"] - time.time()) < 60
    counted = [body for kind, body in records(tmp_path) if kind == "signed"]
    assert [body.get("order") for body in counted] == [order(DCA).hash, None, None, None]
    assert counted[0]["bought"] == str(100 * DOLLAR)


async def test_it_is_read_again_on_sighup_and_never_for_a_request(tmp_path: Path) -> None:
    """A new file does nothing until SIGHUP. One that cannot be used changes nothing. Clearing must be written down."""
    async with running(tmp_path) as keeper:
        client = keeper.client
        assert (await ask_greeting(client.path)).order is None
        put(tmp_path, DAY_CAP)
        for nonce in range(2):
            await client.sign_transaction(CHAIN, nonce, trade(200), FEES, ANSWERS)
        shown = await told(keeper, lambda shown: shown["order"] is not None)
        assert shown["order"]["reading"] == DAY_CAP
        assert shown["today"]["order_bought"] == 0  # what was bought before is not this order's
        assert await refused(client.sign_transaction(CHAIN, 2, trade(200), FEES, ANSWERS)) == "order_size"
        for nonce in (2, 3):
            await client.sign_transaction(CHAIN, nonce, trade(100), FEES, ANSWERS)
        assert await refused(client.sign_transaction(CHAIN, 4, trade(100), FEES, ANSWERS)) == "order_day"
        await client.sign_transaction(CHAIN, 4, trade(50), FEES, ANSWERS)

        log = tmp_path / "state" / "signer.log"
        for text in ("buy the dip", "", "Buy 5 USDC worth of DOGE."):
            put(tmp_path, text)
            before = log.read_text().count("signer.order_rejected")
            await told(keeper, lambda _, n=before: log.read_text().count("signer.order_rejected") == n + 1)  # type: ignore[misc]
        (tmp_path / "state" / "signer" / FILE).unlink()
        await told(keeper, lambda shown: log.read_text().count('"signer.order"') == 2)
        assert await refused(client.sign_transaction(CHAIN, 5, trade(200), FEES, ANSWERS)) == "order_size"

        put(tmp_path, CLEARED)
        await told(keeper, lambda shown: shown["order"] is None)
        await client.sign_transaction(CHAIN, 5, trade(200), FEES, ANSWERS)
        put(tmp_path, DAY_CAP)
        shown = await told(keeper, lambda shown: shown["order"] is not None)
        assert shown["today"]["order_bought"] == 250 * DOLLAR  # the same order again has not forgotten


async def test_no_request_sets_or_clears_it(tmp_path: Path) -> None:
    """The socket has no such request, and the caps that a daemon hands over do not touch it."""
    put(tmp_path, SALE)
    async with running(tmp_path) as keeper:
        for request, fields in (
            ("order", {"reading": None}),
            ("show", {"order": None}),
            ("hello", {"order": None}),
            ("allow", {"approvals": {}, "trades": {}, "daily": {}, "prices": {}, "order": None}),
        ):
            with pytest.raises(Exception, match=r"known requests|the fields must be"):
                await ask(keeper.client.path, request, **fields)
        assert (await ask_greeting(keeper.client.path)).order == order(SALE).hash
        assert await refused(keeper.client.sign_transaction(CHAIN, 0, trade(1), FEES, ANSWERS)) == "order"


async def test_a_file_that_another_user_may_write_ends_the_start(tmp_path: Path) -> None:
    """Or one that is no plain file, or that says nothing; the log's last line names the file."""
    path = put(tmp_path, DCA)
    with contextlib.ExitStack() as stack:
        stack.callback(lambda: path.chmod(0o600))
        path.chmod(0o620)
        with pytest.raises(SettingsError, match="may be written by another user"):
            async with running(tmp_path):
                pass
    ledger = SigningLedger.open(tmp_path / "ledger", CHAIN, WALLET, DayCaps({}, 1, 1, 1))
    place = tmp_path / "place"
    place.mkdir()
    (place / "elsewhere").write_text(DCA)
    for make, why in (
        (lambda: (place / FILE).symlink_to(place / "elsewhere"), "cannot be read"),
        (lambda: os.mkfifo(place / FILE), "no regular file"),
        (lambda: (place / FILE).write_text(" \n"), "empty or too long"),
        (lambda: (place / FILE).write_text("x" * 20_000), "empty or too long"),
        (lambda: (place / FILE).write_bytes(b"\xff\xfe"), "not UTF-8"),
    ):
        make()
        (place / FILE).chmod(0o600) if not (place / FILE).is_symlink() else None
        with pytest.raises(SettingsError, match=why):
            order_in_force(place, NETWORK, ledger)
        (place / FILE).unlink()
    assert order_in_force(place, NETWORK, ledger) is None
    assert [kind for kind, _ in ledger.records()] == ["opened"]
    ledger.close()


def test_an_orders_day_ends_and_its_gap_does_not(tmp_path: Path) -> None:
    """At 00:00 UTC the purchases start again at zero, the time since the last trade goes on; of each order its own."""
    clock = Clock()
    clock.now = 20_000 * DAY + DAY - 60.0
    ledger = SigningLedger.open(tmp_path, CHAIN, WALLET, DayCaps({USDC.lower(): 10**12}, 10**18, 100, 100), clock)
    spends = {USDC.lower(): 5}
    ledger.transaction(SigningRequest(0, "a", False, 1, spends), {"order": "x", "bought": "5"})
    ledger.transaction(SigningRequest(1, "b", False, 1, spends), {"order": "y", "bought": "7"})
    ledger.transaction(SigningRequest(2, "c", False, 1, spends), {})
    at = clock.now
    assert ledger.order_trades("x", 3600) == OrderTrades(5, at)
    clock.now += 120
    assert ledger.order_trades("x", 3600) == OrderTrades(0, at)
    assert ledger.order_trades("y", 100) == OrderTrades(0, None)
    clock.now = at - 10  # set back: the trade lies ahead
    assert ledger.order_trades("y", 100) == OrderTrades(7, at)
    ledger.close()


async def test_the_reserve_is_read_at_the_endpoint(tmp_path: Path, devnet: Devnet) -> None:
    """The quote token's balance comes with the prices; a purchase that would use the reserve is refused."""
    await devnet.market.step()
    await devnet.fund(WALLET, {"USDC": 550 * DOLLAR, "WETH": 0})
    quote = await FeedPrices(devnet.rpc, NETWORK, 60).read(BUY, WALLET, {}, quote_balance=True)
    assert (quote.held, quote.quote_held) == (0, 550 * DOLLAR)
    assert quote.nonce is not None
    put(tmp_path, "Buy 100 USDC worth of WETH. Keep 500 USDC.")
    async with running(tmp_path, signer={"rpc_url": devnet.rpc_url}) as keeper:
        assert (await ask_enforced(keeper.client.path))["order"]["reserve_checked"] is True
        client, nonce, least = keeper.client, quote.nonce, 10**18  # above any fair price
        assert await refused(client.sign_transaction(CHAIN, nonce, trade(51, least=least), FEES)) == "order_reserve"
        await client.sign_transaction(CHAIN, nonce, trade(50, least=least), FEES)


# ------------------------------------------------------------ the operator's commands
