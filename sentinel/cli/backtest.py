"""`sentinel backtest`: play an order on recorded minutes, by the daemon's own cycle on a market that costs nothing."""

from __future__ import annotations

import json as json_module
import os
from pathlib import Path
from typing import Annotated, Any

import typer

from sentinel.cli import common
from sentinel.cli.common import DOT_ENV, EnvFile, Json, Sets
from sentinel.core.errors import OperatorError


def backtest(
    prices: Annotated[
        list[str] | None,
        typer.Option(
            help="A set of `sentinel data list`, or price files or a folder of them. Default: the shipped set."
        ),
    ] = None,
    from_: Annotated[
        str | None, typer.Option("--from", help="First minute, UTC: 2022-07-19 or 2022-07-19T12:30.")
    ] = None,
    to: Annotated[str | None, typer.Option(help="First minute that is not played, UTC.")] = None,
    order: Annotated[
        list[str] | None, typer.Option(help="An order, as a reading (docs/orders.md). Several are compared.")
    ] = None,
    file: Annotated[Path | None, typer.Option(help="File with orders, as readings, apart by empty lines.")] = None,
    preset: Annotated[str, typer.Option(help="The preset that is played without an order.")] = "rebalance",
    grid: Annotated[
        list[str] | None,
        typer.Option(help="Values of a preset's parameter, e.g. band=1%,2%,5%. Several are multiplied."),
    ] = None,
    proposer: Annotated[
        str, typer.Option(help="oracle: the order's player; student: a model that is served.")
    ] = "oracle",
    url: Annotated[str | None, typer.Option(help="Server of the student. Default: SENTINEL_MODEL__URL.")] = None,
    seed: Annotated[list[int] | None, typer.Option(help="Seed of the market. Several are played. Default: 7.")] = None,
    jobs: Annotated[int | None, typer.Option(min=1, help="Markets at a time. Default: one a core.")] = None,
    html: Annotated[Path | None, typer.Option(help="Write the report as one HTML file.")] = None,
    timings: Annotated[Path | None, typer.Option(help="Write where the time went, as JSON.")] = None,
    sets: Sets = None,
    env_file: EnvFile = DOT_ENV,
    json: Json = False,
) -> None:
    """Play an order on recorded minutes: the daemon's own cycle on a local market, as fast as it goes.

    Gas, fees and slippage come from real contracts. Each contiguous run of minutes is played on a fresh chain, side by
    side with the others. The result stands beside buy-and-hold, cash, and the order's player without costs. The JSON
    has the same bytes for the same prices, orders, settings and seeds.
    """
    from sentinel.cli.backtest_plan import Asked, plan_of
    from sentinel.cli.backtest_text import lines
    from sentinel.paper.backtest.backtest import backtest as play
    from sentinel.paper.backtest.report import canonical

    explicit = common.merge(common.explicit(sets), {"proposer": proposer, "model": {"url": url}})
    explicit = {name: value for name, value in explicit.items() if value != {}}
    asked = Asked(
        prices or [], from_, to, order or [], file, preset, grid or [], proposer, seed if seed is not None else [7]
    )
    plan = plan_of(asked, explicit, env_file)
    for path in (html, timings):
        if path is not None and not path.resolve().parent.is_dir():
            raise OperatorError(f"{path} cannot be written: there is no folder {path.resolve().parent}")
    workers = jobs or len(os.sched_getaffinity(0))
    outcome = _with_progress(lambda progress: play(plan, explicit, str(env_file), workers, progress))
    if timings is not None:
        timings.write_text(json_module.dumps(outcome.timings, indent=1) + "\n")
    if html is not None:
        from sentinel.paper.backtest.page import page

        html.write_text(page(outcome.report))
    if json:
        typer.echo(canonical(outcome.report), nl=False)
        return
    common.emit(None, False, lambda: lines(outcome.report))


def _with_progress(play: Any) -> Any:
    """Run it with a bar of minutes on a terminal. Ctrl-C stops every market, and leaves no file."""
    import uvloop

    from sentinel.distill.working import progress_bar

    with progress_bar() as bar:
        task = bar.add_task("minutes", total=None)
        return uvloop.run(play(lambda done, total: bar.update(task, completed=done, total=total)))
