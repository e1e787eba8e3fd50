"""Which order is in force, and what a look at it may write into the journal."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import pytest

from sentinel.config.settings import Settings, load
from sentinel.core.errors import SettingsError
from sentinel.core.market_state import MarketState
from sentinel.core.network import HexHash
from sentinel.daemon.approved_order import approve_by_command, approved_order, order_at_start, read_order
from sentinel.journal.journal import Journal
from sentinel.journal.order_records import OrderStatus
from sentinel.orders.playing.envelope import order_hash
from sentinel.orders.playing.observed import held
from sentinel.orders.playing.standing import NO_ORDER, StandingOrder
from tests.decide import fair_market
from tests.decide.fair_market import NETWORK, NOW, STATE

DCA = "Buy 100 USDC worth of WETH, every 1 hour."
STOP = "If the price of WETH is below 1 USDC, sell all of WETH, once."
OVER = "Buy 100 USDC worth of WETH, until 2001-01-01 00:00 UTC."  # it can trade nothing any more


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    journal = Journal.open(tmp_path / "journal", NETWORK, "0x00", fair_market.WALLET)
    yield journal
    journal.close()


def given(order: str = "", *, live: bool = True, **strategy: Any) -> Settings:
    return load(None, strategy={"order": order, **strategy}, execution={"mode": "live" if live else "dry"})


def standing(journal: Journal, settings: Settings) -> StandingOrder:
    order = approved_order(settings, NETWORK, journal, cast(Any, None))
    assert order is not None
    return order


def after(blocks: int) -> MarketState:
    head = replace(STATE.head, number=STATE.head.number + blocks, hash=HexHash("0x" + f"{blocks:064x}"))
    return replace(STATE, head=head)


def command(journal: Journal, text: str) -> None:
    order = read_order(text, NETWORK)
    approve_by_command(journal.orders, text, order_hash(order), NOW, {})


def test_without_any_order_nothing_is_traded(journal: Journal) -> None:
    """By the student and the oracle; a program needs none until there was one."""
    none = standing(journal, given())
    assert (none.hash, none.play(STATE).why) == (NO_ORDER, "no order is approved: `sentinel order set`")
    assert approved_order(given(), NETWORK, journal, cast(Any, None), required=False) is None
    command(journal, DCA)
    journal.orders.cancelled(order_hash(read_order(DCA, NETWORK)), "enough")
    ended = approved_order(given(), NETWORK, journal, cast(Any, None), required=False)
    assert ended is not None
    assert "the last one is cancelled" in ended.play(STATE).why
    own = given(without_order="trade")
    assert approved_order(own, NETWORK, journal, cast(Any, None), required=False) is None
    assert approved_order(own, NETWORK, journal, cast(Any, None)) is not None


def test_an_order_of_the_settings_ends_when_they_give_it_no_more(journal: Journal) -> None:
    """It does not live on in the journal."""
    assert standing(journal, given(DCA)).play(STATE).trade is not None
    left = standing(journal, given())
    assert left.hash == NO_ORDER
    assert left.play(after(1)).trade is None
    command(journal, DCA)  # the same words, by a command: now it stays
    assert standing(journal, given()).hash == order_hash(read_order(DCA, NETWORK))


def test_a_dry_run_writes_nothing_and_leaves_the_live_order(journal: Journal) -> None:
    """Neither an order nor its completion, whatever it plays."""
    command(journal, STOP)
    records = journal.verify()
    for text in (DCA, OVER):
        tried = standing(journal, given(text, live=False))
        for block in range(3):
            tried.play(after(block))
    assert journal.verify() == records
    current = journal.orders.current()
    assert current is not None
    assert current.reading == STOP


def test_an_order_that_can_trade_no_more_is_complete_for_good(journal: Journal) -> None:
    """Also at a later start with the same settings."""
    first = standing(journal, given(OVER))
    assert first.play(STATE).why == "the order is complete"
    last = journal.orders.latest(first.hash)
    assert last is not None
    assert last.status is OrderStatus.COMPLETED
    assert standing(journal, given(OVER)).play(after(1)).why == "the order is complete"


def test_what_a_sale_of_everything_leaves_is_nothing(journal: Journal) -> None:
    """228 wei of unknown cost do not keep an order with a stop from buying again; a tenth of the wallet does."""
    text = (
        "If the price of WETH is at most 95% of the high since entry of WETH, sell all of WETH. "
        "Buy 100 USDC worth of WETH, every 1 hour."
    )
    for block, (wei, bought) in enumerate([(228, "WETH"), (10**18, None)]):
        state = replace(after(block), balances={**STATE.balances, "WETH": wei})
        play = standing(journal, given(text)).play(state)
        assert (None if play.trade is None else play.trade.bought) == bought, play.why


def test_no_price_decides_what_is_held() -> None:
    """One that lies, of this coin or of another, could switch a stop off."""
    balances = {**STATE.balances, "WETH": 10**18, "WBTC": 1}
    for prices in ({"WBTC": 1e30}, {"WETH": 1e-30}, {"WETH": 0.0}):
        found = held(replace(STATE, balances=balances, prices={**STATE.prices, **prices}), NETWORK)
        assert (found["WETH"], found["WBTC"]) == (Decimal(1), Decimal("1e-8"))


def test_a_cancelled_order_no_longer_stands(journal: Journal) -> None:
    """At once, also for a cycle that is under way."""
    command(journal, DCA)
    order = standing(journal, given())
    assert order.play(STATE).trade is not None
    assert order.stands()
    journal.orders.cancelled(order.hash, "enough")
    assert not order.stands()
    assert "cancelled or replaced" in order.play(after(1)).why


def test_an_order_that_cannot_be_read_is_refused(journal: Journal, tmp_path: Path) -> None:
    """With no open intent, at a start as at a reload."""
    settings = given(order_file=tmp_path / "gone")
    for read in (order_at_start, approved_order):
        with pytest.raises(SettingsError, match="cannot be read"):
            read(settings, NETWORK, journal, cast(Any, None))
    assert journal.halt_reason is None


def test_a_start_that_must_follow_an_intent_halts_instead(
    journal: Journal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """I9: a transaction that is out is followed, whatever became of the order."""
    monkeypatch.setattr(Journal, "open_intents", lambda self: ("one",))
    order = order_at_start(given(order_file=tmp_path / "gone"), NETWORK, journal, cast(Any, None))
    assert order is not None
    assert (order.hash, order.play(STATE).trade) == (NO_ORDER, None)
    assert "cannot be read" in (journal.halt_reason or "")
