"""The tools in words, from their own signatures and docstrings: the page of tools and the teacher's prompt."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

from sentinel.agent.tools import Toolbox


def named() -> Toolbox:
    """A toolbox to name the tools by; none of them may be called."""
    nothing: Any = None
    return Toolbox(nothing, nothing, nothing, nothing, nothing)


def signature(tool: Callable[..., Any]) -> str:
    given = inspect.signature(tool).parameters.values()
    names = (one.name if one.default is one.empty else f"{one.name}={one.default!r}" for one in given)
    return f"{tool.__name__}({', '.join(names)})".replace("''", '""')


def answer(tool: Callable[..., Any]) -> str:
    return " ".join((inspect.getdoc(tool) or "").split())
