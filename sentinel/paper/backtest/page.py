"""The report of a backtest as one HTML file, which needs nothing else: no server, no network, no build step."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from importlib import resources
from pathlib import Path
from typing import Any

from markupsafe import Markup

from sentinel.observe.template import render
from sentinel.prices.bar import text_of

POINTS = 720  # of a line, at most; the JSON has every minute
TRADES = 500  # rows of one run's table, at most
_HERE = Path(__file__).parent
_UPLOT = Path(str(resources.files("sentinel.observe"))) / "web" / "static" / "uplot"


def page(report: Mapping[str, Any]) -> str:
    """The page of a report, as `report.report` makes it."""
    return render(
        _HERE / "page.html.j2",
        report=report,
        minutes=sum(one["minutes"] for one in report["prices"]["segments"]),
        orders=[_shown(order, report["quote"]) for order in report["orders"]],
        trades_shown=TRADES,
        points=POINTS,
        time=text_of,
        brief=brief,
        style=Markup((_UPLOT / "uPlot.min.css").read_text() + (_HERE / "page.css").read_text()),
        library=Markup((_UPLOT / "uPlot.iife.min.js").read_text()),
        script=Markup((_HERE / "page.js").read_text()),
    )


def _shown(order: Mapping[str, Any], quote: str) -> dict[str, Any]:
    """An order with its runs as the page has them: fewer points, and the data of its charts as inert text."""
    runs = [
        {
            **run,
            "begun": run["series"]["time"][0] - 60,
            "ended": run["series"]["time"][-1],
            "rows": [trade for trade in run["trades"] if trade["kind"] == "swap"],
        }
        for run in order["runs"]
    ]
    charts = [
        {
            "series": {name: thinned(values, POINTS) for name, values in run["series"].items()},
            "trades": [
                [trade["mined_at"], trade["sold"] == quote, trade["why"]]
                for trade in run["trades"]
                if trade["kind"] == "swap" and trade["outcome"] == "confirmed"
            ],
        }
        for run in order["runs"]
    ]
    return {**order, "runs": runs, "charts": inert(charts)}


def brief(amount: str) -> str:
    """An exact amount for people: six decimals at most; the JSON has them all."""
    whole, _, decimals = f"{Decimal(amount):,.6f}".partition(".")
    return f"{whole}.{decimals}".rstrip("0").rstrip(".")


def thinned(values: Sequence[float], most: int) -> list[float]:
    """At most `most` of the values, evenly spaced, the last one among them."""
    step = -(-len(values) // most)
    return [*values[: len(values) - 1 : step], values[-1]] if step > 1 else list(values)


def inert(value: object) -> Markup:
    """JSON for a script element: nothing in it can end the element."""
    text = json.dumps(value, separators=(",", ":"))
    return Markup(text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e"))
