"""What the commands tell of a journal, a file of schema 1 among them."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from sentinel.cli import common, decision_history, pnl
from sentinel.core.transaction import Outcome
from sentinel.journal.journal import Journal
from tests.journal.values import GENESIS, NETWORK, WALLET, cycle, end, intent, settled

OLD = Path(__file__).parents[1] / "journal" / "version1.sql"


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Of the journal that the commands open."""
    path = tmp_path / "journal.sqlite3"

    def opened(*_: object, read_only: bool) -> tuple[Journal, object]:
        return Journal.open(path, NETWORK, None, None, read_only=read_only), NETWORK

    monkeypatch.setattr(common, "open_journal", opened)
    monkeypatch.chdir(tmp_path)
    return path


def test_only_what_was_confirmed_was_paid(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    journal = Journal.open(path, NETWORK, GENESIS, WALLET)
    for outcome in (Outcome.CONFIRMED, Outcome.REVERTED, None):
        one = intent(signed=outcome is not None)
        journal.accept(cycle(one), one)
        if outcome is not None:
            end(journal, settled(one, outcome))
    journal.close()
    decision_history.trades()
    dry, reverted, confirmed = capsys.readouterr().out.splitlines()
    assert "  paid 500 USDC, asked" in confirmed
    for line in (dry, reverted):
        assert "  would pay 500 USDC, asked" in line


def test_gas_that_was_not_valued_is_no_zero(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Schema 1 kept a settlement's gas in the native coin alone."""
    with sqlite3.connect(path) as db:
        db.executescript(OLD.read_text(encoding="utf-8"))
    db.close()
    Journal.open(path, NETWORK, GENESIS, WALLET).close()  # as the daemon's next start does
    pnl.pnl()
    _, day, _ = capsys.readouterr().out.splitlines()
    assert day.split()[2:4] == ["-22.00", "-"]


def test_a_picture_that_cannot_be_written_is_said(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Journal.open(path, NETWORK, GENESIS, WALLET).close()
    where = path.parent / "none" / "x.svg"
    assert common.guarded(lambda: pnl.pnl(svg=where)) == common.CONFIGURATION
    assert f"--svg {where}: No such file or directory" in capsys.readouterr().err
