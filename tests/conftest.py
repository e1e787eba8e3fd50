"""Fixtures that any test may use."""

from __future__ import annotations

from collections.abc import AsyncIterator

import hypothesis
import pytest
import structlog

from sentinel.devnet import Devnet

# The machine may be busy: no property test is timed.
hypothesis.settings.register_profile("untimed", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("untimed")


@pytest.fixture(autouse=True)
def _plain_logging() -> None:
    """Whatever an earlier test configured (level, stream) is forgotten."""
    structlog.reset_defaults()


@pytest.fixture
async def devnet() -> AsyncIterator[Devnet]:
    """A local market of the test's own; its next block comes when the test calls `devnet.market.step()`."""
    async with Devnet.start() as net:
        yield net
