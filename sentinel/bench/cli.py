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
