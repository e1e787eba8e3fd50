"""Curves from decisions, and from a journal."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner

from sentinel.__main__ import app
from sentinel.config.network_file import load_network
from sentinel.core.errors import OperatorError
from sentinel.core.transaction import Outcome
from sentinel.decide import quorum, sizing
from sentinel.journal.calibration import curves, journal_trades, report_files
from sentinel.journal.calibration.observations import Observation
from sentinel.journal.journal import Journal
from sentinel.journal.reports import TradeOutcome
from tests.journal import values


def row(votes: int, right: bool, spread: int = 0) -> Observation:
    return Observation("s", "student:x", votes, 8, spread, right)


ROWS = [
    *[row(8, True)] * 190,
    *[row(8, False)] * 10,
    *[row(5, True, 120)] * 30,
    *[row(5, False, 400)] * 70,
]


def report() -> dict[str, object]:
    return curves.report(ROWS, agreement_bps=500, correct="the test says so")


def test_each_act_is_counted_once_and_where_it_belongs() -> None:
    found = report()
    assert found["decisions"] == len(ROWS)
    assert found["acts"] == [
        {"votes": 8, "asked": 8, "right": 190, "total": 200},
        {"votes": 5, "asked": 8, "right": 30, "total": 100},
    ]
    low, high = curves.reliability(ROWS)
    assert (low["agreement_bps"], low["share"], high["share"]) == (6250, 0.3, 0.95)
    assert low["low"] < 0.3 < low["high"]
    assert [item["spread_bps_up_to"] for item in curves.by_spread(ROWS)] == [0, 200, 500]


def test_coverage_and_risk_grow_as_less_agreement_is_asked_for() -> None:
    """At full agreement 200 of 300 acts are left and 5 % of them wrong; at any, all and 27 %."""
    strict, loose = curves.risk_coverage(ROWS)
    assert (strict["acts"], strict["risk"], strict["coverage"]) == (200, 0.05, 0.6667)
    assert (loose["acts"], loose["risk"], loose["coverage"]) == (300, 0.2667, 1.0)


def test_the_file_that_is_written_is_the_one_that_the_quorum_reads(tmp_path: Path) -> None:
    """JSON and three well-formed pictures; at 10 % only full agreement is supported, and at full size."""
    written = report_files.write(tmp_path, "student", report())
    assert [path.name for path in written] == [
        "student.json",
        "student-reliability.svg",
        "student-risk-coverage.svg",
        "student-size.svg",
    ]
    text = written[0].read_text()
    assert quorum.quorum_bps(text, max_risk=0.1, agreement_bps=500, floor_bps=5000) == 9999
    told = json.loads(text)["size_by_agreement"]
    assert list(told) == ["0.01", "0.02", "0.05", "0.1"]
    for risk, steps in told.items():
        derived = sizing.sizes(quorum.read(text, 500), float(risk))
        assert [(item["agreement_bps"], item["size_bps"]) for item in steps] == list(derived.steps)
    assert [item["size_bps"] for item in told["0.1"]] == [10_000, 1280]
    for picture in written[1:]:
        assert ElementTree.fromstring(picture.read_text()).tag.endswith("svg")


def test_no_decision_at_all_makes_empty_curves(tmp_path: Path) -> None:
    """Nothing is supported, and nothing fails."""
    empty = curves.report([], agreement_bps=500, correct="")
    assert set(empty["supported_agreement_bps"].values()) == {None}
    report_files.write(tmp_path, "empty", empty)


def settlement(number: int, votes: int, shortfall: float | None, *, reverted: bool = False) -> TradeOutcome:
    return TradeOutcome(str(number), number, number + 10, "student:x", votes, 8, 3, reverted, shortfall)


def test_right_means_mined_within_the_bound() -> None:
    """A revert and a shortfall beyond the bound are wrong, a surplus is right, later settlements are not known yet."""
    known = [
        settlement(1, 8, 10.0),
        settlement(2, 8, 10.1),
        settlement(3, 8, -50.0),
        settlement(4, 8, None, reverted=True),
        settlement(5, 8, 0.0),
    ]
    rows = journal_trades.rows(known, bound_bps=10.0, until=14.0)
    assert [item.right for item in rows] == [True, False, True, False]


def test_the_check_derives_from_older_trades_alone() -> None:
    """All is well in the first 70 %, all goes wrong in the last 30 %: the check says so."""
    known = [settlement(number, 8, 0.0 if number < 140 else 99.0) for number in range(200)]
    check = journal_trades.check(journal_trades.rows(known, bound_bps=10.0), 0.05)
    assert (check.agreement_bps, check.older) == (10_000, 140)
    assert (check.newer.hits, check.newer.total) == (60, 60)


@pytest.fixture
def state_dir(tmp_path: Path) -> Path:
    """A journal with four settled trades: three as promised, one reverted."""
    network = load_network("devnet")
    journal = Journal.open(tmp_path / "journal.sqlite3", network, values.GENESIS, values.WALLET)
    for outcome in [Outcome.CONFIRMED] * 3 + [Outcome.REVERTED, Outcome.EXPIRED]:
        intent = values.intent()
        journal.accept(values.cycle(intent), intent)
        values.end(journal, values.settled(intent, outcome))
    journal.close()
    return tmp_path


def test_calibrate_from_the_journal(state_dir: Path) -> None:
    """Too few trades are refused; by force they are counted, what was never mined left out, and files written."""
    arguments = ["calibrate", "--set", f"state_dir={state_dir}", "--json"]
    refused = CliRunner().invoke(app, arguments)
    assert isinstance(refused.exception, OperatorError)
    assert "4 settled trades" in str(refused.exception)
    done = CliRunner().invoke(app, [*arguments, "--force"])
    found = json.loads(done.stdout)
    assert found["acts"] == [{"votes": 5, "asked": 8, "right": 3, "total": 4}]
    assert not found["enough"]
    assert (state_dir / "calibration" / "journal.json").is_file()
    early = CliRunner().invoke(app, [*arguments, "--force", "--until", "2020-01-01"])
    assert isinstance(early.exception, OperatorError)
