"""Readiness follows what is really there: the model, the fork, the heads."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from sentinel.app import App, opened
from sentinel.devnet import Devnet
from sentinel.settings import Settings
from sentinel.types import CycleRecord, Hold
from tests.app.endpoint import Endpoint
from tests.app.running import ALLOWED, PURSE, WALLET, moving


class Watched:
    def __init__(self, app: App, endpoint: Endpoint) -> None:
        self.app = app
        self.endpoint = endpoint
        self.records: list[CycleRecord] = []
        app.daemon.on_cycle.append(self.records.append)

    async def ready(self) -> tuple[int, dict[str, str]]:
        """Status of /readyz, and why each failing check fails."""
        async with aiohttp.ClientSession() as session, session.get(f"{self.app.parts.board.web}/readyz") as response:
            found = await response.json()
            return response.status, {check["name"]: check["why"] for check in found["checks"] if not check["ok"]}

    async def until(self, status: int, *failing: str) -> dict[str, str]:
        now, bad = 0, dict[str, str]()
        for _ in range(200):
            if self.app.parts.board.web is not None:
                now, bad = await self.ready()
            if now == status and set(failing) <= set(bad):
                return bad
            await asyncio.sleep(0.1)
        raise AssertionError(f"wanted {status} {failing}, last {now} {bad}")

    async def next_record(self) -> CycleRecord:
        """Of a cycle that starts after now."""
        count = len(self.records) + 2
        for _ in range(200):
            if len(self.records) >= count:
                return self.records[-1]
            await asyncio.sleep(0.05)
        raise AssertionError("no cycle came")


@pytest.fixture
async def watched(devnet: Devnet, tmp_path: Path) -> AsyncIterator[Watched]:
    """A dry run in this process, its student served by a scripted endpoint, probed often."""
    await devnet.fund(WALLET, PURSE)
    await devnet.allow_permit2(WALLET, ALLOWED)
    endpoint = Endpoint()
    await endpoint.start()
    settings = Settings(
        _env_file=None,
        state_dir=tmp_path,
        rpc={"url": devnet.rpc_url, "ws_url": devnet.ws_url},
        fork={"port": 0, "timeout": 2.0},
        web={"port": 0},
        model={"url": endpoint.url, "timeout": 1.0},
        wallet={"address": WALLET},
        log={"level": "error"},
    )
    async with moving(devnet, 0.2), opened(settings) as app:
        app.daemon.probe_every = 0.1
        one = Watched(app, endpoint)
        running = asyncio.create_task(app.daemon.run())
        try:
            await one.until(200)
            yield one
        finally:
            app.daemon.stop()
            assert await asyncio.wait_for(running, 20) == 0
            await endpoint.stop()


async def test_a_dead_model_is_not_ready_and_holds_until_it_is_back(watched: Watched) -> None:
    """While the endpoint is down every cycle holds with the reason; afterwards cycles and readiness come back."""
    assert watched.endpoint.asked > 0
    await watched.endpoint.stop()
    bad = await watched.until(503, "model")
    assert "model" in bad
    record = await watched.next_record()
    assert isinstance(record.decision, Hold)
    assert record.decision.reason == "model_unavailable"
    await watched.endpoint.start()
    await watched.until(200)
    assert (await watched.next_record()).proposal is not None


async def test_a_frozen_fork_is_not_ready_and_is_replaced(watched: Watched) -> None:
    """A fork that answers no more makes the daemon unready, never stops it, and a new fork takes over."""
    pid = watched.app.parts.fork.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    await watched.until(503, "fork")
    await watched.until(200)
    assert watched.app.parts.fork.pid not in (None, pid)
    assert (await watched.next_record()).simulations


async def test_a_killed_fork_is_started_again(watched: Watched) -> None:
    """After SIGKILL of the fork the daemon goes on, and soon simulates on a new one."""
    pid = watched.app.parts.fork.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    for _ in range(200):
        if watched.app.parts.fork.pid not in (None, pid):
            break
        await asyncio.sleep(0.05)
    assert watched.app.parts.fork.pid not in (None, pid)
    await watched.until(200)
    assert (await watched.next_record()).simulations
