"""The phrase rules: each can be said, each is named once, and the split file holds out what it says."""

from __future__ import annotations

import random
from itertools import combinations

import pytest

from sentinel.distill.orders.composition import LIMITS, fits
from sentinel.distill.orders.phrase_rules import SLOT, Role, Rule, Table, of_role, rules_by_kind, tables
from sentinel.distill.orders.phrasing import say
from sentinel.distill.orders.quantities import COINS, DRAWN, Scene, Scope, Unsayable
from sentinel.distill.orders.split import held_pairs, held_rules
from sentinel.distill.orders.voice import FORMS, Voice
from sentinel.orders.language.answers import Question, Refusal
from sentinel.orders.language.drafts import read_draft
from sentinel.orders.typed.order import Order


@pytest.mark.parametrize("table", tables(), ids=lambda table: table.name)
def test_each_wording_is_said_whole(table: Table) -> None:
    """No slot is left open, and each value of the draft stands in the words or in what they leave to a default."""
    for rule in table.rules:
        rng = random.Random(rule.id)
        scope = Scope(Scene.drawn(rng), COINS)

        def only(other: Rule, rule: Rule = rule) -> float:
            return float(other is rule or other.id.rpartition("-")[0] != table.name)

        for _ in range(50):  # some values do not fit each other
            try:
                phrase = say(table, scope, Voice.drawn(rng), only)
                break
            except Unsayable:
                scope = Scope(Scene.drawn(rng), COINS)
        else:
            pytest.fail(f"{rule.id} cannot be said")
        assert rule.id in phrase.rules
        assert "{" not in phrase.words + phrase.reading
        assert phrase.words == phrase.words.strip()
        if table.role is Role.CLAUSE:
            sentences = phrase.reading.partition(" || ")[0].split(" | ")
            assert isinstance(read_draft(" ".join(f"{one}." for one in sentences), "USDC"), Order), phrase.reading


def test_a_part_is_no_quantity() -> None:
    """A slot has one meaning."""
    parts = {table.kind for table in of_role(Role.PART)}
    assert not parts & {name.partition(".")[0] for name in (*FORMS, *DRAWN)}


def test_a_wording_says_what_its_draft_needs() -> None:
    """A slot of the draft that no wording fills would be a number from nowhere."""
    follows = {"rest", "last", "zone_rest", "v", "coin", "coin2"}  # from other slots, or from what stands beside
    for table in tables():
        wanted = {name for name, _ in SLOT.findall(table.reading)} - follows
        for rule in table.rules:
            given = {name for name, _ in SLOT.findall(rule.words)}
            missing = wanted - given
            if {"edge_low", "edge_high"} <= given:
                missing.discard("band")
            assert not missing or table.role is Role.BESIDE, f"{rule.id} does not say {missing}"


def test_there_are_many_and_no_two_are_alike() -> None:
    """At least 400; each question and each refusal has at least 12; one meaning has no wording twice."""
    ids = [rule.id for table in tables() for rule in table.rules]
    assert len(ids) == len(set(ids)) >= 400
    kinds = rules_by_kind()
    for answer in (*Question, *Refusal):
        role = Role.ASK if isinstance(answer, Question) else Role.REFUSE
        assert len(kinds[f"{role}-{answer.name.lower()}"]) >= 12
    for table in tables():
        words = [rule.words for rule in table.rules]
        assert len(words) == len(set(words)), table.name


def test_a_fifth_of_each_kind_is_held_out() -> None:
    """Of wordings and of pairs; all that is named exists."""
    kinds = rules_by_kind()
    assert held_rules() <= {rule for rules in kinds.values() for rule in rules}
    for kind, rules in kinds.items():
        held = len(held_rules() & set(rules))
        assert held == max(1, round(len(rules) / 5)), kind
    pairs = set(_pairs())
    assert held_pairs() <= pairs
    assert len(held_pairs()) == round(len(pairs) / 5)


def _pairs() -> list[frozenset[str]]:
    """The pairs of kinds that can be one labelled order: of clauses, or of a clause and a limit."""
    by_kind: dict[str, list[Table]] = {}
    for role in (Role.CLAUSE, *LIMITS):
        for table in of_role(role):
            by_kind.setdefault(table.kind, []).append(table)
    labelled = {kind for kind, found in by_kind.items() if any(table.labelled for table in found)}
    return [
        frozenset((one, other))
        for one, other in combinations(sorted(labelled), 2)
        if any(fits([a, b]) for a in by_kind[one] for b in by_kind[other])
    ]
