"""One finding of `sentinel doctor`: what was checked, how it went, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sentinel.core.errors import RpcError

Grade = Literal["ok", "warn", "fail"]


@dataclass(frozen=True, slots=True)
class Finding:
    name: str  # of the thing that was checked
    grade: Grade
    what: str  # the result, as one sentence or phrase
    hint: str = ""  # what to do about it; empty if the grade is ok


def with_endpoint(error: Exception) -> str:
    """The error's text. One of an endpoint names the endpoint and the method that it was asked for."""
    text = str(error)
    if isinstance(error, RpcError) and error.endpoint:
        return f"{error.endpoint}: {error.method}: {text.removeprefix(f'{error.method}: ')}"
    return text
