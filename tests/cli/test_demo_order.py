"""The demo with an order: who plays it, and what its screen says of it."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from sentinel.core.decision import HoldReason
from sentinel.core.record import CycleRecord, PlayedOrder
from sentinel.paper import demo
from sentinel.paper.screen import Lines, LiveTable
from tests.daemon import values

ORDER = "Buy 400 USDC worth of WETH, every 1 hour."
WHY = "the price of WETH (1,482.10 USDC) is not below 1,400 USDC"


def waiting(why: str = WHY) -> CycleRecord:
    return replace(values.record(values.hold(HoldReason.IN_FLIGHT)), played=PlayedOrder("a1", why))


@pytest.mark.parametrize(
    ("given", "proposer"),
    [
        ({"order": ORDER}, "oracle"),
        ({"order": ORDER, "proposer": "student"}, "student"),
        ({"order": ORDER, "proposer": "code", "program": Path("dca.py")}, "code"),
        ({"words": "put 400 dollars into ether"}, "student"),
        ({}, None),
    ],
)
def test_the_oracle_plays_a_reading_if_nothing_else_is_named(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, Any], proposer: str | None
) -> None:
    """The student reads words; without an order the settings name the proposer."""
    started: list[dict[str, Any]] = []

    async def nothing(
        home: Path, blocks: int | None, as_json: bool, block_time: float, wanted: dict[str, Any], *words: Any
    ) -> Any:
        started.append(demo.without_none(wanted))
        raise KeyboardInterrupt

    monkeypatch.setattr(demo, "_demo", nothing)
    assert demo.main(1, **given) == 130
    (wanted,) = started
    assert wanted.get("proposer") == proposer
    assert wanted.get("strategy", {}).get("order", "") == given.get("order", "")


def test_lines_say_what_the_player_does(capsys: pytest.CaptureFixture[str]) -> None:
    """Once: not where the reason of the hold says it already."""
    lines = Lines(values.NETWORK)
    lines.start("http://127.0.0.1:1", "real prices", ORDER)
    lines.cycle(waiting(), 100.0, None)
    lines.cycle(waiting("the last transaction is not settled yet"), 100.0, None)
    lines.cycle(values.record(values.hold(HoldReason.IN_FLIGHT)), 100.0, None)
    said = capsys.readouterr().err
    assert f"order: {ORDER}" in said
    assert said.count("player: ") == 1
    assert f"player: {WHY}" in said


def test_the_table_shows_the_order_and_why_it_waits() -> None:
    """The last reason stays while a transaction is open; without an order there is no such line."""
    shown = []
    for order, record in ((ORDER, waiting()), ("", values.record(values.hold()))):
        table = LiveTable(values.NETWORK)
        table._console = Console(file=io.StringIO(), width=200)
        table.start("http://127.0.0.1:1", "real prices", order)
        table.cycle(record, 100.0, 90.0)
        table.cycle(values.record(values.hold(HoldReason.IN_FLIGHT)), 100.0, 90.0)
        console = Console(file=io.StringIO(), width=200)
        console.print(table._draw())
        table.stop()
        assert isinstance(console.file, io.StringIO)
        shown.append(console.file.getvalue())
    assert f"order  {ORDER}" in shown[0]
    assert f"now    block 7: {WHY}" in shown[0]
    assert "order  " not in shown[1]
