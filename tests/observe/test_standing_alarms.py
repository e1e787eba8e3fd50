"""An alarm that stands is reported when it begins, when it changes, each hour, and when it ends."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest

from sentinel.core.transaction import Outcome
from sentinel.daemon.execution_reporter import ExecutionReporter
from sentinel.execute.settlement import settle_unmined
from sentinel.observe import logs
from sentinel.observe.metrics import Metrics
from sentinel.observe.standing_alarms import CHANGES, MAX_ALARMS, REPEAT, StandingAlarms
from tests.daemon import values
from tests.journal.values import intent
from tests.observe.test_metrics import scraped, value

ID = "ab" * 16


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.attack("starving", "contained")
def test_an_overdue_intent_alarms_once_and_its_end_is_reported() -> None:
    """241 heads with the same alarm are one message and one line; Prometheus counts each, so its alert lasts."""
    clock, lines, told = Clock(), io.StringIO(), list[tuple[str, str]]()
    metrics = Metrics(values.NETWORK)
    log = logs.configure(stream=lines)
    reporter = ExecutionReporter(metrics, log, [lambda what, detail: told.append((what, detail))], clock=clock)
    for _ in range(241):
        reporter.alarm("overdue", f"{ID}: still being sent")
        clock.now += 2.0
    assert told == [("overdue", f"{ID}: still being sent")]
    assert lines.getvalue().count("transaction.alarm") == 1
    assert value(scraped(metrics), "sentinel_alarms_total", what="overdue") == 241
    reporter.settled(replace(intent(), id=ID), settle_unmined(ID, Outcome.EXPIRED), 0)
    assert told[1:] == [("overdue over", f"{ID}: the intent has ended: expired, 8 min after the alarm")]


@pytest.mark.parametrize(
    ("detail", "after", "again"),
    [
        (f"{ID}: pending", REPEAT - 1, False),
        (f"{ID}: pending", REPEAT, True),
        (f"{ID}: the nonce is used", CHANGES - 1, False),
        (f"{ID}: the nonce is used", CHANGES, True),
        (f"{ID[::-1]}: pending", 0.0, True),
        ("the signer ended: it is started again 2 more times", 0.0, True),
    ],
)
def test_it_is_reported_again_when_it_changes_or_each_hour(detail: str, after: float, again: bool) -> None:
    """A changed text waits five minutes, because a node's words may differ at each head; another intent does not."""
    clock = Clock()
    alarms = StandingAlarms(clock)
    assert alarms.raised("overdue", f"{ID}: pending")
    assert alarms.raised("overdue", "the signer ended: it is started again 3 more times")
    clock.now += after
    assert alarms.raised("overdue", detail) is again


def test_a_send_ends_what_kept_it_back_and_nothing_else() -> None:
    """The nonce gap is over once the bytes are out; a replacement that cannot be signed is not."""
    alarms = StandingAlarms(Clock())
    for what in ("nonce_gap", "refused"):
        alarms.raised(what, f"{ID}: why")
    assert [ended.what for ended in alarms.sent(ID)] == ["nonce_gap"]
    assert [ended.what for ended in alarms.settled(ID)] == ["refused"]
    assert alarms.raised("nonce_gap", f"{ID}: why")  # a new one


def test_events_end_nowhere_and_memory_is_bounded() -> None:
    """A halt is no state of the intent; what was reported long ago is forgotten."""
    alarms = StandingAlarms(Clock())
    assert alarms.raised("halted", f"{ID}: why")
    assert alarms.settled(ID) == []
    for number in range(MAX_ALARMS * 3):
        assert alarms.raised("signer", f"{number}")
    assert len(alarms._reports) == MAX_ALARMS
