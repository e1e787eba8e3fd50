"""`decisions`, `decisions show`, `decisions export`: what was decided at each block, on the screen and as files."""

from __future__ import annotations

import json as json_
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sentinel.cli import common, decision_history
from sentinel.cli.common import DOT_ENV, EnvFile, Json, Sets
from sentinel.core.errors import OperatorError, RecordDropped

if TYPE_CHECKING:
    from sentinel.journal.journal import Journal
    from sentinel.journal.reports import CycleLine

app = typer.Typer(
    help="List the last cycles: each decision with its votes and its reason.",
    add_completion=False,
    rich_markup_mode=None,
)
Id = Annotated[str, typer.Argument(metavar="ID", help="A cycle's number from `decisions`, or an intent's id.")]
EXTRA = "pip install 'sentinel-trader[parquet]'"


@app.callback(invoke_without_command=True)
def decisions(
    context: typer.Context,
    limit: decision_history.Limit = 20,
    sets: Sets = None,
    env_file: EnvFile = DOT_ENV,
    json: Json = False,
) -> None:
    """List the last cycles: each decision with its votes and its reason."""
    if context.invoked_subcommand is None:
        decision_history.decisions(limit, sets, env_file, json)


@app.command()
def show(id_: Id, sets: Sets = None, env_file: EnvFile = DOT_ENV, json: Json = False) -> None:
    """Show one cycle whole: market, order, proposal, simulations, vote, verdicts, transaction. --json: the record."""
    from sentinel.cli.decision_text import lines
    from sentinel.journal.serialization import encode

    journal, network = common.open_journal(common.load(sets, env_file), read_only=True)
    try:
        record = decision_history.recorded(journal, id_)
        trade = next((one for one in journal.trades(10_000) if one.intent_id == record.intent_id), None)
    finally:
        journal.close()
    common.emit(
        {"record": encode(record), "settled": None if trade is None else encode(trade.settled)},
        json,
        lambda: lines(record, trade, network),
    )


@app.command()
def export(
    out: Annotated[Path | None, typer.Option(help="File to write; default: standard output, as JSON lines.")] = None,
    parquet: Annotated[bool, typer.Option("--parquet", help=f"Write Parquet ({EXTRA}).")] = False,
    since: Annotated[str | None, typer.Option("--from", help="Only cycles from this UTC time on, ISO 8601.")] = None,
    until: Annotated[str | None, typer.Option("--to", help="Only cycles before this UTC time, ISO 8601.")] = None,
    sets: Sets = None,
    env_file: EnvFile = DOT_ENV,
) -> None:
    """Write all cycles, oldest first, each with its whole record: one JSON value a line, or one row of Parquet.

    A cycle whose content the retention dropped has `record` null.
    """
    if parquet and out is None:
        raise typer.BadParameter("Parquet needs a file: --out FILE", param_hint="--parquet")
    low, high = moment(since, 0.0), moment(until, float("inf"))
    journal, _ = common.open_journal(common.load(sets, env_file), read_only=True)
    try:
        rows = (_row(journal, line) for line in journal.all_cycles(low, high))
        try:
            if parquet and out is not None:
                count = _write_parquet(out, rows)
            elif out is not None:
                with out.open("w", encoding="utf-8") as file:
                    count = sum(1 for row in rows if file.write(json_.dumps(row) + "\n"))
            else:
                count = sum(1 for row in rows if sys.stdout.write(json_.dumps(row) + "\n"))
        except BrokenPipeError:
            raise
        except OSError as error:
            raise OperatorError(f"--out {out}: {error.strerror}; name a file that can be written") from error
    finally:
        journal.close()
    typer.echo(f"{count} cycles", err=True)


def moment(text: str | None, default: float) -> float:
    """Unix seconds of an ISO 8601 time, UTC unless it names its zone. Raises BadParameter."""
    if text is None:
        return default
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError as error:
        raise typer.BadParameter(f"{text} is not an ISO 8601 time") from error
    return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp()


def _row(journal: Journal, line: CycleLine) -> dict[str, Any]:
    from sentinel.journal.serialization import encode

    try:
        record = encode(journal.get_cycle(line.id))
    except RecordDropped:
        record = None
    at = datetime.fromtimestamp(line.at, UTC).isoformat(timespec="milliseconds")
    return {
        "id": line.id,
        "time": at,
        "block": line.number,
        "act": line.act,
        "reason": line.reason,
        "detail": line.detail,
        "votes": line.votes,
        "asked": line.asked,
        "parsed": line.parsed,
        "simulated": line.simulated,
        "intent": line.intent_id,
        "record": record,
    }


def _write_parquet(path: Path, rows: Iterator[dict[str, Any]]) -> int:
    """The columns are the fields of a row; `record` is its JSON text. Returns the number of rows."""
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise OperatorError(f"Parquet needs pyarrow, in the extra `parquet`: {EXTRA}") from error
    text, whole = pa.string(), pa.int64()
    names = {"id": whole, "time": text, "block": whole, "act": pa.bool_(), "reason": text, "detail": text}
    names |= dict.fromkeys(("votes", "asked", "parsed", "simulated"), whole) | {"intent": text, "record": text}
    schema, count = pa.schema(list(names.items())), 0
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        batch: list[dict[str, Any]] = []
        for row in rows:
            record = row["record"]
            batch.append(row | {"record": None if record is None else json_.dumps(record)})
            count += 1
            if len(batch) == 1000:
                writer.write_table(pa.Table.from_pylist(batch, schema=schema))
                batch = []
        writer.write_table(pa.Table.from_pylist(batch, schema=schema))
    return count
