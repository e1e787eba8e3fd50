"""Reads an env file. Every line is a blank line, a comment or NAME=VALUE; anything else is an error with its number.

python-dotenv parses the lines. Its own loader skips lines that it cannot parse, keeps the last of two equal names and
replaces ${NAME} by nothing; here each of these is an error. A line that is not understood is never quoted: it
may hold a secret.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

from dotenv.parser import Binding, parse_stream

from sentinel.core.errors import SettingsError

QUOTES = ("'", '"')


@dataclass(frozen=True, slots=True)
class WrittenValue:
    """A value as text, and where it is written."""

    text: str
    origin: str  # '/etc/sentinel/sentinel.env, line 3'
    name: str  # as it is written


def _name_alone(name: str, value: str) -> str:
    return name


def read(path: Path, quoted: Callable[[str, str], str] = _name_alone) -> dict[str, WrittenValue]:
    """The values by name in capital letters. Raises SettingsError with one line for each line that is wrong.

    `quoted` makes of a name and its value what an error may show of them. A line that is no NAME=VALUE is never shown.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise SettingsError(f"{path} cannot be read: {type(error).__name__}") from None
    values: dict[str, WrittenValue] = {}
    lines: dict[str, int] = {}
    problems = []
    for number, binding in _numbered(text):
        name = (binding.key or "").upper()
        if (problem := _problem(binding)) is None and name in lines:
            problem = f"{name} is written in line {lines[name]} already"
        if problem is not None:
            shown = f"{quoted(binding.key, binding.value)}: " if binding.key and binding.value else ""
            problems.append(f"{path}, line {number}: {shown}{problem}")
        elif name:
            lines[name] = number
            values[name] = WrittenValue(binding.value or "", f"{path}, line {number}", binding.key or "")
    if problems:
        raise SettingsError("\n".join(problems))
    return values


def value_problem(value: str) -> str | None:
    """What makes a text no value of a setting, wherever it is written; None if nothing does."""
    if not value.isprintable():
        return "the value holds a line break, a control character or an invisible character"
    if value.startswith(QUOTES) or value.endswith(QUOTES):
        return "the value begins or ends with a quotation mark (docker passes quotation marks on: leave them out)"
    if "${" in value:
        return "the value holds ${…}, and Sentinel does not expand variables"
    return None


def _numbered(text: str) -> Iterator[tuple[int, Binding]]:
    """Each binding with the number of its own line: dotenv counts from the blank lines before it."""
    for binding in parse_stream(StringIO(text)):
        original = binding.original.string
        blank = original[: len(original) - len(original.lstrip())]
        yield binding.original.line + blank.count("\n"), binding


def _problem(binding: Binding) -> str | None:
    if binding.error:
        return "this is not NAME=VALUE, or a quotation mark is not closed"
    if binding.key is None:
        return None  # a comment or a blank end
    if binding.value is None:
        return "there is no = after the name"
    if "\n" in binding.original.string.strip():
        return "a quotation mark is closed in a later line only"
    return value_problem(binding.value)
