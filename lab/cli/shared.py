"""What the commands of `sentinel bench` share: options, parsing and the progress line."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from sentinel.core.errors import OperatorError
from sentinel.core.host.places import student_folder

STUDENT = student_folder()

Json = Annotated[bool, typer.Option("--json", help="Print one JSON value instead of text.")]


def numbers(text: str, option: str) -> list[int]:
    """The integers of `text`, which are separated by commas. Raises OperatorError, which names `option`."""
    try:
        return [int(part) for part in text.split(",") if part.strip()]
    except ValueError as error:
        raise OperatorError(f"{option} {text}: expected numbers separated by commas") from error


def say(text: str) -> None:
    """Print one line to standard error, so that standard output holds the result alone."""
    typer.echo(text, err=True)


def progress_line(done: int, total: int, label: str) -> None:
    """Overwrite one line of standard error with the progress. Prints nothing if it is not a terminal."""
    if not sys.stderr.isatty():
        return
    width = 30
    filled = width * done // max(total, 1)
    line = f"\r[{'#' * filled}{'.' * (width - filled)}] {done}/{total} {label:<24}"
    sys.stderr.write(line if done < total else "\r" + " " * len(line) + "\r")
    sys.stderr.flush()
