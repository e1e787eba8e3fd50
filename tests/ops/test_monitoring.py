"""A running daemon under a real Prometheus and Alertmanager: faults are told of, and so is their end."""

from __future__ import annotations

import contextlib
import re
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from sentinel.core.host.process import free_port
from sentinel.market import Devnet
from sentinel.observe.instruments import Instruments
from tests.daemon.endpoint import Endpoint
from tests.daemon.running import Cli, moving
from tests.ops.monitored import monitoring


@pytest.fixture
async def model() -> AsyncIterator[Endpoint]:
    """Stands in for vLLM: the solver's answers behind the same protocol."""
    endpoint = Endpoint()
    await endpoint.start()
    yield endpoint
    await endpoint.stop()


async def test_alerts_fire_and_clear_on_injected_faults(devnet: Devnet, model: Endpoint, tmp_path: Path) -> None:
    """The student goes, the chain stands still, the daemon is killed: each is told of, reaches people, and ends."""
    port = free_port()
    cli = await Cli.on(
        devnet,
        tmp_path,
        SENTINEL_PROPOSER="student",
        SENTINEL_MODEL__URL=model.url,
        SENTINEL_WEB__PORT=str(port),
        SENTINEL_LIMITS__MAX_HEAD_AGE="60",
    )
    blocks = contextlib.AsyncExitStack()
    await blocks.enter_async_context(moving(devnet, 1.0))
    daemon = await cli.spawn("run")
    try:
        async with monitoring(tmp_path, sentinel=f"127.0.0.1:{port}") as monitor:
            await cli.until(lambda found: found["cycles"] > 2 and all(c["ok"] for c in found["checks"]), "status")
            await monitor.until_scraped()
            await monitor.until(lambda now: not now, "quiet")
            await _page_is_whole(port)

            await model.stop()
            await monitor.until_firing("SentinelModelDown")
            await monitor.until_told("SentinelModelDown", "firing")
            await model.start()
            await monitor.until_firing("SentinelModelDown", firing=False)
            await monitor.until_told("SentinelModelDown", "resolved")

            await blocks.aclose()
            await monitor.until_firing("SentinelNoNewHead")
            await blocks.enter_async_context(moving(devnet, 1.0))
            await monitor.until_firing("SentinelNoNewHead", firing=False)

            daemon.kill()
            await daemon.wait()
            await monitor.until_firing("SentinelDown")
            await cli.spawn("run")
            await monitor.until_firing("SentinelDown", firing=False)
    finally:
        await blocks.aclose()
        await cli.end()


async def _page_is_whole(port: int) -> None:
    """What is scraped is in the reference, under the same type; every metric of the reference is declared there."""
    async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}/metrics") as response:
        text = await response.text()
    told = dict(re.findall(r"^# TYPE (sentinel_\w+) (\w+)$", text, re.MULTILINE))
    known = {one.name: "gauge" if one.kind == "info" else one.kind for one in Instruments().described}
    assert told == known


async def test_a_pause_right_after_a_trade_is_no_nonce_gap(devnet: Devnet, tmp_path: Path) -> None:
    """What a cycle has just signed does not count as missing: nothing reads the chain again while trading is paused."""
    cli = await Cli.on(devnet, tmp_path, SENTINEL_EXECUTION__CONFIRMATIONS="20", SENTINEL_WEB__PORT=str(free_port()))
    url = f"http://127.0.0.1:{cli.settings['SENTINEL_WEB__PORT']}/metrics"
    async with moving(devnet):
        try:
            await cli.spawn("run", "--live")
            await cli.until(lambda found: found["open_intent"] is not None and found["acts"] > 0, "status")
            await cli.json("pause")
            await cli.until(lambda found: found["open_intent"] is None, "status")
            async with aiohttp.ClientSession() as session, session.get(url) as response:
                assert "\nsentinel_nonce_gap 0.0\n" in await response.text()
        finally:
            await cli.end()
