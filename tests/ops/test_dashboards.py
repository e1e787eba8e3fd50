"""The dashboards: fresh, well formed, and every query with data from a daemon that a real Prometheus has watched."""

from __future__ import annotations

import json
import re
from itertools import combinations
from pathlib import Path
from typing import Any

import dashboards
import promql_parser
import pytest
from panels import BOARDS

from lab import CHECKOUT
from sentinel.agent.vllm_server import served
from sentinel.core.host.process import free_port
from sentinel.market import Devnet
from sentinel.observe.instruments import Instruments
from tests.daemon.endpoint import Endpoint
from tests.daemon.running import ORDER, Cli, moving
from tests.ops.monitored import Monitor, monitoring, patiently

PANELS = [(uid, panel) for uid, (_, panels) in BOARDS.items() for panel in panels]
OF_VLLM = {"vLLM: requests", "vLLM: cache"}  # a stand-in serves the student in the quick test


def plain(expr: str) -> str:
    """Grafana's variables filled in; windows that fit a short run."""
    return expr.replace("$instance", ".*").replace("$__rate_interval", "30s")


def test_the_committed_dashboards_are_what_the_panels_say() -> None:
    """`make generate` writes them anew."""
    for uid, (title, panels) in BOARDS.items():
        path = CHECKOUT / "deploy" / "grafana" / "dashboards" / f"{uid}.json"
        assert path.read_text() == dashboards.board(uid, title, panels)


@pytest.mark.parametrize("uid", BOARDS)
def test_a_dashboard_is_well_formed(uid: str) -> None:
    """Each panel has an id of its own, a place of its own, a unit, a meaning, and data of the chosen Prometheus."""
    found = json.loads((CHECKOUT / "deploy" / "grafana" / "dashboards" / f"{uid}.json").read_text())
    panels = found["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    for one, other in combinations((panel["gridPos"] for panel in panels), 2):
        apart = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        assert apart or one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
    for panel in panels:
        assert panel["description"]
        assert panel["fieldConfig"]["defaults"]["unit"]
        assert panel["datasource"]["uid"] == "${source}"
        assert panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24
    assert {variable["name"] for variable in found["templating"]["list"]} == {"source", "instance"}


def test_every_query_parses_and_names_exported_metrics() -> None:
    """By Prometheus' own grammar."""
    known = {one.name for one in Instruments().described}
    for _, panel in PANELS:
        for query in panel.queries:
            promql_parser.parse(plain(query.expr))
            for name in re.findall(r"sentinel_\w+", query.expr):
                assert name in known or re.sub(r"_(sum|count|bucket)$", "", name) in known, name


async def data_of(monitor: Monitor, expr: str) -> list[Any]:
    return [one for one in await monitor.ask(plain(expr)) if one["value"][1] != "NaN"]


def _swapped(trade: dict[str, Any]) -> bool:
    return (trade["kind"], trade["state"]) in (("swap", "confirmed"), ("swap", "final"))


async def test_every_panel_has_data_of_a_trading_daemon(devnet: Devnet, tmp_path: Path) -> None:
    """A live daemon trades, discards nonsense, refuses what a reload forbids; no panel but vLLM's own is empty."""
    model, port, file = Endpoint(), free_port(), tmp_path / "sentinel.env"
    model.spoilt = 8  # nothing is traded until Prometheus has seen that nothing was
    await model.start()
    file.write_text(f'SENTINEL_STRATEGY__ORDER="{ORDER}"\n')
    uneven = ORDER.replace("50% WETH and 50% USDC", "90% WETH and 10% USDC")
    cli = await Cli.on(
        devnet,
        tmp_path,
        SENTINEL_STRATEGY__ORDER="",
        SENTINEL_PROPOSER="student",
        SENTINEL_MODEL__URL=model.url,
        SENTINEL_WEB__PORT=str(port),
        SENTINEL_EXECUTION__CONFIRMATIONS="1",
    )
    try:
        async with moving(devnet, 0.5), monitoring(tmp_path, sentinel=f"127.0.0.1:{port}") as monitor:
            await cli.spawn("run", "--live", "--env-file", str(file))
            await monitor.until_scraped()
            model.spoilt = 1
            await cli.until(lambda found: any(_swapped(trade) for trade in found), "trades")
            file.write_text(f'SENTINEL_LIMITS__MAX_TRADE=2\nSENTINEL_STRATEGY__ORDER="{uneven}"\n')
            await cli.json("reload")
            empty: list[str] = []

            async def full() -> bool:
                nonlocal empty
                empty = [
                    f"{uid}: {panel.title}: {query.expr}"
                    for uid, panel in PANELS
                    if panel.title not in OF_VLLM
                    for query in panel.queries
                    if not await data_of(monitor, query.expr)
                ]
                return not empty

            try:
                await patiently(full, "data")
            except AssertionError:
                raise AssertionError("no data:\n" + "\n".join(empty)) from None
    finally:
        await cli.end()
        await model.stop()


@pytest.mark.ops
async def test_the_students_panels_have_data_of_a_real_vllm(tmp_path: Path) -> None:
    """vLLM's own metrics bear the names that the panels ask for."""
    async with served(CHECKOUT / "models" / "student", log=tmp_path / "vllm.log") as server:
        where = server.url.removeprefix("http://").removesuffix("/v1")
        async with monitoring(tmp_path, sentinel=where, vllm=where) as monitor:
            for _, panel in PANELS:
                if panel.title in OF_VLLM:
                    for query in panel.queries:

                        async def seen(expr: str = query.expr) -> bool:
                            return bool(await data_of(monitor, expr))

                        await patiently(seen, query.expr)
