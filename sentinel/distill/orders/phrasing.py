"""From a table to words and draft: a rule is chosen, its slots are filled with the same values on both sides."""

from __future__ import annotations

import random
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal

from sentinel.distill.orders.phrase_rules import SLOT, Role, Rule, Table, of_part, of_role
from sentinel.distill.orders.quantities import Scope, Unsayable
from sentinel.distill.orders.voice import Voice, form
from sentinel.orders.language.words import duration, time

Allowed = Callable[[Rule], float]  # how much a rule weighs; 0: it may not be used
_PRONOUNS = {"it": ("it",), "price": ("it", "it", "the price")}  # the coin's name, where nothing else says it
_DURATIONS = ("span", "period", "gap", "over", "life")


@dataclass(slots=True)
class Phrase:
    """What is said by one table and by the parts inside it."""

    table: Table
    words: str
    reading: str
    rules: list[str]
    spans: dict[int, bool]  # each duration in seconds, and whether it was said in blocks


@dataclass(slots=True)
class _Node:
    """A table with its rule, its values, and the tables inside it by the names of their slots."""

    table: Table
    rule: Rule
    scope: Scope
    inner: dict[str, _Node] = field(default_factory=dict)


def say(table: Table, scope: Scope, voice: Voice, allowed: Allowed) -> Phrase:
    """Raises Unsayable."""
    node = _chosen(table, scope, voice.rng, allowed)
    reading = _reading(node)  # draws all values
    pieces = list(_pieces(node))
    slots = [name for scope, name, _ in pieces if scope is not None]
    named = any(name in ("coin", "n") for name in slots)
    texts = [_said(piece, voice, named=named) for piece in pieces]
    if not named and not _PRONOUNS.keys() & set(slots) and re.search("WETH|WBTC", reading) and "{" in table.reading:
        raise Unsayable("nobody could know the coin")
    rules = [one.rule.id for one in _nodes(node)]
    spans = {
        int(one.scope.values[name]): f"{name}_blocks" in one.scope.values
        for one in _nodes(node)
        for name in one.scope.values
        if name.rstrip("0123456789") in _DURATIONS
    }
    return Phrase(table, "".join(texts), reading, rules, spans)


def _chosen(table: Table, scope: Scope, rng: random.Random, allowed: Allowed) -> _Node:
    weights = [allowed(rule) for rule in table.rules]
    if not any(weights):
        raise Unsayable(f"no wording of {table.name} is allowed")
    node = _Node(table, rng.choices(table.rules, weights)[0], scope)
    for found in SLOT.finditer(node.rule.words):
        name = found[1]
        base = name.rstrip("0123456789")
        choices = of_part(base) if base != "order" else tuple(one for one in of_role(Role.CLAUSE) if not one.alone)
        if choices and name not in node.inner:
            part = rng.choices(choices, [len(choice.rules) ** 0.5 for choice in choices])[0]
            node.inner[name] = _chosen(part, scope.inner(), rng, allowed)
    return node


Piece = tuple[Scope | None, str, str | None]  # a text without a scope, or a slot with its form


def _pieces(node: _Node) -> list[Piece]:
    pieces: list[Piece] = []
    at = 0
    words = node.rule.words
    for found in SLOT.finditer(words):
        pieces.append((None, words[at : found.start()], None))
        at = found.end()
        inner = node.inner.get(found[1])
        pieces += _pieces(inner) if inner else [(node.scope, found[1], found[2])]
    return [*pieces, (None, words[at:], None)]


def _said(piece: Piece, voice: Voice, *, named: bool) -> str:
    scope, name, variant = piece
    if scope is None:
        return name
    if name in _PRONOUNS:
        pronoun = named and voice.rng.random() < 0.6
        return voice.rng.choice(_PRONOUNS[name]) if pronoun else voice.coin(scope.coin("coin"))
    return form(name, variant)(voice, scope, name)


def _nodes(node: _Node) -> list[_Node]:
    return [node, *(below for inner in node.inner.values() for below in _nodes(inner))]


def _reading(node: _Node) -> str:
    def value(found: object) -> str:
        name = found[1]  # type: ignore[index]
        if (inner := node.inner.get(name)) is not None:  # a part without a reading is quoted as it is said
            return _reading(inner) if inner.table.reading else inner.rule.words
        if name.startswith("coin"):
            return node.scope.coin(name)
        return written(name, node.scope.value(name))

    return SLOT.sub(value, node.table.reading)


def written(name: str, value: Decimal) -> str:
    """A value as a draft has it."""
    kind = name.rstrip("0123456789")
    if kind in _DURATIONS:
        return duration(int(value))
    return time(int(value)) if kind == "date" else f"{value:f}"
