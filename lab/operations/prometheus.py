"""A real Prometheus with the checkout's rules and configuration and the targets of this run."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from lab import CHECKOUT
from sentinel.core.errors import OperatorError, Unavailable
from sentinel.core.host.process import Child, free_port

Series = list[tuple[dict[str, str], list[tuple[float, float]]]]  # labels, (Unix seconds, value)


@dataclass(frozen=True, slots=True)
class Prometheus:
    """The HTTP API of a Prometheus."""

    url: str
    session: aiohttp.ClientSession

    async def firing(self) -> set[str]:
        """Names of the firing alerts. Raises Unavailable."""
        data = await self._get("/api/v1/alerts")
        return {alert["labels"]["alertname"] for alert in data["alerts"] if alert["state"] == "firing"}

    async def between(self, query: str, start: float, end: float, step: float = 5.0) -> Series:
        """The series of `query` between two Unix times, every `step` seconds. Raises Unavailable."""
        data = await self._get("/api/v1/query_range", query=query, start=str(start), end=str(end), step=str(step))
        return [
            (series["metric"], [(float(at), float(value)) for at, value in series["values"]])
            for series in data["result"]
        ]

    async def _get(self, page: str, **params: str) -> Any:
        try:
            async with self.session.get(self.url + page, params=params) as response:
                return (await response.json())["data"]
        except (aiohttp.ClientError, TimeoutError, KeyError) as error:
            raise Unavailable(f"Prometheus does not answer: {error}") from error


@contextlib.asynccontextmanager
async def running(folder: Path, targets: Mapping[str, str]) -> AsyncIterator[Prometheus]:
    """Run Prometheus. Raises OperatorError if it is not installed, and ChildFailed if it does not start."""
    program = shutil.which("prometheus")
    if program is None:
        raise OperatorError("Prometheus is missing: run `apt-get install prometheus`, or put it on PATH")
    shutil.copytree(CHECKOUT / "deploy" / "prometheus", folder / "prometheus", dirs_exist_ok=True)
    for job, where in targets.items():
        (folder / "prometheus" / "targets" / f"{job}.yml").write_text(f'- targets: ["{where}"]\n')
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    config = folder / "prometheus" / "prometheus.yml"
    command = [program, f"--config.file={config}", f"--storage.tsdb.path={folder / 'tsdb'}"]
    command += [f"--web.listen-address=127.0.0.1:{port}", "--log.level=warn"]
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(10.0)) as session:

        async def ready() -> bool:
            try:
                async with session.get(f"{url}/-/ready") as response:
                    return response.status == 200
            except aiohttp.ClientError:
                return False

        async with Child("prometheus", command, log=folder / "prometheus.log", ready=ready, ready_within=60.0):
            yield Prometheus(url, session)
