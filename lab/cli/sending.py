"""Commands that measure the send path and the whole daemon: time, crashes, faults, alerts."""

from __future__ import annotations

import asyncio
import json as json_module
from pathlib import Path
from typing import Annotated

import typer

from lab.cli.shared import STUDENT, Json, numbers, progress_line, say
from sentinel.core.errors import OperatorError


def decide(
    n: Annotated[str, typer.Option("--n", help="Samples per step, separated by commas.")] = "1,8,16,32",
    heads: Annotated[int, typer.Option(min=1, help="Decisions for each n.")] = 60,
    proposer: Annotated[str, typer.Option(help="student (real vLLM), or programs (of the teacher, kept).")] = "student",
    seed: Annotated[int, typer.Option(help="Seed of the market, the wallet and the sampler.")] = 7,
    json: Json = False,
) -> None:
    """Measure the time from a head to signed bytes, by stage, on a local market of its own."""
    from lab.bench.decision_time import measure

    sizes = numbers(n, "--n")
    if not sizes or min(sizes) < 1 or proposer not in ("student", "programs"):
        raise OperatorError("--n must hold numbers of at least 1, --proposer is student or programs")
    report = measure(
        sizes,
        heads,
        proposer,
        seed,
        say=say,
        progress=lambda done: progress_line(done, heads * len(sizes), "heads"),
    )
    if json:
        typer.echo(json_module.dumps(report))
        return
    for size in report["sizes"]:
        typer.echo(f"n = {size['n']}: {size['decisions']}; milliseconds p50 / p95 / p99")
        rows = {name: size[name] for name in ("head_to_signed", "but_the_model", "own")} | size["stages"]
        for name, times in rows.items():
            typer.echo(f"  {name:<15}" + "".join(f"{value:>10.2f}" for value in times.values()))
    typer.echo(f"waiting for the next head's market: {report['next_market']}")


def crash(
    kills: Annotated[int, typer.Option(min=1, help="Number of kills.")] = 2000,
    execs: Annotated[int, typer.Option("--exec", min=0, help="Kills of a whole `sentinel run`; part of --kills.")] = 0,
    lanes: Annotated[int, typer.Option(min=1, help="Wallets in parallel.")] = 2,
    seed: Annotated[int, typer.Option(help="Seed of points, times and faults.")] = 1,
    mutant: Annotated[
        bool, typer.Option("--send-then-save", help="Kill a mutant that sends before it saves; it must show doubles.")
    ] = False,
    json: Json = False,
) -> None:
    """Kill the send path (SIGKILL) many times and compare the chain with the journal. Exit code 1 if they differ."""
    from lab.crash.crash_run import measure

    if execs > kills:
        raise OperatorError(f"--exec {execs} must not exceed --kills {kills}")
    tally = asyncio.run(measure(kills, execs=execs, lanes=lanes, seed=seed, mutant=mutant, progress=progress_line))
    if json:
        typer.echo(json_module.dumps(tally))
    else:
        for name, value in tally.items():
            typer.echo(f"{name:<17} {value}")
    if tally["failures"]:
        raise typer.Exit(1)


def soak(
    blocks: Annotated[int, typer.Option(min=20, help="Number of blocks.")] = 20_000,
    seed: Annotated[int, typer.Option(help="Seed of the faults.")] = 1,
    json: Json = False,
) -> None:
    """Run the send path over many blocks with faults. Measures how memory, descriptors, database and log grow."""
    from lab.bench.send_path_soak import soak as measure

    report = asyncio.run(measure(blocks, seed=seed, progress=progress_line))
    if json:
        typer.echo(json_module.dumps(report))
    else:
        for name, value in report.items():
            typer.echo(f"{name:<17} {value if name != 'samples' else len(value)}")
    if report["double"] or report["lost"] or report["disagree"]:
        raise typer.Exit(1)


def operations(
    minutes: Annotated[float, typer.Option(min=1, max=120, help="Minutes of the drill; its plan fits 30.")] = 30.0,
    model: Annotated[Path, typer.Option(help="Folder of the student.")] = STUDENT,
    page: Annotated[Path | None, typer.Option(help="Page to write; its pictures go to a folder beside it.")] = None,
) -> None:
    """Let real parts fail by plan under a real Prometheus; record when each alert fires and clears. Prints JSON."""
    import uvloop

    from lab.operations.drill_run import drill

    report = uvloop.run(drill(minutes, model.resolve(), page, say))
    typer.echo(json_module.dumps(report, indent=1))
