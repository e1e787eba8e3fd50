"""Fixtures that any test may use."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import hypothesis
import pytest
import structlog

from sentinel.market import Devnet

# The machine may be busy: no property test is timed.
hypothesis.settings.register_profile("untimed", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("untimed")


# Folders whose tests share what takes long to start or to train: one of two processes runs all of such a folder.
TOGETHER = {"distill", "e2e"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """With `-n 2 --dist loadgroup` the tests of a file stay together, and so do those of a folder in TOGETHER."""
    for item in items:
        folder = item.path.relative_to(Path(__file__).parent).parts[0]
        item.add_marker(pytest.mark.xdist_group(folder if folder in TOGETHER else str(item.path)))


@pytest.fixture(autouse=True)
def _plain_logging() -> None:
    """Whatever an earlier test configured (level, stream) is forgotten."""
    structlog.reset_defaults()


@pytest.fixture
async def devnet() -> AsyncIterator[Devnet]:
    """A local market of the test's own; its next block comes when the test calls `devnet.market.step()`."""
    async with Devnet.start() as net:
        yield net
