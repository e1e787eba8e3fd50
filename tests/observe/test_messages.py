"""Messages to people: they arrive, they are bounded, and nobody's server can hold a cycle up."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from sentinel.core.decision import HoldReason
from sentinel.core.errors import SettingsError
from sentinel.core.host.process import free_port
from sentinel.market import Devnet
from sentinel.observe import logs
from sentinel.observe.messages.budget import MessageBudget
from sentinel.observe.messages.channel import Channel
from sentinel.observe.messages.delivery import Delivery, Recipient
from sentinel.observe.messages.messenger import LAST_WORDS, Messenger
from sentinel.observe.messages.outbox import ROOM
from sentinel.observe.metrics import Metrics
from tests.daemon import values
from tests.daemon.running import Cli, moving
from tests.observe.test_metrics import scraped, value


@dataclass
class Ears:
    """Somebody's web hook."""

    port: int
    heard: list[dict[str, Any]] = field(default_factory=list)
    status: int = 200
    pause: float = 0.0

    async def hear(self, request: web.Request) -> web.Response:
        self.heard.append(await request.json())
        await asyncio.sleep(self.pause)
        return web.Response(status=self.status)


@pytest.fixture
async def ears() -> AsyncIterator[Ears]:
    found = Ears(free_port())
    app = web.Application()
    app.router.add_post("/t0ken-of-the-hook", found.hear)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", found.port).start()
    yield found
    await runner.cleanup()


def file_of(ears: Ears, folder: Path) -> Path:
    path = folder / "people"
    path.write_text(f"# the desk\njson://127.0.0.1:{ears.port}/t0ken-of-the-hook\n")
    return path


async def test_a_running_daemon_tells_its_fills_and_its_pause(devnet: Devnet, ears: Ears, tmp_path: Path) -> None:
    """A confirmed swap and an operator's pause arrive at the web hook; its token stands in no log."""
    people = file_of(ears, tmp_path)
    cli = await Cli.on(
        devnet,
        tmp_path,
        SENTINEL_NOTIFY__URLS_FILE=str(people),
        SENTINEL_NOTIFY__EVENTS="fills,pauses,service",
        SENTINEL_EXECUTION__CONFIRMATIONS="1",
    )
    async with moving(devnet):
        try:
            code, out, _ = await cli("notify")
            assert (code, out.strip()) == (0, "2:json: sent")
            await cli.spawn("run", "--live")
            await cli.until(lambda found: found["transactions"].get("confirmed", 0) > 0, "status")
            await cli.json("pause", "lunch")
            await cli.until(lambda _: any("halted" in one["title"] for one in ears.heard), "status")
        finally:
            await cli.end()
    titles = [one["title"] for one in ears.heard]
    assert titles[1] == "Sentinel: started"
    (fill,) = [one for one in ears.heard if one["title"] == "Sentinel: confirmed"][:1]
    assert "swap" in fill["message"]
    assert "bps against the simulation" in fill["message"]
    assert [one["message"] for one in ears.heard if "halted" in one["title"]] == ["lunch"]
    assert "t0ken" not in (tmp_path / "stderr").read_text()


async def test_a_test_message_that_does_not_arrive_is_told(ears: Ears, tmp_path: Path) -> None:
    """Exit code 1, the line of the file and its kind, and not the address."""
    ears.status = 500
    cli = Cli(tmp_path, {"SENTINEL_NOTIFY__URLS_FILE": str(file_of(ears, tmp_path))})
    code, out, err = await cli("notify", "--json")
    assert code == 1
    assert json.loads(out) == [{"target": "2:json", "ok": False}]
    assert "t0ken" not in out + err


@pytest.mark.parametrize("text", ["", "nonsense://x", "# nobody\n"])
def test_a_file_that_names_nobody_is_refused(tmp_path: Path, text: str) -> None:
    """At the start, by its line, without what stands there."""
    path = tmp_path / "people"
    path.write_text(text)
    with pytest.raises(SettingsError) as error:
        Channel.of_file(path)
    assert "nonsense" not in str(error.value)


@dataclass
class Slow:
    """A server that takes its time, or fails."""

    seconds: float = 0.0
    ok: bool = True
    name: str = "slow"
    sent: list[str] = field(default_factory=list)

    def send(self, title: str, text: str) -> bool:
        time.sleep(self.seconds)
        self.sent.append(text)
        return self.ok


def messenger(
    metrics: Metrics,
    *channels: Recipient,
    every: float = 1e-9,
    clock: Callable[[], float] = time.time,
    paused: Callable[[], str | None] = lambda: None,
) -> Messenger:
    return Messenger(
        [Delivery(channel, metrics, logs.logger(), every) for channel in channels],
        values.NETWORK,
        logs.logger(),
        events=("alarms", "summary", "pauses"),
        hour=6,
        paused=paused,
        summary=lambda: "a good day",
        clock=clock,
    )


async def soon(true: Callable[[], bool], seconds: float = 5.0) -> None:
    async with asyncio.timeout(seconds):
        while not true():  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def test_a_slow_server_delays_nobody_and_the_queue_is_bounded() -> None:
    """A thousand alarms while one message is on its way return at once; what does not fit is counted."""
    channel, metrics = Slow(seconds=0.5), Metrics(values.NETWORK)
    told = messenger(metrics, channel)
    await told.start()
    told.alarm("first", "one")
    await asyncio.sleep(0.1)  # it is on its way
    begun = time.monotonic()
    for number in range(1000):
        told.alarm("flood", str(number))
    assert time.monotonic() - begun < 0.5
    assert value(scraped(metrics), "sentinel_messages_total", result="suppressed") == 1000 - ROOM
    begun = time.monotonic()
    await told.stop()
    assert time.monotonic() - begun < LAST_WORDS + 1.0
    assert len(channel.sent) < ROOM


async def test_a_target_that_hangs_holds_no_other_up() -> None:
    """Each target has a thread of its own: a halt reaches the second while the first has answered nothing."""
    hanging, good = Slow(seconds=2.0), Slow()
    reason: list[str] = []
    told = messenger(Metrics(values.NETWORK), hanging, good, paused=lambda: reason[0] if reason else None)
    await told.start()
    told.alarm("x", "first")
    reason.append("the signer is gone")
    await soon(lambda: good.sent == ["first", "the signer is gone"])
    assert not hanging.sent
    await told.stop()


async def test_a_halt_is_sent_without_a_cycle_and_at_the_start() -> None:
    """Heads may have stopped, and the run that halted may have ended before its message was sent."""
    channel = Slow()
    told = messenger(Metrics(values.NETWORK), channel, paused=lambda: "the key is used elsewhere")
    await told.start()
    await soon(lambda: channel.sent == ["the key is used elsewhere"])
    await told.stop()


async def test_a_stop_lets_a_halt_go_out() -> None:
    """What halts often stops the daemon at once: its message still has three seconds."""
    channel, reason = Slow(seconds=0.3), [""]
    told = messenger(Metrics(values.NETWORK), channel, paused=lambda: reason[0] or None)
    await told.start()
    reason[0] = "everything was sold"
    await told.stop()
    assert channel.sent == ["everything was sold"]


@pytest.mark.parametrize("status", [429, 500])
async def test_a_hook_that_refuses_gets_the_halt_and_the_alarms_once_it_answers(ears: Ears, status: int) -> None:
    """Nothing urgent is lost; the halt goes first, and what was left out is counted in a message."""
    ears.status = status
    metrics = Metrics(values.NETWORK)
    target = Channel([f"json://127.0.0.1:{ears.port}/t0ken-of-the-hook"]).targets[0]
    reason: list[str] = []
    told = messenger(metrics, target, every=60.0, paused=lambda: reason[0] if reason else None)
    await told.start()
    for number in range(241):
        told.alarm("overdue", f"intent {number} is open")
    await soon(lambda: len(ears.heard) == 1)
    reason.append("the signer refused")
    await soon(lambda: len(ears.heard) == 2)  # tried at once, though the hook refused before
    ears.status = 200
    await soon(lambda: len(ears.heard) >= 4, seconds=10.0)
    await told.stop()
    titles, messages = [one["title"] for one in ears.heard], [one["message"] for one in ears.heard]
    assert titles[:2] == ["Sentinel: alarm overdue", "Sentinel: halted"]
    assert "Sentinel: halted" in titles[2:4]  # on a busy machine the alarm's next try may be due a moment earlier
    assert messages[2].endswith(f"\n(not sent before this: {241 - ROOM} alarms)")
    assert {message.partition("\n")[0] for message in messages[2:4]} == {"the signer refused", "intent 0 is open"}
    assert value(scraped(metrics), "sentinel_messages_total", result="failed") == 2


async def test_a_hook_that_hangs_is_left_after_apprises_timeout(ears: Ears) -> None:
    """The message counts as failed, and is sent again."""
    ears.pause = 6.0  # apprise waits four seconds
    metrics = Metrics(values.NETWORK)
    told = messenger(metrics, Channel([f"json://127.0.0.1:{ears.port}/t0ken-of-the-hook"]).targets[0])
    await told.start()
    told.alarm("x", "one")
    await soon(lambda: value(scraped(metrics), "sentinel_messages_total", result="failed") == 1, seconds=8.0)
    ears.pause = 0.0
    await soon(lambda: value(scraped(metrics), "sentinel_messages_total", result="sent") == 1)
    await told.stop()
    assert [one["message"] for one in ears.heard] == ["one", "one"]


async def test_the_day_is_told_once_at_its_hour() -> None:
    """The first cycle after 06:00 UTC tells it, and no other of that day."""
    now = 20_000 * 86_400 + 5.9 * 3600
    channel = Slow()
    told = messenger(Metrics(values.NETWORK), channel, clock=lambda: now)
    await told.start()
    for hours in (0.0, 0.2, 1.0, 12.0):
        now += 3600 * hours
        told.cycle_done(values.record(values.hold(HoldReason.HOLD_VOTED)))
    await soon(lambda: channel.sent == ["a good day"])
    await told.stop()


async def test_a_summary_that_fails_ends_nothing() -> None:
    """The daemon goes on, and the day is not tried again with each cycle."""
    now, tried = 20_000 * 86_400.0, 0

    def failing() -> str:
        nonlocal tried
        tried += 1
        raise ZeroDivisionError

    channel = Slow()
    told = messenger(Metrics(values.NETWORK), channel, clock=lambda: now)
    told._summary = failing
    await told.start()
    now += 86_400
    for _ in range(2):
        told.cycle_done(values.record(values.hold(HoldReason.HOLD_VOTED)))
    assert tried == 1
    assert not channel.sent
    await told.stop()


def test_a_budget_fills_again_but_not_beyond_its_burst() -> None:
    """However long nothing was sent, no more than the burst goes out at once; a clock set back gives nothing."""
    now = 0.0
    budget = MessageBudget(2, 10.0, lambda: now)
    assert [budget.take() for _ in range(3)] == [True, True, False]
    now = 1000.0
    assert [budget.take() for _ in range(3)] == [True, True, False]
    now = 0.0
    assert not budget.take()
