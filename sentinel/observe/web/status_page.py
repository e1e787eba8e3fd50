"""The status page as one HTML text without external resources. Pure; the templates escape every value."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sentinel.core.age import Age
from sentinel.observe.health import HealthCheck
from sentinel.observe.template import render as fill

HERE = Path(__file__).parent
REFRESH = 3  # seconds
SHOWN = 20  # of the last decisions and transactions
WIDTH, HEIGHT = 600, 60  # of the sparkline


def render(
    status: dict[str, Any],
    cycles: Sequence[dict[str, Any]],
    trades: Sequence[dict[str, Any]],
    equity: Sequence[float],
    checks: Sequence[HealthCheck],
) -> str:
    head = status.get("head") or {}
    facts = [
        ("state", status.get("state")),
        ("network", f"{status.get('network')} (chain {status.get('chain_id')})"),
        ("mode", "live" if status.get("mode") == "live" else "dry run: nothing is sent"),
        ("proposer", status.get("proposer")),
        ("head", f"{head.get('number', '-')}, {_age(status.get('head_age_seconds'))}"),
        ("open intent", status.get("open_intent") or "nothing"),
        ("cycles", f"{status.get('cycles')}: {status.get('acts')} acts, {status.get('holds')} holds"),
        ("transactions", _counts(status.get("transactions") or {})),
    ]
    if status.get("paused"):
        facts.insert(1, ("halted", status["paused"]))
    if order := status.get("order"):
        facts.append(("order", order["reading"]))
        facts += [("judged by the student alone", f'"{phrase}"') for phrase in order["judgements"]]
    return fill(
        HERE / "page.html.j2",
        refresh=REFRESH,
        status={"quote": "", "positions": {}} | status,
        facts=facts,
        checks=checks,
        cycles=cycles[:SHOWN],
        trades=trades[:SHOWN],
        now=time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime()),
        **_line(equity),
    )


def sparkline(values: Sequence[float]) -> str:
    """An inline SVG line. A flat line lies in the middle."""
    return fill(HERE / "sparkline.html.j2", **_line(values))


def _line(equity: Sequence[float]) -> dict[str, Any]:
    """The values of the sparkline's template; without points if there are fewer than two values."""
    low, high = min(equity, default=0.0), max(equity, default=0.0)
    span, base = (high - low) or 1.0, 0.5 if high == low else 0.0
    points = [
        f"{at * WIDTH / (len(equity) - 1):.1f},{HEIGHT - 3 - (base + (value - low) / span) * (HEIGHT - 6):.1f}"
        for at, value in enumerate(equity)
        if len(equity) > 1
    ]
    return {"equity": equity, "points": " ".join(points), "width": WIDTH, "height": HEIGHT}


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items()) or "none"


def _age(seconds: float | None) -> str:
    return "-" if seconds is None else str(Age(seconds))
