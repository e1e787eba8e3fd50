"""Closes by chain time: against a reference that is slow and plain, through gaps, reorgs and restarts."""

from __future__ import annotations

import itertools
import os
import random
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from sentinel.chain.close_file import ASIDE, CloseFile, read_closes
from sentinel.chain.close_history import FULL, KEPT, CloseHistory, spaced
from sentinel.core.closes import WEEK, CloseSeries
from sentinel.core.market_state import Head
from sentinel.core.network import HexHash

START = 1_700_000_000
_salt = itertools.count()


def head(number: int, time: int, parent: str = "", name: str = "") -> Head:
    mine, before = HexHash(name or f"0x{number}"), HexHash(parent or f"0x{number - 1}")
    return Head(number, mine, before, START + time, 10**9, 30_000_000, "", "")


def salted(number: int, time: int, parent: str = "") -> Head:
    """A block of a branch of its own."""
    return head(number, time, parent, f"0x{number}-{next(_salt)}")


def price(of: Head) -> dict[str, float]:
    value = float(hash((of.number, of.timestamp)) % 10_007)
    return {"WETH": value} if of.number % 7 == 0 else {"WETH": value, "WBTC": value + 1}


class Reference:
    """A list of (head, prices), filtered anew after each step."""

    def __init__(self) -> None:
        self.kept: list[tuple[Head, Mapping[str, float]]] = []

    def record(self, new: Head) -> None:
        if any(old.hash == new.hash for old, _ in self.kept):
            return
        kept = [(old, prices) for old, prices in self.kept if old.number < new.number]
        if kept and kept[-1][0].number == new.number - 1 and kept[-1][0].hash != new.parent_hash:
            kept.pop()
        self.kept = [(old, prices) for old, prices in kept if old.timestamp < new.timestamp] + [(new, price(new))]
        self.tidy()

    def insert(self, new: Head) -> None:
        if any(old.number == new.number for old, _ in self.kept) or self.kept[-1][0].number <= new.number:
            return
        if any(old.timestamp == new.timestamp for old, _ in self.kept):
            return
        self.kept = sorted([*self.kept, (new, price(new))], key=lambda entry: entry[0].number)
        self.tidy()

    def rewind(self, number: int) -> None:
        self.kept = [(old, prices) for old, prices in self.kept if old.number < number]

    def tidy(self) -> None:
        newest = self.kept[-1][0].timestamp
        last_of_minute = {old.timestamp // 60: old.timestamp for old, _ in self.kept}
        self.kept = [
            (old, prices)
            for old, prices in self.kept
            if old.timestamp > newest - KEPT
            and (old.timestamp > newest - FULL or last_of_minute[old.timestamp // 60] == old.timestamp)
        ]

    def series(self, up_to: int) -> dict[str, CloseSeries]:
        found = {}
        for symbol in ("WETH", "WBTC"):
            pairs = [
                (old.timestamp, prices[symbol]) for old, prices in self.kept if symbol in prices and old.number <= up_to
            ]
            found[symbol] = CloseSeries(tuple(time for time, _ in pairs), tuple(value for _, value in pairs))
        return found


def same(history: CloseHistory, reference: Reference, at: Head) -> None:
    found = history.at(at)
    for symbol, series in reference.series(at.number).items():
        assert found.get(symbol, CloseSeries()) == series
        assert list(series.times) == sorted(set(series.times))


@pytest.mark.parametrize("seed", range(12))
def test_any_sequence_of_blocks_equals_the_reference(seed: int, tmp_path: Path) -> None:
    """Blocks, several in a second, missed blocks, long gaps, reorgs, late backfills and restarts."""
    rng = random.Random(seed)
    file = CloseFile(tmp_path / "closes")
    history, reference = CloseHistory(file), Reference()
    chain = [salted(1, 0)]
    history.record(chain[0], price(chain[0]))
    reference.record(chain[0])
    for _ in range(250):
        last, kind = chain[-1], rng.random()
        if kind < 0.08 and len(chain) > 3:  # the chain goes back, and it is announced
            del chain[-rng.randint(1, min(len(chain) - 1, rng.choice((2, 2, 30)))) :]
            history.rewind(chain[-1].number + 1)
            reference.rewind(chain[-1].number + 1)
            if not reference.kept:
                history.record(chain[-1], price(chain[-1]))
                reference.record(chain[-1])
        elif kind < 0.12:  # one block is replaced, and only the next one's parent tells
            last = salted(last.number, last.timestamp - START, last.parent_hash)
            chain[-1:] = [last]
        elif kind < 0.2:
            late = salted(rng.randint(1, last.number), rng.randint(0, last.timestamp - START))
            numbers = {old.number: old.timestamp for old, _ in reference.kept}
            fits = all((number < late.number) == (time < late.timestamp) for number, time in numbers.items())
            if fits and late.number not in numbers and late.timestamp > last.timestamp - KEPT:
                history.insert(late, price(late), history.reorgs)
                reference.insert(late)
        elif kind < 0.25:
            file.close()
            file = CloseFile(tmp_path / "closes")
            history = CloseHistory(file)
        else:
            step = rng.choice((1, 1, 1, 1, 3, 40))
            seconds = rng.choice((0, 2, 2, 12, 12, 61, 2400, WEEK // 3 if rng.random() < 0.1 else 2)) * step
            chain.append(salted(last.number + step, last.timestamp - START + seconds, last.hash))
            history.record(chain[-1], price(chain[-1]))
            reference.record(chain[-1])
        same(history, reference, chain[-1])
        same(history, reference, rng.choice(chain))
    assert [close.number for close in read_closes(tmp_path / "closes")] == [old.number for old, _ in reference.kept]
    file.close()


def test_closes_with_a_gap_are_not_equal_bars() -> None:
    """Closes at 0, 2, 4 and 2404 seconds: what was the price a minute ago is answered with its time."""
    history = CloseHistory()
    for number, time in ((1, 0), (2, 2), (3, 4), (4, 2404)):
        newest = head(number, time)
        history.record(newest, {"WETH": float(time)})
    weth = history.at(newest)["WETH"]
    assert weth.at(START + 2404 - 60) == (START + 4, 4.0)
    assert weth.at(START - 1) is None


def test_no_look_ahead_and_no_change_of_what_was_given() -> None:
    """The closes at an older head end with it, and a value that a cycle holds stays as it was."""
    history = CloseHistory()
    first, second = head(1, 0), head(2, 12)
    history.record(first, {"WETH": 1.0})
    held = history.at(first)
    history.record(second, {"WETH": 2.0})
    assert held["WETH"].prices == history.at(first)["WETH"].prices == (1.0,)
    history.record(first, {"WETH": 1.0})  # read again by a lagging endpoint: no reorg
    assert history.at(second)["WETH"].prices == (1.0, 2.0)


def test_a_block_that_was_replaced_while_it_was_read_leaves_no_close() -> None:
    """Neither as the newest block nor in a gap."""
    history = CloseHistory()
    history.record(head(1, 0), {"WETH": 1.0})
    history.record(head(9, 90), {"WETH": 9.0})
    since = history.reorgs
    history.rewind(10)
    history.record(head(10, 102), {"WETH": 10.0}, since)
    assert not history.insert(head(5, 50), {"WETH": 5.0}, since)
    assert history.insert(head(5, 50), {"WETH": 5.0}, history.reorgs)
    assert [close.number for close in history.closes] == [1, 5, 9]


def test_closes_from_before_the_first_block_come_first_and_are_not_stored(tmp_path: Path) -> None:
    """As the demo gives them."""
    file = CloseFile(tmp_path / "closes")
    history = CloseHistory(file, {"WETH": CloseSeries((START - 120, START - 60, START), (7.0, 8.0, 9.0))})
    newest = head(1, 0)
    history.record(newest, {"WETH": 1.0, "WBTC": 2.0})
    assert history.at(newest)["WETH"] == CloseSeries((START - 120, START - 60, START), (7.0, 8.0, 1.0))
    assert len(read_closes(tmp_path / "closes")) == 1
    file.close()


def test_closes_of_before_the_start_get_the_times_of_blocks() -> None:
    """The last of them one block time before block 0, whenever the process starts."""
    prior = spaced({"WETH": (1.0, 2.0, 3.0)}, head(10, 20), 2.0)
    assert prior == {"WETH": CloseSeries((START - 6, START - 4, START - 2), (1.0, 2.0, 3.0))}


# -------------------------------------------------------------------- the file

_WRITER = """
import sys
from pathlib import Path
from sentinel.chain.close_file import CloseFile
from sentinel.chain.close_history import CloseHistory
from tests.chain.test_close_history import head
history = CloseHistory(CloseFile(Path(sys.argv[1])))
parent = ""
for number in range(1, 10**6):
    block = head(number, number, parent)
    parent = block.hash
    history.record(block, {"WETH": float(number)})
    print(number, flush=True)
"""


def test_a_kill_loses_no_close_that_was_recorded(tmp_path: Path) -> None:
    """SIGKILL while blocks are written: every block that was reported is there, and the file goes on."""
    path = tmp_path / "closes"
    for _ in range(3):
        path.unlink(missing_ok=True)
        reported = 0
        with subprocess.Popen([sys.executable, "-c", _WRITER, str(path)], stdout=subprocess.PIPE, text=True) as writer:
            assert writer.stdout is not None
            for line in writer.stdout:
                reported = int(line)
                if reported >= 40:
                    writer.send_signal(signal.SIGKILL)
        file = CloseFile(path)
        history = CloseHistory(file)
        numbers = [close.number for close in history.closes]
        assert numbers == list(range(1, len(numbers) + 1))
        assert len(numbers) >= reported >= 40
        file.close()


@pytest.mark.parametrize("damage", ["rubbish", "another version", "no number", "truncated"])
def test_a_damaged_file_is_set_aside(damage: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """It lies beside the new one for whoever wants to look, and recording goes on."""
    path = tmp_path / "closes"
    file = CloseFile(path)
    history = CloseHistory(file)
    for number in range(1, 300):
        history.record(head(number, number), {"WETH": 1.0})
    file.close()
    if damage == "rubbish":
        path.write_bytes(b"not a database, and long enough to be one" * 100)
    elif damage == "truncated":
        os.truncate(path, 8192)
    else:
        with sqlite3.connect(path) as db:
            db.execute("PRAGMA user_version=9" if damage == "another version" else "UPDATE closes SET prices = '[1]'")
        db.close()
    file = CloseFile(path)
    history = CloseHistory(file)
    assert not history.closes
    history.record(head(400, 400), {"WETH": 4.0})
    assert [close.number for close in read_closes(path)] == [400]
    assert path.with_name(path.name + ASIDE).exists()
    file.close()


def test_a_file_that_breaks_while_it_is_written_is_begun_anew_with_all_closes(tmp_path: Path) -> None:
    """What memory holds is written at the next block; nothing is raised."""
    path = tmp_path / "closes"
    file = CloseFile(path)
    history = CloseHistory(file)
    history.record(head(1, 1), {"WETH": 1.0})
    file._db.execute("DROP TABLE closes")  # type: ignore[union-attr]
    history.record(head(2, 2), {"WETH": 2.0})
    file._db.execute("CREATE TABLE closes (number INTEGER PRIMARY KEY, hash, time, prices)")  # type: ignore[union-attr]
    history.record(head(3, 3), {"WETH": 3.0})
    assert [close.number for close in read_closes(path)] == [1, 2, 3]
    file.close()


def test_a_file_that_cannot_be_made_stops_nothing(tmp_path: Path) -> None:
    """The closes are kept in memory, and written once the place can be used."""
    blocked = tmp_path / "folder"
    blocked.write_text("")
    file = CloseFile(blocked / "closes")
    history = CloseHistory(file)
    history.record(head(1, 1), {"WETH": 1.0})
    assert len(history.closes) == 1
    blocked.unlink()
    history.record(head(2, 2), {"WETH": 2.0})
    assert [close.number for close in read_closes(blocked / "closes")] == [1, 2]
    file.close()
