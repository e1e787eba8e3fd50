"""One finding of `sentinel doctor`: what was checked, how it went, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Grade = Literal["ok", "warn", "fail"]


@dataclass(frozen=True, slots=True)
class Finding:
    name: str  # of the thing that was checked
    grade: Grade
    what: str  # the result, as one sentence or phrase
    hint: str = ""  # what to do about it; empty if the grade is ok
