"""Orders to ask about and to refuse: phrases from which something is missing, or to which something was added."""

from __future__ import annotations

import random
from dataclasses import dataclass

from sentinel.distill.orders.phrase_rules import Role, of_role
from sentinel.distill.orders.phrasing import Allowed, say
from sentinel.distill.orders.quantities import COINS, Scene, Scope
from sentinel.distill.orders.voice import Voice
from sentinel.orders.language.answers import Question, Refusal
from sentinel.orders.language.drafts import write_draft
from sentinel.orders.language.reading import Ask, Refuse


@dataclass(frozen=True, slots=True)
class SaidAnswer:
    """Words that are no order to carry out, with the right answer."""

    kinds: tuple[str, ...]
    rules: tuple[str, ...]
    words: tuple[str, ...]
    draft: str
    reading: Ask | Refuse


def answered(rng: random.Random, role: Role, allowed: Allowed) -> SaidAnswer:
    """Each question, or refusal, is as likely as the others. Raises Unsayable."""
    tables = of_role(role)
    kind = rng.choice(sorted({table.kind for table in tables}))
    table = rng.choice([table for table in tables if table.kind == kind])
    coins = rng.choice((COINS, (COINS[1], COINS[0])))
    phrase = say(table, Scope(Scene.drawn(rng), coins), Voice.drawn(rng), allowed)
    name = kind.partition("-")[2].upper()
    answer = Ask(Question[name]) if role is Role.ASK else Refuse(Refusal[name])
    return SaidAnswer((kind,), tuple(phrase.rules), (phrase.words,), write_draft(answer), answer)
