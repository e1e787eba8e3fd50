from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sentinel.agent.memory import JournalMemory
from tests.agent.memory.market import Chronicle
from tests.journal.values import NETWORK


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine a second is little; what is asked here has its answer."""
    monkeypatch.setattr("sentinel.agent.memory.journal_memory.ANSWER_TIMEOUT", 60.0)


@pytest.fixture
def past(tmp_path: Path) -> Iterator[Chronicle]:
    written = Chronicle(tmp_path / "journal.sqlite3")
    yield written
    written.journal.close()


@pytest.fixture
def remembered(tmp_path: Path) -> Iterator[JournalMemory]:
    opened = JournalMemory(tmp_path / "memory.sqlite3", tmp_path / "journal.sqlite3", NETWORK)
    yield opened
    opened.close()
