"""The commands that read the journal: on one that was changed they say so in one line; what they show and export."""

from __future__ import annotations

import csv
import io
import json
import sqlite3
from pathlib import Path

import pytest

from sentinel.__main__ import app
from sentinel.cli import common
from sentinel.config.network_file import load_network
from sentinel.core.transaction import Outcome
from sentinel.journal.journal import Journal
from tests.journal.values import GENESIS, WALLET, cycle, end, intent, settled

# Every command that reads the journal, without a daemon.
READERS = (
    "trades",
    "trades --csv",
    "pnl",
    "decisions",
    "decisions show 58",
    "decisions export",
    "status",
    "doctor",
    "calibrate --force",
    "replay 58",
    "order history",
    "order show",
    "order approve ab",
    "verify",
)


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A journal of 58 records and more, with one trade, in the state directory of the commands."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SENTINEL_STATE_DIR", str(tmp_path))
    monkeypatch.setenv("SENTINEL_NETWORK", "devnet")
    monkeypatch.setenv("SENTINEL_RPC__URL", "http://127.0.0.1:9")
    path = tmp_path / "journal.sqlite3"
    journal = Journal.open(path, load_network("devnet"), GENESIS, WALLET)
    one, other = intent(), intent()
    journal.accept(cycle(one), one)
    end(journal, settled(one))
    journal.accept(cycle(other), other)
    end(journal, settled(other, Outcome.REVERTED))
    while journal.equity.tip() < 62:
        journal.record(cycle())
    journal.close()
    return path


def run(command: str, capsys: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    import shlex

    code = common.guarded(lambda: app(shlex.split(command)))
    out, err = capsys.readouterr()
    return code, out, err


@pytest.mark.parametrize("command", READERS)
def test_a_byte_of_record_58_is_missed_by_no_command(
    path: Path, command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line that names the record, what differs and what to do, and exit code 4."""
    with sqlite3.connect(path) as db:
        (packed,) = db.execute("SELECT packed FROM records WHERE seq = 58").fetchone()
        changed = bytearray(packed)
        changed[len(changed) // 2] ^= 1
        db.execute("UPDATE records SET packed = ? WHERE seq = 58", (bytes(changed),))
    db.close()
    code, out, err = run(command, capsys)
    assert code == common.CONFIGURATION
    (line,) = [line for line in (out if command == "doctor" else err).splitlines() if "record 58" in line]
    assert "record 58 (cycle, " in line
    assert "its content does not match its hash; keep this file, and restore a copy" in line
    assert "Traceback" not in err


def test_a_file_that_is_no_database_is_said_too(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A damaged page, wherever it is, ends with the same exit code."""
    data = bytearray(path.read_bytes())
    data[100:4096] = bytes(3996)
    path.write_bytes(data)
    code, _, err = run("trades", capsys)
    assert code == common.CONFIGURATION
    assert "the file is damaged" in err


def test_verify_counts_what_it_checked(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run("verify --json", capsys)
    report = json.loads(out)
    assert code == 0
    assert (report["records"], report["dropped"], report["bytes"]) == (62, 0, path.stat().st_size)


def test_verify_finds_a_changed_index(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The reason of a hold is shown from the index, so the index must say what the record says."""
    with sqlite3.connect(path) as db:
        db.execute("UPDATE cycles SET detail = 'all is well' WHERE seq = 58")
    db.close()
    code, _, err = run("verify", capsys)
    assert code == common.CONFIGURATION
    assert "the index of cycles does not agree with the records" in err


def test_one_cycle_is_shown_whole(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The trade with what came of it, on one screen; --json has the record itself."""
    code, out, _ = run("decisions show 2", capsys)
    assert code == 0
    assert "block     100" in out
    assert "swap 500 USDC to WETH" in out
    assert "+0.25 WETH" in out
    assert "confirmed" in out
    assert "gas       0.001 ETH; shortfall +0.00 bps" in out
    assert len(out.splitlines()) < 50
    assert max(map(len, out.splitlines())) <= 120
    _, out, _ = run("decisions show 2 --json", capsys)
    assert json.loads(out)["record"]["decision"]["votes"] == 5
    assert run("decisions show 9999", capsys)[0] == common.USAGE


def test_all_cycles_are_exported(path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each line has the index and the record; the times bound them; a missing library is named with its extra."""
    code, out, err = run("decisions export", capsys)
    rows = [json.loads(line) for line in out.splitlines()]
    assert code == 0
    assert f"{len(rows)} cycles" in err
    assert [row["act"] for row in rows[:3]] == [True, True, False]
    assert {row["record"]["$"] for row in rows} == {"CycleRecord"}
    assert run("decisions export --to 2020-01-01", capsys)[1] == ""
    code, _, err = run(f"decisions export --parquet --out {tmp_path}/x.parquet", capsys)
    assert (code, "sentinel-trader[parquet]" in err) in ((common.CONFIGURATION, True), (0, False))


def test_a_tax_tool_gets_exact_amounts(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What a confirmed swap took and gave, gas in both units, the hash; a revert has gas alone."""
    code, out, _ = run("trades --csv", capsys)
    assert code == 0
    confirmed, reverted = csv.DictReader(io.StringIO(out))
    assert (confirmed["pair"], confirmed["sold"], confirmed["bought"]) == (
        "USDC/WETH",
        "500.000000",
        "0.250000000000000000",
    )
    assert (confirmed["gas"], confirmed["gas_token"], confirmed["gas_quote"]) == (
        "0.001000000000000000",
        "ETH",
        "2.000000",
    )
    assert (confirmed["transaction"], confirmed["block"]) == ("0x1", "101")
    assert confirmed["time_utc"].endswith("Z")
    assert (reverted["sold"], reverted["bought"], reverted["gas"]) == ("", "", "0.001000000000000000")
