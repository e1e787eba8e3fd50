"""The file of windows is a cache: it survives, is filled anew where it is lost, and keeps to its size."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from sentinel.agent.memory import JournalMemory, window_store
from sentinel.agent.memory.journal_history import JournaledCycle, JournalHistory, JournalPosition
from sentinel.agent.memory.window_store import MAX_WINDOWS, REORG, WindowStore
from sentinel.core.network import HexHash
from tests.agent.memory.market import Chronicle, block_hash, ended
from tests.journal.values import NETWORK


def test_it_survives_a_restart(past: Chronicle, tmp_path: Path) -> None:
    """What was read is there again, and reading goes on where it ended."""
    past.live(range(100, 200))
    now, answers = past.state(200), []
    for _ in range(2):
        opened = JournalMemory(tmp_path / "m.sqlite3", past.path, NETWORK)
        answers.append(opened.at(now).similar("WETH", 16))
        opened.close()
    assert answers[0] == answers[1] != ()
    store = WindowStore(tmp_path / "m.sqlite3")
    assert store.position.seq == 101  # the opening note and 100 cycles
    store.close()


@pytest.mark.parametrize("damage", ["missing", "noise", "cut", "version"])
def test_a_lost_file_is_read_from_the_journal_anew(past: Chronicle, tmp_path: Path, damage: str) -> None:
    """Deleted, overwritten, cut short or of another version: the answers are the same as before."""
    past.live(range(100, 200))
    path, now = tmp_path / "m.sqlite3", past.state(200)
    opened = JournalMemory(path, past.path, NETWORK)
    before = opened.at(now).similar("WETH", 16)
    opened.close()
    if damage == "missing":
        path.unlink()
    elif damage == "noise":
        path.write_bytes(b"\x5a" * 8192)
    elif damage == "cut":
        path.write_bytes(path.read_bytes()[:5000])
    else:
        with sqlite3.connect(path) as other:
            other.execute("PRAGMA user_version=99")
        other.close()
    opened = JournalMemory(path, past.path, NETWORK)
    assert opened.at(now).similar("WETH", 16) == before != ()
    opened.close()


def test_a_file_that_breaks_while_it_is_open_is_filled_anew(past: Chronicle, remembered: JournalMemory) -> None:
    """The block that finds it broken answers nothing; the next one answers as if nothing had been."""
    past.live(range(100, 200))
    before = remembered.at(past.state(200)).similar("WETH", 16)
    code = "import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute('DROP TABLE windows')"
    subprocess.run([sys.executable, "-c", code, str(past.path.with_name("memory.sqlite3"))], check=True)
    past.live([200])
    assert remembered.at(past.state(201)).similar("WETH", 16) == ()
    again = remembered.at(replace(past.state(200), head=past.state(202).head)).similar("WETH", 16)
    assert [item["return_after"] for item in again] == [item["return_after"] for item in before] != []


def test_windows_of_another_journal_are_forgotten(past: Chronicle, tmp_path: Path) -> None:
    """A memory file put beside another wallet's journal tells nothing of the first one."""
    past.live(range(100, 200))
    opened = JournalMemory(tmp_path / "m.sqlite3", past.path, NETWORK)
    assert opened.at(past.state(200)).similar("WETH", 3)
    opened.close()
    other = Chronicle(tmp_path / "other.sqlite3", genesis="0x" + "cd" * 32)
    opened = JournalMemory(tmp_path / "m.sqlite3", other.path, NETWORK)
    assert opened.at(past.state(200)).similar("WETH", 3) == ()
    opened.close()
    other.journal.close()


def test_without_a_journal_it_is_empty_and_stays_out_of_the_way(tmp_path: Path) -> None:
    """No file, no answer, no error; and a closed memory answers nothing."""
    past = Chronicle(tmp_path / "journal.sqlite3")
    opened = JournalMemory(tmp_path / "m.sqlite3", tmp_path / "nowhere.sqlite3", NETWORK)
    found = opened.at(past.state(100))
    assert (found.similar("WETH", 3), found.recall(3)) == ((), ())
    opened.close()
    assert opened.similar(past.state(100), "WETH") == ()
    past.journal.close()


def test_it_keeps_to_its_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The newest windows of a token stay, the oldest go; of the blocks no more than a reorg may need."""
    monkeypatch.setattr(window_store, "MAX_WINDOWS", 50)
    past, store = Chronicle(tmp_path / "journal.sqlite3"), WindowStore(tmp_path / "m.sqlite3")
    for number in range(100, 300):
        state = past.state(number)
        seen = JournaledCycle(number, HexHash(block_hash(number)), HexHash(block_hash(number - 1)), state.history)
        store.add([seen], ["WETH"], JournalPosition(number, "0x"))
    store.close()
    past.journal.close()
    with sqlite3.connect(tmp_path / "m.sqlite3") as other:
        assert other.execute("SELECT count(*), min(known_at) FROM windows").fetchone() == (50, 250)
        assert other.execute("SELECT count(*) FROM blocks").fetchone()[0] <= REORG + 1
    other.close()


def test_a_long_journal_is_read_from_its_newest_cycles(past: Chronicle, tmp_path: Path) -> None:
    """What would be thrown away at once is not read: the place to begin is before the newest so many cycles."""
    past.live(range(100, 200))
    told = JournalHistory(past.path, NETWORK)
    seen, _ = told.cycles_after(told.start(10), 100)
    assert [one.number for one in seen] == list(range(190, 200))
    assert told.start(MAX_WINDOWS).seq == 0
    told.close()


def test_cycles_that_read_no_market_are_passed_over(past: Chronicle, remembered: JournalMemory) -> None:
    """A hold in flight has no state, and the memory goes on behind it."""
    past.live(range(100, 150))
    past.cycle(None)
    past.live(range(150, 200))
    assert ended(past.state(200), remembered)
