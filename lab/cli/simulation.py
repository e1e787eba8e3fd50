"""Commands that measure simulation: exactness, cost, memory, the fork's freshness, and a backtest."""

from __future__ import annotations

import asyncio
import json as json_module
from pathlib import Path
from typing import Annotated, Any

import typer

from lab.cli.shared import Json, numbers, progress_line
from sentinel.core.errors import OperatorError


def mainnet_blocks(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of recorded blocks, or of one block.")],
    only: Annotated[str, typer.Option(help="Block numbers, separated by commas; empty: all.")] = "",
    json: Json = False,
) -> None:
    """Simulate the transactions of real blocks like candidates; compare status, gas, logs and return data."""
    from lab.mainnet_blocks.benchmark import measure

    results = asyncio.run(measure(folder, only=numbers(only, "--only"), progress=progress_line))
    if json:
        typer.echo(json_module.dumps(results))
        return
    for report in results["blocks"]:
        unknown = f", {len(report['unknown_slots'])} unknown slots" if report["unknown_slots"] else ""
        typer.echo(
            f"{report['block']:>9} {report['hardfork']:<13} {report['exact']:>5} of {report['transactions']:>5} exact, "
            f"swaps {report['swap_transactions_exact']} of {report['swap_transactions']}{unknown}"
        )
        for miss in report["misses"] if report["after_london"] else ():
            typer.echo(f"          {miss['index']:>5} {miss['category']}: {miss['detail']}")
    typer.echo(f"after London: {_summary_line(results['summary'])}")


def _summary_line(total: dict[str, Any]) -> str:
    return (
        f"{total['exact']} of {total['transactions']} transactions exact, "
        f"{total['swap_transactions_exact']} of {total['swap_transactions']} with swaps "
        f"(V2 {total['swaps_v2_exact']}/{total['swaps_v2']}, V3 {total['swaps_v3_exact']}/{total['swaps_v3']}), "
        f"misses {total['misses'] or 'none'}, {total['unknown_slots']} unknown slots"
    )


def simulate(
    candidates: Annotated[str, typer.Option(help="Batch sizes, separated by commas.")] = "8,64,256",
    rounds: Annotated[int, typer.Option(min=1, help="Batches of each size, alternating with the floor.")] = 30,
    seed: Annotated[int, typer.Option(help="Seed of the candidates.")] = 5,
    json: Json = False,
) -> None:
    """Compare a batch of candidates with the bare requests, with snapshot/send/revert and with real transactions."""
    import uvloop

    from lab.bench.simulation_cost import measure

    sizes = numbers(candidates, "--candidates")
    if not sizes or min(sizes) < 1:
        raise OperatorError(f"--candidates {candidates}: expected numbers of at least 1")
    rows = uvloop.run(measure(sizes, rounds=rounds, seed=seed, progress=progress_line))
    if json:
        typer.echo(json_module.dumps(rows))
        return
    typer.echo("candidates  batch ms  floor ms   ratio  snapshot ms  times faster  identical  reverts")
    for row in rows:
        typer.echo(
            f"{row['candidates']:>10} {row['batch_ms']:>9.2f} {row['floor_ms']:>9.2f} {row['floor_ratio']:>7.3f} "
            f"{row['snapshot_ms']:>12.1f} {row['snapshot_ratio']:>13.1f} {row['identical']:>10} {row['reverts']:>8}"
        )


def engines(
    candidates: Annotated[int, typer.Option(min=1, help="Number of random candidates.")] = 2000,
    seed: Annotated[int, typer.Option(help="Seed of the candidates.")] = 11,
) -> None:
    """Compare the batch engine with the one that mines each candidate (JSON). Exit code 1 if any effect differs."""
    import uvloop

    from lab.bench.engine_comparison import compare

    comparison = uvloop.run(compare(candidates, seed=seed, progress=progress_line))
    typer.echo(json_module.dumps(comparison))
    if comparison["differ"]:
        raise typer.Exit(1)


def memory(
    batches: Annotated[int, typer.Option(min=1, help="Number of batches.")] = 10_000,
    size: Annotated[int, typer.Option(min=1, help="Candidates per batch.")] = 8,
) -> None:
    """Measure the resident memory of this process and of the fork over many batches. Prints JSON."""
    import uvloop

    from lab.bench.resident_memory import soak

    typer.echo(json_module.dumps(uvloop.run(soak(batches, size=size, progress=progress_line))))


def freshness(
    delays: Annotated[str, typer.Option(help="Delays of the upstream (ms), separated by commas.")] = "0,50,500",
    heads: Annotated[int, typer.Option(min=1, help="Heads per way.")] = 4,
) -> None:
    """Time a new head on a fork of a slow upstream: reset, cold batch, warmed batch. Prints JSON."""
    import uvloop

    from lab.bench.freshness import measure

    typer.echo(json_module.dumps(uvloop.run(measure(numbers(delays, "--delays"), heads=heads, progress=progress_line))))


def backtest(
    minutes: Annotated[int, typer.Option(min=8, max=2000, help="Minutes that each order plays.")] = 480,
    json: Json = False,
) -> None:
    """Time a backtest of an order that rarely trades and of one that often does: cycles, shares, memory."""
    import uvloop

    from lab.bench.backtest_speed import measure

    rows = uvloop.run(measure(minutes, progress=progress_line))
    if json:
        typer.echo(json_module.dumps(rows))
        return
    for row in rows:
        shares = ", ".join(f"{stage} {100 * share:.0f} %" for stage, share in row["shares"].items())
        typer.echo(f"{row['order']}: {row['cycles']} cycles, {row['trades']} trades")
        typer.echo(
            f"  {row['per_cpu_second']:.1f} cycles a second of one core, {row['per_second']:.1f} on this machine now; "
            f"{row['own_ms']:.1f} ms here and {row['chain_ms']:.1f} ms in the chain, "
            f"{row['times_of_market']:.1f} times its market alone"
        )
        typer.echo(f"  time: {shares}")
        typer.echo(f"  memory (MiB, this process and the chain): {row['memory']}")
