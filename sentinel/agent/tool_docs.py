"""Describe the tools from their signatures and docstrings, for the page of tools and the teacher's prompt."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from sentinel.agent.tools import Toolbox


def named() -> Toolbox:
    """A toolbox that only names the tools. None of them may be called."""
    nothing: Any = None
    return Toolbox(nothing, nothing, nothing, nothing, nothing)


def signature(tool: Callable[..., Any]) -> str:
    """The tool's name and parameters with their defaults, such as `sma(token, bars=20)`."""
    parameters = inspect.signature(tool).parameters.values()
    names = (f"{p.name}={p.default!r}" if p.default is not p.empty else str(p).partition(":")[0] for p in parameters)
    return f"{tool.__name__}({', '.join(names)})".replace("''", '""')


def answer(tool: Callable[..., Any]) -> str:
    """The tool's docstring as one line: what it answers."""
    return " ".join((inspect.getdoc(tool) or "").split())
