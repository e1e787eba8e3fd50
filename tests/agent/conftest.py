from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest

from sentinel.agent.sandbox import Sandbox
from tests.agent.model_server import Server, running


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as box:
        yield box


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    async with running() as model_server:
        yield model_server
