"""A journal of the test wallet, with a clock that a test can set."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sentinel.journal.journal import Journal
from tests.journal.values import GENESIS, NETWORK, WALLET, Clock


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.sqlite"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def journal(path: Path, clock: Clock) -> Iterator[Journal]:
    opened = Journal.open(path, NETWORK, GENESIS, WALLET, clock=clock)
    yield opened
    opened.close()
