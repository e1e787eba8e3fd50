"""Fixtures that any test may use."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import hypothesis
import pytest
import structlog
from xdist.scheduler import LoadScopeScheduling

from sentinel.market import Devnet

pytest_plugins = ["tests.attack_tally"]  # the table of `make safety`

# The machine may be busy: no property test is timed.
hypothesis.settings.register_profile("untimed", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("untimed")


# Folders whose tests share what takes long to start: one of two processes runs all of such a folder.
TOGETHER = {"e2e"}
# Folders whose tests take longest: they begin, so that at the end no process has one left while the other has nothing.
FIRST = ("e2e", "distill", "ops", "app", "attack")
lost: dict[str, str] = {}  # by worker, the test that it ran; in the process that hands the tests out


def folder_of(test: str) -> str:
    """The folder below tests/, by a test's id."""
    return test.partition("::")[0].removeprefix("tests/").rpartition("/")[0]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: FIRST.index(place) if (place := folder_of(item.nodeid)) in FIRST else len(FIRST))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """With `-n 2` the tests of a file stay together, and so do those of a folder in TOGETHER; in the order of above.
    xdist's own `--dist loadgroup` groups nothing under this pytest, which no longer lets it rename tests."""
    config.option.loadscopereorder = False
    scheduler = LoadScopeScheduling(config, log)
    scheduler._split_scope = lambda test: folder if (folder := folder_of(test)) in TOGETHER else test.partition("::")[0]
    return scheduler


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
