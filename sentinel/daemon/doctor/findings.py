"""What an examination found, and how to mend it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Grade = Literal["ok", "warn", "fail"]


@dataclass(frozen=True, slots=True)
class Finding:
    name: str
    grade: Grade
    what: str
    hint: str = ""  # what to do about it; empty where all is well
