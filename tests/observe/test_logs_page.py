"""docs/logs.md and the code name the same events and fields."""

from __future__ import annotations

import re
from pathlib import Path

from sentinel.core.decision import HoldReason
from sentinel.observe.logs import cycle_fields
from tests.daemon import values

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "logs.md").read_text()


def test_every_event_is_on_the_page() -> None:
    """And none that nothing logs."""
    logged = set()
    for path in (ROOT / "sentinel").rglob("*.py"):
        logged |= set(
            re.findall(
                r"log(?:ger\(\))?\.(?:info|warning|error|debug|critical)\(\s*\"([a-z_]+\.[a-z_]+)\"", path.read_text()
            )
        )
    assert logged == set(re.findall(r"`([a-z]+\.[a-z_]+)`", PAGE)) - {"transactions.md"}


def test_every_field_of_a_cycles_line_is_on_the_page() -> None:
    """Of an act and of a hold."""
    table = PAGE.split("## `cycle.done`")[1].split("\n## ")[0]
    told = {name for row in re.findall(r"^\| (`.*?) \|", table, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)}
    emitted = set(cycle_fields(values.record(values.act(), intent_id="a1"), values.NETWORK))
    emitted |= set(cycle_fields(values.record(values.hold(HoldReason.HOLD_VOTED)), values.NETWORK))
    assert emitted == told
