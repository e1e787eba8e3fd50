"""What the tests of the backtest share: minutes of the shipped prices, and one run of an order that trades."""

from __future__ import annotations

from pathlib import Path

import pytest

from sentinel.cli.backtest_signer import backtest_signer
from sentinel.paper.backtest.played import Played
from sentinel.paper.backtest.replay import played
from sentinel.paper.backtest.task import Task
from sentinel.prices.bars import packaged

FIRST, MINUTES = 1_000, 24
ORDER = (
    "If the change of WETH over 5 minutes is at least 0.1%, sell 600 USDC worth of WETH, every 5 minutes. "
    "Buy 600 USDC worth of WETH, every 6 minutes."
)


def task(reading: str = ORDER, *, minutes: int = MINUTES, closes: tuple[float, ...] | None = None) -> Task:
    """`closes` replace those of the shipped prices."""
    bars = packaged().bars
    recorded = tuple(bar.close for bar in bars[FIRST : FIRST + minutes])
    known = tuple(bar.close for bar in bars[FIRST - 60 : FIRST])
    return Task(
        *("order 1", reading, 0, 7, bars[FIRST].time, recorded if closes is None else closes, known),
        explicit={"proposer": "oracle"},
        env_file=".env",
    )


async def play(one: Task, folder: Path) -> Played:
    folder.mkdir()  # noqa: ASYNC240
    return await played(one, folder, backtest_signer)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, without settings."""
    monkeypatch.chdir(tmp_path)
    return tmp_path
