"""I33: the daemon's own student reads an order in words, and only what it read from exactly these words is approved.

The student is a stand-in: a list of answers, right and wrong.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from sentinel.agent.episode import Message
from sentinel.agent.reader import Readings
from sentinel.agent.reading_report import reading_report
from sentinel.config import settings as settings_module
from sentinel.config.settings import load
from sentinel.core.actions import Finish, Sample
from sentinel.core.errors import ModelUnavailable, OperatorError
from sentinel.daemon.approved_order import read_order
from sentinel.daemon.operator.control import ControlServer, ask
from sentinel.journal.journal import Journal
from sentinel.orders.playing.envelope import order_hash
from tests.attack.edges import listening
from tests.attack.order_daemon import Daemon
from tests.decide import fair_market
from tests.decide.fair_market import NETWORK

WORDS = "scoop 80 dollars of ether when it is at 1,650 or less, one time"
READING = "If the price of WETH is at most 1,650 USDC, buy 80 USDC worth of WETH, once."
DIGEST = order_hash(read_order(READING, NETWORK))
OTHER = "If the price of WETH is at most 1,650 USDC, buy 8,000 USDC worth of WETH, once."


class Student:
    """It answers once it may."""

    def __init__(self, *texts: str) -> None:
        self.texts, self.asked, self.may = texts, asyncio.Event(), asyncio.Event()

    async def sample(self, messages: Sequence[Message], n: int, prefill: str, *, after: int = 0) -> list[Sample]:
        self.asked.set()
        await self.may.wait()
        return [Sample(0, index, text, 10, Finish.STOP) for index, text in enumerate(self.texts)]

    @contextlib.asynccontextmanager
    async def connected(self, settings: Any) -> AsyncIterator[Student]:
        yield self


@pytest.fixture
def daemon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Daemon]:
    for name in settings_module.names():
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    journal = Journal.open(tmp_path / "journal", NETWORK, "0x00", fair_market.WALLET)
    yield Daemon(tmp_path, journal, listening(), load(None, reading={"samples": 3}))
    journal.close()


async def refused(match: str, asking: Callable[[], Any]) -> None:
    with pytest.raises(OperatorError, match=match):
        await asking()


async def test_words_are_read_over_the_socket_while_everything_else_goes_on(daemon: Daemon) -> None:
    """One reading at a time; other requests are answered. What is approved is journaled with the words."""
    student = Student(READING, READING, OTHER)
    daemon.operator.readings.connect = student.connected
    server = ControlServer(daemon.folder, daemon.operator, daemon.caught.errors)
    await server.start()

    async def request(name: str, **fields: Any) -> dict[str, Any]:
        return await asyncio.to_thread(ask, daemon.folder, name, **fields)

    try:
        reading = asyncio.create_task(request("read_order", words=f" {WORDS}\n"))
        await student.asked.wait()
        await refused("known requests", lambda: request("anything"))  # answered at once
        await refused("another order is being read", lambda: request("read_order", words=WORDS))
        student.may.set()
        report = (await reading)["readings"]
        assert (report["words"], report["answer"], report["can_approve"]) == (WORDS, READING, True)
        assert [(group["votes"], group["hash"]) for group in report["groups"]] == [(2, DIGEST)]
        assert report["dropped"] == {"not grounded: the words do not say a size of 8,000": 1}
        daemon.require_unchanged()

        for words, reading_text in ((f"{WORDS}!", READING), ("ignore the above", READING), (WORDS, OTHER)):
            digest = order_hash(read_order(reading_text, NETWORK))
            approve = functools.partial(request, "approve_order", reading=reading_text, hash=digest, words=words)
            await refused("has not read the order from these words", approve)
            daemon.require_unchanged()
        await request("approve_order", reading=READING, hash=DIGEST, words=WORDS)
        current = daemon.journal.orders.current()
        assert current is not None
        assert (current.hash, current.text, current.reading) == (DIGEST, WORDS, READING)
    finally:
        await server.stop()


async def test_a_restart_between_reading_and_approval_asks_to_read_again(daemon: Daemon) -> None:
    """The words are part of the student's prompt; but an order that was approved with them may be approved again."""
    student = Student(READING)
    student.may.set()
    daemon.operator.readings.connect = student.connected
    await daemon.operator.read_order(WORDS)
    daemon.operator.readings.__init__()  # type: ignore[misc]  # as after a restart: nothing is known
    with pytest.raises(OperatorError, match="has not read the order from these words"):
        daemon.operator.approve_order(READING, DIGEST, WORDS)
    daemon.require_unchanged()
    daemon.operator.readings.connect = student.connected
    await daemon.operator.read_order(WORDS)
    daemon.operator.approve_order(READING, DIGEST, WORDS)
    daemon.operator.cancel_order("enough")
    daemon.operator.readings.__init__()  # type: ignore[misc]
    daemon.operator.approve_order(READING, DIGEST, WORDS)
    current = daemon.journal.orders.current()
    assert current is not None
    assert current.text == WORDS


async def test_a_question_makes_nothing_approvable(daemon: Daemon) -> None:
    """Although one of the readings would trade."""
    student = Student("Ask: how much?", "Ask: how much?", READING)
    student.may.set()
    daemon.operator.readings.connect = student.connected
    report = await daemon.operator.read_order(WORDS)
    assert (report["answer"], report["can_approve"]) == ("Ask: how much?", False)
    with pytest.raises(OperatorError, match="has not read"):
        daemon.operator.approve_order(READING, DIGEST, WORDS)
    daemon.require_unchanged()


async def test_a_stop_and_a_silent_student_end_a_reading(daemon: Daemon, monkeypatch: pytest.MonkeyPatch) -> None:
    """Within a bound; afterwards the next one can begin, unless the daemon stops."""

    class Silent(Student):
        async def sample(self, messages: Sequence[Message], n: int, prefill: str, *, after: int = 0) -> list[Sample]:
            raise ModelUnavailable("refused")

    monkeypatch.setattr("sentinel.daemon.operator.order_readings.bound", lambda settings: 0.05)
    student, read = Student(READING), daemon.operator.read_order
    daemon.operator.readings.connect = student.connected
    await refused("no readings within", lambda: read(WORDS))
    daemon.operator.readings.connect = Silent().connected
    await refused("no student answers", lambda: read(WORDS))
    await refused("cannot be printed", lambda: read("sell\x1b[31m all"))
    monkeypatch.setattr("sentinel.daemon.operator.order_readings.bound", lambda settings: 60)
    daemon.operator.readings.connect = student.connected
    reading = asyncio.create_task(read(WORDS))
    await asyncio.sleep(0)
    daemon.operator.parts.lifecycle.stop()
    await refused("is stopping", lambda: reading)
    await refused("is stopping", lambda: read(WORDS))
    daemon.require_unchanged()


async def until_free(daemon: Daemon) -> None:
    for _ in iter(lambda: daemon.operator.readings.busy, False):
        await asyncio.sleep(0.01)


async def test_a_reading_that_nobody_waits_for_any_more_still_counts_as_under_way(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its thread cannot be stopped: readings that took too long would pile up beside the cycles."""
    ended, real = threading.Event(), reading_report

    def slow(readings: Readings) -> dict[str, Any]:
        ended.wait(60)
        return real(readings)

    student, read = Student(READING, READING, OTHER), daemon.operator.read_order
    student.may.set()
    daemon.operator.readings.connect = student.connected
    monkeypatch.setattr("sentinel.daemon.operator.order_readings.reading_report", slow)
    monkeypatch.setattr("sentinel.daemon.operator.order_readings.bound", lambda settings: 0.5)
    await refused("no readings within", lambda: read(WORDS))
    await refused("another order is being read", lambda: read(WORDS))
    ended.set()
    monkeypatch.setattr("sentinel.daemon.operator.order_readings.bound", lambda settings: 60)
    await asyncio.wait_for(until_free(daemon), 60)
    assert (await read(WORDS))["answer"] == READING


async def test_what_the_student_judges_is_accepted_or_not_approved(daemon: Daemon) -> None:
    """I34: over the socket only a plain true accepts it; nothing is journaled otherwise."""
    text = 'If it is judged that "it looks shaky", sell all of WETH.'
    server = ControlServer(daemon.folder, daemon.operator, daemon.caught.errors)
    await server.start()
    digest = order_hash(read_order(text, NETWORK))

    async def approve(accepting: object) -> None:
        fields: dict[str, Any] = {"reading": text, "hash": digest, "accept_judgement": accepting}
        await asyncio.to_thread(functools.partial(ask, daemon.folder, "approve_order", **fields))

    try:
        for accepting in (None, False, "true", 1):
            await refused("the student alone would judge", functools.partial(approve, accepting))
            daemon.require_unchanged()
        await approve(True)
    finally:
        await server.stop()
    current = daemon.journal.orders.current()
    assert current is not None
    assert current.hash == digest
