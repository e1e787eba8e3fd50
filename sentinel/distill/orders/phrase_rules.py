"""The phrase rules: wordings with slots, each beside the draft that they mean, read from the tables in `phrases/`.

A table has one meaning and many wordings. `kind` names the clause or limit that it says; a table with `part` is used
inside others, as `{buy}` is. `reading` is a draft with the same slots; ` | ` separates its clauses, and what
follows ` || ` is a limit of the order, or, after `only`, a condition of every trade.
"""

from __future__ import annotations

import functools
import re
import tomllib
from dataclasses import dataclass
from enum import StrEnum
from importlib import resources
from typing import Any

SLOT = re.compile(r"\{(\w+)(?:\.(\w+))?\}")


class Role(StrEnum):
    CLAUSE = "clause"  # sentences of an order
    ONLY = "only"  # a condition of every trade
    ENTRIES = "entries"  # a condition of the clauses that do more than sell
    LIMIT = "limit"  # a sentence that limits the order
    MODIFIER = "modifier"  # what follows each clause: until when, how often
    PART = "part"  # used inside others
    ASK = "ask"  # an order that lacks something
    REFUSE = "refuse"  # an order that cannot be carried out
    BESIDE = "beside"  # words that say nothing of the trade


@dataclass(frozen=True, slots=True)
class Rule:
    """One wording. It begins with `,` if it continues a sentence, and ends with `,` or `:` if one follows it."""

    id: str
    words: str


@dataclass(frozen=True, slots=True)
class Table:
    """One meaning with its wordings."""

    name: str
    kind: str
    role: Role
    reading: str
    rules: tuple[Rule, ...]
    signal: bool = False  # it trades each time its condition turns true, unless a cooldown is given
    periodic: bool = False  # it has a period or parts of its own, so no cooldown is said with it
    fixed: bool = True  # each trade has a stated size
    alone: bool = False  # no other clause stands beside it
    labelled: bool = True  # its situations can be written as facts
    group: str = ""  # two clauses of one group do not stand together

    @property
    def exits(self) -> bool:
        """Whether it only sells. Such clauses stand before others: by default exits come first."""
        return not any(word in self.reading for word in ("buy", "swap", "rebalance", "arbitrage", "{allin}"))


@functools.cache
def tables() -> tuple[Table, ...]:
    """All tables of the package, in the order of their files and lines."""
    folder = resources.files(__package__) / "phrases"
    found: list[Table] = []
    for path in sorted(folder.iterdir(), key=lambda file: file.name):
        if path.name.endswith(".toml"):
            body = tomllib.loads(path.read_text(encoding="utf-8"))
            found += [_table(name, fields) for name, fields in body.items()]
    return tuple(found)


@functools.cache
def of_part(part: str) -> tuple[Table, ...]:
    """The tables that can stand for a slot of this name."""
    return tuple(table for table in tables() if table.role is Role.PART and table.kind == part)


@functools.cache
def of_role(role: Role) -> tuple[Table, ...]:
    return tuple(table for table in tables() if table.role is role)


def rules_by_kind() -> dict[str, list[str]]:
    """The ids of the rules of each kind."""
    found: dict[str, list[str]] = {}
    for table in tables():
        found.setdefault(table.kind, []).extend(rule.id for rule in table.rules)
    return found


def _table(name: str, fields: dict[str, Any]) -> Table:
    fields = dict(fields)
    part = fields.pop("part", None)
    role = Role.PART if part else Role(fields.pop("role", Role.CLAUSE))
    say: dict[str, str] = fields.pop("say")
    rules = tuple(Rule(f"{name}-{number}", words) for number, words in say.items())
    return Table(name, part or fields.pop("kind"), role, fields.pop("reading", ""), rules, **fields)
