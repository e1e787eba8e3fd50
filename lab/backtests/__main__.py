"""Play the orders of orders.txt on all given days, and write docs/backtest.md: `make backtest-docs`.

`python -m lab.backtests [FOLDER] [--orders N]`: the first N orders, on the price files of the folder.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import uvloop

from lab import CHECKOUT
from sentinel.cli.backtest_plan import Asked, plan_of
from sentinel.core.host.places import data_dir
from sentinel.distill.working import progress_bar
from sentinel.observe.plot import ACT, HOLD, WARM, axes, require, svg
from sentinel.paper.backtest.backtest import backtest
from sentinel.prices.bar import text_of

PAGE, PICTURES = CHECKOUT / "docs" / "backtest.md", CHECKOUT / "docs" / "images"
ORDERS = Path(__file__).with_name("orders.txt")
BEGIN, END = "<!-- results -->", "<!-- /results -->"
POINTS = 400  # of a line


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("days", nargs="?", default=str(data_dir() / "eth_usdc_minutes"), help="folder of price files")
    options.add_argument("--orders", type=int, help="the first N orders alone")
    given = options.parse_args()
    require()
    texts = [" ".join(text.split()) for text in ORDERS.read_text().split("\n\n") if text.strip()][: given.orders]
    asked = Asked([given.days], None, None, texts, None, "", [], "oracle", [7])
    explicit = {"proposer": "oracle"}
    plan = plan_of(asked, explicit, Path(".env"))
    jobs = len(os.sched_getaffinity(0))
    with progress_bar() as bar:
        task = bar.add_task("minutes", total=None)
        outcome = uvloop.run(
            backtest(plan, explicit, ".env", jobs, lambda done, total: bar.update(task, completed=done, total=total))
        )
    for place, order in enumerate(outcome.report["orders"], 1):
        (PICTURES / f"backtest-{place}.svg").write_text(_picture(order))
    page = PAGE.read_text()
    before, after = page.partition(BEGIN)[0], page.partition(END)[2]
    PAGE.write_text(before + "\n".join((BEGIN, *_results(outcome.report), END)) + after)


def _results(report: Mapping[str, Any]) -> Iterator[str]:
    prices, quote = report["prices"], report["quote"]
    minutes = sum(one["minutes"] for one in prices["segments"])
    yield ""
    yield (
        f"{prices['name']} (SHA-256 `{prices['sha256'][:16]}…`), {minutes:,} minutes from "
        f"{text_of(prices['segments'][0]['from'])} in {len(prices['segments'])} runs, seed {report['seeds'][0]}, "
        f"in {quote}:"
    )
    yield ""
    yield "| | order | result | buy and hold | over it | player without costs | drawdown | trades | gas | missed |"
    yield "|---|---|---|---|---|---|---|---|---|---|"
    for place, order in enumerate(report["orders"], 1):
        total = order["over_all"]
        worst = max(run["measures"]["drawdown"] for run in order["runs"])
        yield (
            f"| {place} | {order['reading']} | {total['gain']:+,.0f} | {total['gain_of_hold']:+,.0f} "
            f"| {total['over_hold']:+,.0f} | {total['gain_of_player']:+,.0f} | {100 * worst:.1f} % "
            f"| {total['trades']:,} | {total['gas']:,.0f} | {total['missed']:,} |"
        )
    yield ""
    for place, order in enumerate(report["orders"], 1):
        yield f"![Order {place} beside buy and hold](images/backtest-{place}.svg)"
        yield ""
        yield from _missed(order)


def _missed(order: Mapping[str, Any]) -> Iterator[str]:
    for run in order["runs"]:
        for one in run["missed"][:2]:
            yield f"Missed for {one['minutes']:,} minutes by `{one['reason']}`, first: {one['example']}"
            yield ""


def _picture(order: Mapping[str, Any]) -> str:
    """The value over all runs, one after the other, by days of data."""
    drawn = axes(order["name"], "days of data", "USDC")
    names = {"hold": ("buy and hold", WARM), "player": ("player without costs", HOLD), "equity": ("this order", ACT)}
    at = 0
    for run in order["runs"]:
        series = run["series"]
        step = max(1, len(series["time"]) // POINTS)
        days = [(at + minute) / 1_440 for minute in range(0, len(series["time"]), step)]
        for name, (label, color) in names.items():
            drawn.plot(days, series[name][::step], color=color, linewidth=1.2, label=None if at else label)
        at += len(series["time"])
    return svg(drawn)


if __name__ == "__main__":
    main()
