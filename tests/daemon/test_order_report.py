"""What `sentinel order show` says while the daemon is stopped: the order, and what a start would do with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from sentinel.__main__ import app
from sentinel.config.settings import load
from sentinel.core.errors import SettingsError
from sentinel.daemon.approved_order import SETTINGS, approve_by_command, read_order
from sentinel.daemon.files import JOURNAL
from sentinel.daemon.operator.order_report import order_of_next_start
from sentinel.journal.journal import Journal
from sentinel.orders.playing.envelope import order_hash
from tests.decide import fair_market
from tests.decide.fair_market import NETWORK, NOW

DCA = "Buy 100 USDC worth of WETH, every 1 hour."
STOP = "If the price of WETH is below 1 USDC, sell all of WETH, once."


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "state").mkdir()
    return tmp_path / "state"


def begin(folder: Path, text: str, source: str) -> None:
    """A daemon that ran and was stopped: by a command or by the settings it had this order."""
    journal = Journal.open(folder / JOURNAL, NETWORK, "0x00", fair_market.WALLET)
    digest = order_hash(read_order(text, NETWORK))
    if source == SETTINGS:
        journal.orders.order_set(text, text, digest, NOW, {}, source)
        journal.orders.approved(digest, source, NOW)
    else:
        approve_by_command(journal.orders, text, digest, NOW, {})
    journal.close()


def shown(folder: Path, proposer: str = "oracle", **strategy: Any) -> Any:
    journal = Journal.open(folder / JOURNAL, NETWORK, None, None, read_only=True)
    try:
        return order_of_next_start(load(None, proposer=proposer, strategy=strategy), NETWORK, journal)
    finally:
        journal.close()


def test_an_order_that_only_the_settings_gave_is_said_to_be_theirs(folder: Path) -> None:
    """Without them a start holds, and does not trade what is shown; a program may trade if a setting says so."""
    begin(folder, DCA, SETTINGS)
    alone = shown(folder)
    assert (alone["reading"], alone["by"]) == (DCA, SETTINGS)
    assert alone["start"] == (
        "a start would hold: no order is approved, the last one is of settings that give none now: `sentinel order set`"
    )
    own = shown(folder, proposer="code", without_order="trade")
    assert own["start"] == "a start would trade without an order"
    assert shown(folder, order=DCA)["start"] == "a start would trade it, from the settings"


def test_what_the_settings_give_now_is_shown_in_its_place(folder: Path) -> None:
    """It has not begun yet; what they cannot give refuses a start."""
    begin(folder, DCA, "operator")
    assert shown(folder)["start"] == "a start would trade it"
    other = shown(folder, order=STOP)
    assert (other["reading"], other["status"], other["trades"]) == (STOP, "not begun", 0)
    refused = shown(folder, order="Buy some WETH.")
    assert refused["reading"] == DCA
    assert refused["start"].startswith("a start would be refused: SENTINEL_STRATEGY__ORDER: this is no order")


def test_a_complete_order_of_the_settings_stays_complete(folder: Path) -> None:
    begin(folder, DCA, SETTINGS)
    journal = Journal.open(folder / JOURNAL, NETWORK, None, None)
    journal.orders.completed(order_hash(read_order(DCA, NETWORK)))
    journal.close()
    assert shown(folder, order=DCA)["start"] == "a start would hold: the order is complete"


def test_without_a_last_order_a_refused_start_is_an_error(folder: Path) -> None:
    Journal.open(folder / JOURNAL, NETWORK, "0x00", fair_market.WALLET).close()
    assert shown(folder) is None
    with pytest.raises(SettingsError, match="this is no order"):
        shown(folder, order="Buy some WETH.")


def test_the_command_says_so(folder: Path) -> None:
    begin(folder, DCA, SETTINGS)
    result = CliRunner().invoke(app, ["order", "show", "--set", f"state_dir={folder}"])
    assert result.exit_code == 0
    assert "now     the daemon is not running: a start would hold: no order is approved" in result.output
