"""Readiness follows what is really there: the model, the fork, the heads."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from sentinel.config.settings import Settings
from sentinel.core.decision import Act, Hold
from sentinel.core.record import CycleRecord
from sentinel.daemon.wiring import App, opened
from sentinel.market import Devnet
from sentinel.observe import plain_words
from sentinel.observe.logs import cycle_fields
from tests.daemon.endpoint import Endpoint
from tests.daemon.running import ALLOWED, ORDER, PURSE, WALLET, moving


class Watched:
    def __init__(self, app: App, endpoint: Endpoint, records: list[CycleRecord]) -> None:
        self.app = app
        self.endpoint = endpoint
        self.records = records

    async def checks(self) -> tuple[int, list[dict[str, Any]]]:
        """Status of /readyz and what it says."""
        async with aiohttp.ClientSession() as session, session.get(f"{self.app.parts.board.web}/readyz") as response:
            return response.status, (await response.json())["checks"]

    async def ready(self) -> tuple[int, dict[str, str]]:
        """Status of /readyz, and why each failing check fails."""
        status, checks = await self.checks()
        return status, {check["name"]: check["why"] for check in checks if not check["ok"]}

    async def until(self, status: int, *failing: str) -> dict[str, str]:
        now, bad = 0, dict[str, str]()
        for _ in range(600):
            if self.app.parts.board.web is not None:
                now, bad = await self.ready()
            if now == status and set(failing) <= set(bad):
                return bad
            await asyncio.sleep(0.1)
        raise AssertionError(f"wanted {status} {failing}, last {now} {bad}")

    async def said_of(self, part: str, wanted: str) -> int:
        """Status of /readyz once its check of `part` says what is wanted."""
        for _ in range(200):
            status, checks = await self.checks()
            if any(check["name"] == part and wanted in check["why"] for check in checks):
                return status
            await asyncio.sleep(0.05)
        raise AssertionError(f"wanted {wanted!r} of {part}, last {checks}")

    async def counted(self, name: str, **labels: str) -> float:
        """A counter's value on /metrics; 0 where it has none yet."""
        async with aiohttp.ClientSession() as session, session.get(f"{self.app.parts.board.web}/metrics") as response:
            families = text_string_to_metric_families(await response.text())
        return sum(s.value for family in families for s in family.samples if (s.name, s.labels) == (name, labels))

    async def next_record(self) -> CycleRecord:
        """Of a cycle that starts after now."""
        count = len(self.records) + 2
        for _ in range(200):
            if len(self.records) >= count:
                return self.records[-1]
            await asyncio.sleep(0.05)
        raise AssertionError("no cycle came")


@pytest.fixture
def direct() -> str:
    """SENTINEL_FORK__NODE_SIMULATION; a test may ask for another."""
    return "auto"


@pytest.fixture
async def watched(devnet: Devnet, tmp_path: Path, direct: str) -> AsyncIterator[Watched]:
    """A dry run in this process, its student served by a scripted endpoint, probed often."""
    await devnet.fund(WALLET, PURSE)
    await devnet.allow_permit2(WALLET, ALLOWED)
    endpoint = Endpoint()
    await endpoint.start()
    settings = Settings(
        state_dir=tmp_path,
        rpc={"url": devnet.rpc_url, "ws_url": devnet.ws_url},
        fork={"port": 0, "timeout": 2.0, "node_simulation": direct},
        web={"port": 0},
        model={"url": endpoint.url, "timeout": 1.0},
        strategy={"order": ORDER},
        wallet={"address": WALLET},
        log={"level": "error"},
        paper={"wallet": "chain"},  # nothing changes it, so each cycle acts
    )
    records: list[CycleRecord] = []
    async with moving(devnet, 0.2), opened(settings, on_cycle=records.append) as app:
        daemon = replace(app.daemon, loop=replace(app.daemon.loop, probe_every=0.1))
        one = Watched(app, endpoint, records)
        running = asyncio.create_task(daemon.run())
        try:
            await one.until(200)
            yield one
        finally:
            daemon.stop()
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


@pytest.mark.parametrize("direct", ["never"])
async def test_a_frozen_fork_is_not_ready_and_is_replaced(watched: Watched) -> None:
    """A fork that answers no more makes the daemon unready, never stops it, and a new fork takes over."""
    fork = watched.app.parts.fork
    assert fork is not None
    pid = fork.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    await watched.until(503, "fork")
    await watched.until(200)
    assert fork.pid not in (None, pid)
    assert (await watched.next_record()).simulations


async def test_a_killed_fork_is_started_again(watched: Watched) -> None:
    """After SIGKILL of the fork the daemon goes on, and soon simulates on a new one."""
    fork = watched.app.parts.fork
    assert fork is not None
    pid = fork.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    for _ in range(200):
        if fork.pid not in (None, pid):
            break
        await asyncio.sleep(0.05)
    assert fork.pid not in (None, pid)
    await watched.until(200)
    assert (await watched.next_record()).simulations


async def test_cycles_act_on_the_node_while_the_fork_is_frozen(watched: Watched) -> None:
    """The daemon stays ready and says why, trades are decided and confirmed on the node, it is told in the metrics and
    in the cycle's line; the fork is replaced, and simulates again once it is warm."""
    fork = watched.app.parts.fork
    assert fork is not None
    pid = fork.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)

    def on_node(record: CycleRecord) -> bool:
        return isinstance(record.decision, Act) and record.decision.simulation.where == "node"

    for _ in range(200):
        if watched.records and on_node(watched.records[-1]):
            break
        await asyncio.sleep(0.05)
    acted = watched.records[-1]
    assert on_node(acted)
    assert all(verdict.ok for verdict in acted.verdicts)
    assert cycle_fields(acted, watched.app.parts.network)["simulated_on"] == ["node"]
    assert "the node simulated" in plain_words.cycle(acted, watched.app.parts.network)
    seen = len(watched.records)
    assert await watched.said_of("fork", "the node stands in for it") == 200
    assert await watched.counted("sentinel_simulations_total", where="node") >= 2  # the candidates, the final bytes
    for _ in range(400):
        if watched.records[-1].simulations and watched.records[-1].simulations[0].where == "fork":
            break
        await asyncio.sleep(0.05)
    assert fork.pid not in (None, pid)
    assert not watched.app.parts.toolkit.simulator.node_first
    assert watched.app.parts.toolkit.watch is not None  # no daemon runs without it
    held = [record.decision.reason for record in watched.records[seen:] if isinstance(record.decision, Hold)]
    assert "fork_unavailable" not in held


@pytest.mark.parametrize("direct", ["always"])
async def test_without_a_fork_the_node_does_all(watched: Watched) -> None:
    """No second Anvil runs, and cycles act."""
    assert watched.app.parts.fork is None
    record = await watched.next_record()
    assert isinstance(record.decision, Act)
    assert {simulation.where for simulation in record.simulations} == {"node"}
    assert await watched.said_of("fork", "the node simulates, without a fork") == 200
    assert await watched.counted("sentinel_fork_resets_total") == 0
