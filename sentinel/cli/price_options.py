"""The options that name prices: which set or file, and from which time."""

from __future__ import annotations

from typing import Annotated

import typer

from sentinel.prices import DEFAULT

__all__ = ["DEFAULT", "Prices", "Start", "time_option"]

Prices = Annotated[
    str,
    typer.Option(help="A set of `sentinel data list`, a price file or a folder of them, or `synthetic`."),
]
Start = Annotated[
    str | None,
    typer.Option("--from", metavar="TIME", help="First minute: unix seconds, or an ISO time in UTC."),
]


def time_option(text: str, option: str = "--from") -> int:
    """Unix seconds of a minute; a day alone is its first minute. Raises BadParameter."""
    from sentinel.prices.csv_file import time_of

    try:
        return time_of(f"{text}T00:00" if len(text) == len("2022-07-19") and text.count("-") == 2 else text)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=option) from None
