"""Fixtures that any test may use."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import hypothesis
import pytest
import structlog

from sentinel.devnet import Devnet

# The machine may be busy: no property test is timed.
hypothesis.settings.register_profile("untimed", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("untimed")


# Folders whose tests share what takes long to start or to train: one of two processes runs all of such a folder.
TOGETHER = {"distill", "e2e"}
lost: dict[str, str] = {}  # by worker, the test that it ran; in the process that hands the tests out


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """With `-n 2 --dist loadgroup` the tests of a file stay together, and so do those of a folder in TOGETHER."""
    for item in items:
        folder = item.nodeid.removeprefix("tests/").split("/")[0]
        item.add_marker(pytest.mark.xdist_group(folder if folder in TOGETHER else str(item.path)))


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object | None) -> None:
    """xdist's; `error` is None where a worker has ended as it should."""
    if error:
        lost[node.gateway.id] = "no test"


@pytest.hookimpl(optionalhook=True)
def pytest_handlecrashitem(crashitem: str, report: Any) -> None:
    """xdist's, after the one above."""
    lost[report.node.gateway.id] = crashitem


def pytest_sessionfinish(session: pytest.Session) -> None:
    """xdist itself takes no offence at a worker that was lost between two tests."""
    if lost and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for worker, test in lost.items():
        terminalreporter.write_line(f"{worker} was lost while it ran {test}: what was left was not run", red=True)


@pytest.fixture(autouse=True)
def _plain_logging() -> None:
    """Whatever an earlier test configured (level, stream) is forgotten."""
    structlog.reset_defaults()


@pytest.fixture
async def devnet() -> AsyncIterator[Devnet]:
    """A local market of the test's own; its next block comes when the test calls `devnet.market.step()`."""
    async with Devnet.start() as net:
        yield net
