"""`sentinel bench …`: thin commands over the measurements."""

from __future__ import annotations

import asyncio
import json as json_module
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from sentinel.errors import OperatorError

app = typer.Typer(no_args_is_help=True, help="Measure Sentinel's parts.", pretty_exceptions_enable=False)

Json = Annotated[bool, typer.Option("--json", help="Print one JSON value instead of text.")]


@app.callback()
def _root() -> None:
    pass


@app.command("mainnet-blocks")
def mainnet_blocks(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="Folder of recorded blocks, or of one.")],
    only: Annotated[str, typer.Option(help="Block numbers, separated by commas; else all.")] = "",
    json: Json = False,
) -> None:
    """Simulate real blocks' transactions as candidates are simulated; compare status, gas, logs, return data."""
    from sentinel.bench.mainnet_blocks import measure

    found = asyncio.run(measure(folder, only=_numbers(only, "--only"), progress=_progress))
    if json:
        typer.echo(json_module.dumps(found))
        return
    for report in found["blocks"]:
        unknown = f", {len(report['unknown_slots'])} unknown slots" if report["unknown_slots"] else ""
        typer.echo(
            f"{report['block']:>9} {report['hardfork']:<13} {report['exact']:>5} of {report['transactions']:>5} exact, "
            f"swaps {report['swap_transactions_exact']} of {report['swap_transactions']}{unknown}"
        )
        for miss in report["misses"] if report["after_london"] else ():
            typer.echo(f"          {miss['index']:>5} {miss['category']}: {miss['detail']}")
    typer.echo(f"after London: {_words(found['summary'])}")


@app.command()
def decide(
    n: Annotated[str, typer.Option("--n", help="Samples a step, separated by commas.")] = "1,8,16,32",
    heads: Annotated[int, typer.Option(min=1, help="Heads decided at each n.")] = 60,
    proposer: Annotated[str, typer.Option(help="student (real vLLM) or oracle (the built-in solver).")] = "student",
    seed: Annotated[int, typer.Option(help="Of the market, the wallet and the sampler.")] = 7,
    json: Json = False,
) -> None:
    """Time from a head to signed bytes, by stage, on a local market that is started for it and stopped afterwards."""
    from sentinel.bench.decide import measure

    sizes = _numbers(n, "--n")
    if not sizes or min(sizes) < 1 or proposer not in ("student", "oracle"):
        raise OperatorError("--n wants numbers from 1 on, --proposer student or oracle")
    found = measure(
        sizes,
        heads,
        proposer,
        seed,
        say=lambda text: typer.echo(text, err=True),
        progress=lambda done: _progress(done, heads * len(sizes), "heads"),
    )
    if json:
        typer.echo(json_module.dumps(found))
        return
    for size in found["sizes"]:
        typer.echo(f"n = {size['n']}: {size['decisions']}; milliseconds p50 / p95 / p99")
        rows = {name: size[name] for name in ("head_to_signed", "but_the_model", "own")} | size["stages"]
        for name, times in rows.items():
            typer.echo(f"  {name:<15}" + "".join(f"{value:>10.2f}" for value in times.values()))
    typer.echo(f"waiting for the next head's market: {found['next_market']}")


def _words(total: dict[str, Any]) -> str:
    return (
        f"{total['exact']} of {total['transactions']} transactions exact, "
        f"{total['swap_transactions_exact']} of {total['swap_transactions']} with swaps "
        f"(V2 {total['swaps_v2_exact']}/{total['swaps_v2']}, V3 {total['swaps_v3_exact']}/{total['swaps_v3']}), "
        f"misses {total['misses'] or 'none'}, {total['unknown_slots']} unknown slots"
    )


def _numbers(text: str, option: str) -> list[int]:
    try:
        return [int(part) for part in text.split(",") if part.strip()]
    except ValueError as error:
        raise OperatorError(f"{option} {text}: numbers separated by commas are wanted") from error


def _progress(done: int, total: int, what: str) -> None:
    """One line that is written over, on a terminal alone, so that standard output stays the result."""
    if not sys.stderr.isatty():
        return
    width = 30
    filled = width * done // max(total, 1)
    line = f"\r[{'#' * filled}{'.' * (width - filled)}] {done}/{total} {what:<24}"
    sys.stderr.write(line if done < total else "\r" + " " * len(line) + "\r")
    sys.stderr.flush()
