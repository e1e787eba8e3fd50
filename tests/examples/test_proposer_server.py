"""The template of a server that proposes, over real HTTP, through the client that the daemon uses."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from sentinel.agent.proposing_server import client
from sentinel.agent.sandbox import Sandbox
from sentinel.agent.trader import ModelTrader
from sentinel.config.settings import load
from sentinel.core.actions import HoldAction, Swap
from sentinel.core.errors import ModelUnavailable
from sentinel.core.host.process import free_port
from sentinel.dex.building.action_builder import ActionBuilder
from tests.agent.doubles import VIEW
from tests.agent.test_with_dex import MARKET, NET, QUOTER

SERVER = Path(__file__).resolve().parents[2] / "examples" / "proposer_server.py"


@pytest.fixture
async def url() -> AsyncIterator[str]:
    port = free_port()
    process = await asyncio.create_subprocess_exec(sys.executable, SERVER, str(port), stderr=asyncio.subprocess.DEVNULL)
    yield f"http://127.0.0.1:{port}/v1"
    process.kill()
    await process.wait()


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as box:
        yield box


async def test_the_template_trades_at_the_first_try(url: str, sandbox: Sandbox) -> None:
    """Its URL alone is set: its model is found, healthy, and asked for eight samples, all of them usable."""
    settings = load(env_file=None, proposer=url)
    async with client(settings) as model:
        async with asyncio.timeout(30):
            while True:
                try:
                    await model.health()
                    break
                except ModelUnavailable:
                    await asyncio.sleep(0.05)
        trader = ModelTrader(model, sandbox, NET, QUOTER, ActionBuilder(NET))
        dear = replace(MARKET, head=replace(MARKET.head, base_fee=30 * 10**9))
        for state, expected in ((MARKET, Swap), (dear, HoldAction)):
            proposal = await trader.propose(state, VIEW, settings.model.samples)
            assert proposal.source == "server:dca"
            assert [type(candidate.action) for candidate in proposal.candidates] == [expected] * 8
