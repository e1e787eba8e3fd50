"""What feeds the service manager's watchdog and extends a start: heads and cycles, and no probe."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import replace
from pathlib import Path

import pytest

from sentinel.observe.systemd import Notifier, Pulse
from tests.daemon.scripted import Cycle, Heads, make


@pytest.mark.attack("a timer that something else restarts", "contained")
@pytest.mark.parametrize("looks", [False, True], ids=["a reader that hangs", "a chain that stands still"])
async def test_the_watchdog_is_fed_by_heads_and_cycles_alone(tmp_path: Path, looks: bool) -> None:
    """Probes that end feed nothing. Looks for heads do: a chain that stands still has systemd kill nothing."""
    manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    manager.bind(str(tmp_path / "notify"))
    manager.setblocking(False)
    probed = 0

    async def probe() -> tuple[bool, str]:
        nonlocal probed
        probed += 1
        return True, "fine"

    async def look() -> None:
        await (asyncio.sleep(0.02) if looks else asyncio.Event().wait())

    cycle = Cycle()
    daemon = make(cycle, Heads(last=1), probes={"model": probe}, probe_every=0.01, looks=look)
    notifier = Notifier({"NOTIFY_SOCKET": str(tmp_path / "notify")})
    telling = replace(daemon.telling, notifier=notifier, pulse=Pulse(notifier, daemon.telling.health))
    daemon = replace(daemon, telling=telling, loop=replace(daemon.loop, telling=telling))
    running = asyncio.create_task(daemon.run())
    await cycle.started.wait()
    await asyncio.sleep(0.05)
    fed(manager)
    before = probed
    await asyncio.sleep(0.3)
    assert probed > before + 5
    assert (fed(manager) > 1) is looks
    daemon.stop()
    assert await asyncio.wait_for(running, 2) == 0
    manager.close()


async def test_a_start_on_a_chain_that_stands_still_is_extended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What an earlier run left is followed for as long as heads are looked for; a start that hangs is not extended."""
    monkeypatch.setattr("sentinel.daemon.daemon.PULSE", 0.05)
    manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    manager.bind(str(tmp_path / "notify"))
    manager.setblocking(False)
    daemon = make(Cycle(), Heads(last=1))
    notifier = Notifier({"NOTIFY_SOCKET": str(tmp_path / "notify")})
    telling = replace(daemon.telling, notifier=notifier, pulse=Pulse(notifier, daemon.telling.health))
    hangs = False

    async def follow() -> None:
        while True:
            await asyncio.sleep(0.02)
            if not hangs:
                telling.health.looked()

    daemon = replace(daemon, telling=telling, loop=replace(daemon.loop, telling=telling), before=follow)
    running = asyncio.create_task(daemon.run())
    await asyncio.sleep(0.3)
    assert heard(manager, b"EXTEND_TIMEOUT_USEC") >= 3
    hangs = True
    await asyncio.sleep(0.1)
    heard(manager, b"")
    await asyncio.sleep(0.3)
    assert heard(manager, b"EXTEND_TIMEOUT_USEC") == 0
    daemon.stop()
    assert await asyncio.wait_for(running, 2) == 0
    manager.close()


def fed(manager: socket.socket) -> int:
    """How often the watchdog was fed since the last call."""
    return heard(manager, b"WATCHDOG=1")


def heard(manager: socket.socket, what: bytes) -> int:
    """How many messages since the last call begin so."""
    count = 0
    while True:
        try:
            count += manager.recv(4096).startswith(what)
        except BlockingIOError:
            return count
