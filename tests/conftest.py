"""Fixtures that any test may use."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from sentinel.devnet import Devnet


@pytest.fixture
async def devnet() -> AsyncIterator[Devnet]:
    """A local market of the test's own; its next block comes when the test calls `devnet.market.step()`."""
    async with Devnet.start() as net:
        yield net
