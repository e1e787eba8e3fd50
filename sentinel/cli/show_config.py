"""`show-config`: the effective settings and the source of each, or the text of `.env.example`."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from sentinel.cli import common
from sentinel.cli.common import DOT_ENV, EnvFile, Json, Sets

if TYPE_CHECKING:
    from sentinel.config.settings import Settings


def show_config(sets: Sets = None, env_file: EnvFile = DOT_ENV, json: Json = False, example: bool = False) -> None:
    """Print every setting with its value and its source: cli, env, .env, credential, file or default.

    --example prints .env.example instead."""
    if example:
        typer.echo(env_example(), nl=False)
        return
    settings = common.load(sets, env_file)
    rows = effective(settings, common.explicit(sets), env_file)
    width = max(len(row["name"]) for row in rows)
    common.emit(rows, json, lambda: (f"{row['name']:{width}}  {row['source']:10}  {row['value']}" for row in rows))


def effective(settings: Settings, explicit: Mapping[str, Any], env_file: Path) -> list[dict[str, str]]:
    """Name, value as it would be written in the environment, and source. Keys inside URLs are removed."""
    from sentinel.config.settings import PREFIX, given, names

    values = given(env_file, explicit)
    rows = []
    for name in names():
        path = name.removeprefix(PREFIX).lower().split("__")
        if name in values:
            source: str = values[name].source
        elif getattr(_at(settings, path[:-1]), f"{path[-1]}_file", None) is not None:
            source = "file"
        else:
            source = "default"
        rows.append({"name": name, "value": shown(_at(settings, path)), "source": source})
    return rows


def shown(value: Any) -> str:
    """A value as it is written in `.env`."""
    from sentinel.chain.rpc import redact

    if value is None:
        return ""
    if isinstance(value, Mapping):
        return ",".join(f"{key}={item}" for key, item in value.items())
    if isinstance(value, tuple):
        return ",".join(shown(item) for item in value)
    text = str(value)
    if "://" in text and text not in _HARMLESS:
        return redact(text)
    return text


_HARMLESS = ("http://127.0.0.1:8100/v1",)  # a default with a path; the path of any other URL may contain a key


def env_example() -> str:
    """The text of `.env.example`: each setting with its description and default, commented out."""
    from sentinel.config.settings import names

    lines = [
        "# Settings of Sentinel. Copy to .env and change what you need; all names and defaults are listed.",
        "# The command line overrides the environment, the environment overrides .env, .env overrides the defaults.",
        "# Secrets are given as files (..._FILE), never as values.",
    ]
    group = ""
    for name, (description, default) in names().items():
        prefix = name.split("__")[0] if "__" in name else ""
        if prefix != group or not group:
            lines.append("")
            group = prefix
        lines += textwrap.wrap(description, 116, initial_indent="# ", subsequent_indent="#   ")
        lines.append(f"#{name}={shown(default)}")
    return "\n".join(lines) + "\n"


def _at(settings: Settings, path: list[str]) -> Any:
    value: Any = settings
    for part in path:
        value = getattr(value, part)
    return value
