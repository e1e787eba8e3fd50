"""Real Prometheus and Alertmanager (Debian's) on the shipped files, hurried: their minutes are seconds here."""

from __future__ import annotations

import asyncio
import contextlib
import re
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from lab import CHECKOUT
from sentinel.core.host.process import free_port
from tests.ops.tools import tool

DEPLOY = CHECKOUT / "deploy"
PATIENCE = 90.0  # seconds until an alert that does not come counts as missing, on a busy machine too


def hurried(text: str) -> str:
    """Rules whose waits and windows are seconds. A head is old after 6 s in place of 90."""
    text = re.sub(r"for: \d+m", "for: 1s", text)
    text = re.sub(r"\[(\d+)[mhd]\]", "[10s]", text).replace("offset 1h", "offset 10s")
    return text.replace("head_age_seconds > 90", "head_age_seconds > 6")


@dataclass
class Monitor:
    prometheus: str
    alertmanager: str
    session: aiohttp.ClientSession
    told: list[dict[str, Any]] = field(default_factory=list)  # alerts that Alertmanager sent on

    async def ask(self, query: str) -> list[dict[str, Any]]:
        """The instant vector of a query."""
        async with self.session.get(f"{self.prometheus}/api/v1/query", params={"query": query}) as response:
            found: list[dict[str, Any]] = (await response.json())["data"]["result"]
            return found

    async def until_scraped(self) -> None:
        async def seen() -> bool:
            return bool(await self.ask("sentinel_head_number"))

        await patiently(seen, "a scrape")

    async def firing(self) -> set[str]:
        async with self.session.get(f"{self.prometheus}/api/v1/alerts") as response:
            alerts = (await response.json())["data"]["alerts"]
        return {alert["labels"]["alertname"] for alert in alerts if alert["state"] == "firing"}

    async def until_firing(self, name: str, *, firing: bool = True) -> None:
        await self.until(lambda now: (name in now) is firing, f"{name} {'fires' if firing else 'clears'}")

    async def until(self, wanted: Callable[[set[str]], bool], what: str) -> None:
        async def seen() -> bool:
            return wanted(await self.firing())

        await patiently(seen, what)

    async def until_told(self, name: str, status: str) -> None:
        async def seen() -> bool:
            return any(one["labels"]["alertname"] == name and one["status"] == status for one in self.told)

        await patiently(seen, f"{name} {status} at the web hook")


async def patiently(seen: Callable[[], Awaitable[bool]], what: str) -> None:
    """Look again and again; fails the test where it does not come to that."""
    end = asyncio.get_running_loop().time() + PATIENCE
    while asyncio.get_running_loop().time() < end:
        if await seen():
            return
        await asyncio.sleep(0.3)
    raise AssertionError(f"not seen within {PATIENCE:g} s: {what}")


@contextlib.asynccontextmanager
async def monitoring(folder: Path, **targets: str) -> AsyncIterator[Monitor]:
    """`targets`: job -> host:port."""
    told: list[dict[str, Any]] = []

    async def hear(request: web.Request) -> web.Response:
        told.extend((await request.json())["alerts"])
        return web.Response()

    app = web.Application()
    app.router.add_post("/sentinel", hear)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    ears, ports = free_port(), (free_port(), free_port())
    await web.TCPSite(runner, "127.0.0.1", ears).start()
    shutil.copytree(DEPLOY / "prometheus", folder / "prometheus")
    rules = folder / "prometheus" / "rules" / "sentinel.yml"
    rules.write_text(hurried(rules.read_text()))
    for job, where in {**targets, "alertmanager": f"127.0.0.1:{ports[1]}"}.items():
        (folder / "prometheus" / "targets" / f"{job}.yml").write_text(f'- targets: ["{where}"]\n')
    config = folder / "prometheus" / "prometheus.yml"
    config.write_text(re.sub(r"_interval: \d+s", "_interval: 1s", config.read_text()))
    manager = folder / "alertmanager.yml"
    shipped = (DEPLOY / "alertmanager" / "alertmanager.yml").read_text().replace(":9094/", f":{ears}/")
    manager.write_text(re.sub(r"group_(wait|interval): \S+", r"group_\1: 1s", shipped))
    commands = (
        [
            *(*tool("prometheus"), f"--config.file={config}", f"--storage.tsdb.path={folder / 'tsdb'}"),
            *(f"--web.listen-address=127.0.0.1:{ports[0]}", "--log.level=warn"),
        ],
        [
            *(*tool("prometheus-alertmanager"), f"--config.file={manager}", f"--storage.path={folder / 'am'}"),
            *(f"--web.listen-address=127.0.0.1:{ports[1]}", "--cluster.listen-address=", "--log.level=warn"),
        ],
    )
    processes = []
    with (folder / "monitoring.log").open("ab") as log:
        for command in commands:
            processes.append(await asyncio.create_subprocess_exec(*command, stdout=log, stderr=log, cwd=folder))
    try:
        async with aiohttp.ClientSession() as session:
            monitor = Monitor(f"http://127.0.0.1:{ports[0]}", f"http://127.0.0.1:{ports[1]}", session, told)
            for address in (monitor.prometheus, monitor.alertmanager):
                await _healthy(session, f"{address}/-/ready")
            yield monitor
    finally:
        for process in processes:
            if process.returncode is None:
                process.terminate()
            await process.wait()
        await runner.cleanup()


async def _healthy(session: aiohttp.ClientSession, url: str) -> None:
    async def ready() -> bool:
        try:
            async with session.get(url) as response:
                return response.status == 200
        except aiohttp.ClientError:
            return False

    await patiently(ready, url)
