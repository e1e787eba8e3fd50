"""Each reading on docs/orders.md is an order, written as Sentinel writes it, and each of its clauses is carried out."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from functools import cache
from pathlib import Path

import pytest

from sentinel.core.closes import CloseSeries
from sentinel.orders.language.reading import render
from sentinel.orders.language.reading_parser import parse
from sentinel.orders.playing.player import Play, play
from sentinel.orders.playing.situation import Gap, Position, Situation
from sentinel.orders.typed.order import Order
from tests.orders.public_readings import READINGS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "orders.md"
DAY, LOOK = 86_400, 300  # seconds
BEGIN = 1_795_996_800  # 2026-11-30 00:00 UTC
SET = BEGIN + 4 * DAY
END = BEGIN + 7 * DAY
HOLDINGS = {"USDC": Decimal(2_500), "WETH": Decimal("0.9"), "WBTC": Decimal("0.01")}


def readings() -> list[str]:
    """The indented blocks, with spaces for line breaks."""
    blocks = re.findall(r"(?m)^\n((?:    \S.*\n)+)", PAGE.read_text(encoding="utf-8"))
    return [" ".join(block.split()) for block in blocks]


@cache
def paths() -> dict[str, CloseSeries]:
    """A week of minutes in which both coins rise and fall, each at its own pace."""
    times = tuple(range(BEGIN, END + 1, 60))
    weth = tuple(1_700 + 260 * math.sin((time - BEGIN) * 2.9 / DAY + 2.6) for time in times)
    wbtc = tuple(60_000 + 9_000 * math.sin((time - BEGIN) * 1.7 / DAY + 1) for time in times)
    return {"WETH": CloseSeries(times, weth), "WBTC": CloseSeries(times, wbtc)}


def prices(time: int) -> dict[str, Decimal]:
    closes = {coin: series.at(time) for coin, series in paths().items()}
    return {"USDC": Decimal(1), **{coin: Decimal(repr(close[1])) for coin, close in closes.items() if close}}


def situations() -> Iterator[Situation]:
    for time in range(SET, END + 1, LOOK):
        yield Situation(
            time=time,
            prices=prices(time),
            holdings=HOLDINGS,
            gas_price=Decimal(18),
            closes=paths(),
            positions={
                "WETH": Position(Decimal(1_700), Decimal(1_960)),
                "WBTC": Position(Decimal(31_000), Decimal(69_000)),
            },
            set_at=SET,
            set_prices=prices(SET),
            gap=lambda coin, amount: Gap(amount, Decimal(4), "one", "other"),
        )


def test_the_page_has_its_examples() -> None:
    """The first block of the page is one more."""
    assert len(readings()) == 21
    assert not set(readings()) & set(READINGS.values())


@pytest.mark.parametrize("reading", readings(), ids=lambda text: text[:40])
def test_an_example_is_canonical_and_does_what_it_says(reading: str) -> None:
    """Each clause, on its own under the order's limits, trades or waits somewhere in the week."""
    order = parse(reading, "USDC")
    assert isinstance(order, Order), order
    assert render(order) == reading
    for clause in order.clauses:
        alone = replace(order, clauses=(clause,))
        assert any(done(play(alone, at)) for at in situations()), clause


def done(played: Play) -> bool:
    return played.trade is not None or played.why.endswith(": wait")
