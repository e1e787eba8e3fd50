from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from sentinel.core.errors import OperatorError
from sentinel.observe.health import Health
from sentinel.observe.internal_errors import InternalErrors
from sentinel.observe.logs import logger
from sentinel.observe.metrics import Metrics
from sentinel.observe.status_board import Board
from sentinel.observe.web.status_page import sparkline
from sentinel.observe.web.web_server import WebServer
from tests.daemon import values


class Running:
    def __init__(self) -> None:
        self.board = Board(values.NETWORK, mode="dry", wallet=values.WALLET, proposer="<b>oracle</b>")
        self.metrics = Metrics(values.NETWORK)
        self.health = Health(max_head_age=60, clock=lambda: 1_000.0)
        self.server = self.make(0)

    def make(self, port: int) -> WebServer:
        return WebServer(
            "127.0.0.1",
            port,
            board=self.board,
            metrics=self.metrics,
            health=self.health,
            status=self.board.status,
            errors=InternalErrors(self.metrics, logger()),
        )


@pytest.fixture
async def running() -> AsyncIterator[Running]:
    one = Running()
    await one.server.start()
    yield one
    await one.server.stop()


async def get(running: Running, path: str) -> tuple[int, str, str]:
    async with aiohttp.ClientSession() as session, session.get(f"{running.board.web}{path}") as response:
        return response.status, response.headers["Content-Type"], await response.text()


async def test_the_page_shows_decisions_and_escapes_everything(running: Running) -> None:
    """Plain words of the last cycles stand on the page; markup in any value stays text."""
    running.board.observe(values.record(values.act(), intent_id="a1"))
    running.board.observe(values.record(values.hold(detail="<img src=x onerror=alert(1)>")))
    running.board.observe_settled(values.settled(), values.simulation(), -1.5)
    status, kind, text = await get(running, "/")
    assert status == 200
    assert kind.startswith("text/html")
    assert "swap 0.1 WETH to USDC" in text
    assert "-1.50" in text
    assert "<svg" in text
    assert "<img" not in text
    assert "<b>oracle" not in text


async def test_metrics_parse(running: Running) -> None:
    """What /metrics gives, Prometheus can read."""
    _, kind, text = await get(running, "/metrics")
    assert kind.startswith("text/plain; version=0.0.4")
    names = {family.name for family in text_string_to_metric_families(text)}
    assert {"sentinel_decisions", "sentinel_head_age_seconds", "sentinel_cycle_seconds"} <= names


async def test_health_answers_with_each_check(running: Running) -> None:
    """Alive and ready are told apart by status, and each check says why."""
    status, _, _ = await get(running, "/healthz")
    assert status == 200
    status, _, text = await get(running, "/readyz")
    assert status == 503
    assert "no head has been seen yet" in text


async def test_a_taken_port_is_said_plainly(running: Running) -> None:
    """The operator learns which setting to change."""
    assert running.board.web is not None
    other = running.make(int(running.board.web.rsplit(":", 1)[1]))
    with pytest.raises(OperatorError, match="SENTINEL_WEB__PORT"):
        await other.start()


def test_a_flat_sparkline_is_drawn() -> None:
    """Equal values are no division by zero."""
    assert "polyline" in sparkline([5.0, 5.0, 5.0])
