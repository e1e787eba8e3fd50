"""`sentinel data list|check|get`: recorded prices, those that ship with Sentinel and your own."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sentinel.cli import common
from sentinel.cli.common import DOT_ENV, EnvFile, Json, Sets

if TYPE_CHECKING:
    from sentinel.config.settings import Settings
    from sentinel.prices.check import FileReport
    from sentinel.prices.download import Download, Downloaded
    from sentinel.prices.sets import NamedSet

SHOWN = 100  # faults of one file that are printed

app = typer.Typer(no_args_is_help=True, add_completion=False, rich_markup_mode=None)


@app.callback()
def data() -> None:
    """Recorded prices: list the sets, check your own files, and download minutes from a chain (docs/price-data.md)."""


@app.command("list")
def list_sets(sets: Sets = None, env_file: EnvFile = DOT_ENV, json: Json = False) -> None:
    """The sets that ship with Sentinel, and your own in SENTINEL_DATA_DIR: span, minutes, gaps and hash."""
    from sentinel.prices.sets import all_sets

    folder = data_folder(common.load(sets, env_file))
    named = list(all_sets(folder))
    common.emit([_set_json(each) for each in named], json, lambda: _set_lines(named, folder))


@app.command()
def check(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="CSV (.csv, .csv.gz) or Parquet.")],
    json: Json = False,
) -> None:
    """Read whole files and print each fault and each gap. Exit code 4 if there is a fault; gaps are no fault."""
    from sentinel.prices.check import check_file

    reports = [check_file(path) for path in files]
    common.emit([_report_json(each) for each in reports], json, lambda: (x for each in reports for x in _lines(each)))
    if any(report.faults for report in reports):
        raise typer.Exit(common.CONFIGURATION)


@app.command()
def get(
    first: Annotated[int, typer.Option("--from", metavar="BLOCK", min=0, help="The first block.")],
    last: Annotated[int, typer.Option("--to", metavar="BLOCK", min=0, help="The last block, included.")],
    out: Annotated[Path, typer.Option(help="File to write: .csv or .csv.gz. It must not exist.")],
    rpc: Annotated[str | None, typer.Option(help="JSON-RPC endpoint. Default: SENTINEL_RPC__URL.")] = None,
    network: Annotated[str | None, typer.Option(help="Name of a network, or path of its file.")] = None,
    coin: Annotated[str | None, typer.Option(help="The coin to price. Default: the wrapped native coin.")] = None,
    pool: Annotated[list[str] | None, typer.Option(help="Pools of the network file. Default: all of the pair.")] = None,
    sets: Sets = None,
    env_file: EnvFile = DOT_ENV,
    json: Json = False,
) -> None:
    """Download minutes from the Swap logs of a pair's V3 and V4 pools. The same call continues a stopped one."""
    from sentinel.chain.rpc import Rpc
    from sentinel.config.network_file import load_network
    from sentinel.prices.download import Download
    from sentinel.prices.swap_logs import Pair

    settings = common.load(sets, env_file, network=network, rpc={"url": rpc})
    chain = load_network(settings.network)
    pair = Pair.of(chain, coin or chain.wrapped, pool or ())

    async def download() -> Downloaded:
        async with Rpc(settings.rpc.endpoints[0], timeout=settings.rpc.read_timeout) as endpoint:
            return await _with_bar(Download(endpoint, pair, first, last, out))

    try:
        done = asyncio.run(download())
    except KeyboardInterrupt:
        typer.echo("sentinel: stopped; the same command continues", err=True)
        raise typer.Exit(130) from None
    prices = done.prices
    report = {"file": str(out), "pool": done.pool, "span": prices.span, "minutes": len(prices.bars)}
    report |= {"sha256": prices.source.sha256, "requests": done.requests}
    common.emit(
        report,
        json,
        lambda: [f"{out}: {prices.span}, {len(prices.bars)} minutes of {done.pool}, sha256 {prices.source.sha256}"],
    )


async def _with_bar(download: Download) -> Downloaded:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("blocks"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("")
        download.progress = lambda done, total: bar.update(task, completed=done, total=total)
        return await download.run()


def data_folder(settings: Settings) -> Path:
    """The folder of the operator's own sets."""
    from sentinel.core.host import places

    return (settings.data_dir or places.data_dir()).expanduser()


def _set_json(named: NamedSet) -> dict[str, Any]:
    facts: dict[str, Any] = {"name": named.name, "packaged": named.packaged}
    if named.prices is None:
        return facts | {"fault": named.fault}
    prices = named.prices
    return facts | {
        "span": prices.span,
        "minutes": len(prices.bars),
        "gaps": len(prices.gaps),
        "missing": prices.missing,
        "sha256": prices.source.sha256,
    }


def _set_lines(named: list[NamedSet], folder: Path) -> Iterator[str]:
    width = max(len(each.name) for each in named)
    for each in named:
        if each.prices is None:
            yield f"{each.name:{width}}  cannot be read: {each.fault}"
            continue
        prices, where = each.prices, "packaged" if each.packaged else "own"
        gaps = f"{len(prices.gaps)} gaps ({prices.missing} minutes)" if prices.gaps else "no gap"
        yield f"{each.name:{width}}  {where:8}  {prices.span}  {len(prices.bars)} minutes  {gaps}"
        yield f"{'':{width}}  sha256 {prices.source.sha256}"
    if all(each.packaged for each in named):
        yield f"no own set in {folder} (SENTINEL_DATA_DIR)"


def _report_json(report: FileReport) -> dict[str, Any]:
    return {
        "file": str(report.path),
        "sha256": report.sha256,
        "span": report.span,
        "minutes": report.minutes,
        "faults": [{"line": fault.line, "what": fault.what} for fault in report.faults],
        "gaps": [{"start": gap.start, "minutes": gap.minutes} for gap in report.gaps],
    }


def _lines(report: FileReport) -> Iterator[str]:
    for fault in report.faults[:SHOWN]:
        yield f"fault  {fault}"
    if len(report.faults) > SHOWN:
        yield f"fault  {report.path}: {len(report.faults) - SHOWN} more"
    for gap in report.gaps:
        yield f"gap    {report.path}: {gap}"
    if not report.faults:
        yield f"ok     {report.path}: {report.span}, {report.minutes} minutes, sha256 {report.sha256}"
