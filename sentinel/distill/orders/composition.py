"""Compositions: which clauses and limits make one order, and their words and sentences put together."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations

from sentinel.distill.orders.contradictions import can_trade
from sentinel.distill.orders.phrase_rules import Role, Table, of_role
from sentinel.distill.orders.phrasing import Allowed, Phrase, say
from sentinel.distill.orders.quantities import COINS, QUOTE, Scene, Scope, Unsayable
from sentinel.distill.orders.voice import Voice
from sentinel.orders.language.drafts import BLOCK_SECONDS, read_draft, write_draft
from sentinel.orders.language.reading import render
from sentinel.orders.language.words import duration
from sentinel.orders.typed.expressions import Fact
from sentinel.orders.typed.order import Order

LIMITS = (Role.ONLY, Role.ENTRIES, Role.LIMIT, Role.MODIFIER)
# Clauses and limits of one order, as often as each is drawn.
SHAPES = ((1, 0),) * 7 + ((1, 1),) * 5 + ((2, 0),) * 3 + ((1, 2),) * 2 + ((2, 1),) * 2 + ((3, 0),)
_TRIES = 30
_OFTEN = {"dca": 2, "limit": 2, "stop-loss": 2, "take-profit": 2, "trailing-stop": 1.6, "rebalance": 3, "slices": 1.8}
_OFTEN |= {"arbitrage": 2, "cap": 1.6, "exit": 1.5, "bracket": 1.3, "momentum": 1.3, "mean": 1.3, "ladder": 1.2}
_OFTEN |= {"delay": 0.4, "gas-trigger": 0.4, "relative": 0.5, "weight-trigger": 0.6, "market": 0.6, "dip": 0.6}
_OFTEN |= {"judged": 3.2}
_OFTEN |= {"gas": 2.5, "gas-entries": 2, "reserve": 2, "cooldown": 2, "most-a-day": 1.5, "filter": 1.2}
_OTHER_COIN = {"filter": 0.25}  # how likely a phrase is of another coin than the one before
_TURN = ", each time this turns true"
_MONEY = re.compile(r"([\d.]+) USDC worth|([\d.]+) W(?:ETH|BTC)\b")

PairAllowed = Callable[[str, str], bool]


@dataclass(frozen=True, slots=True)
class SaidOrder:
    """An order in the operator's words, before slips of the pen, with its draft."""

    kinds: tuple[str, ...]
    rules: tuple[str, ...]
    words: tuple[str, ...]  # sentences, not yet with capitals and full stops
    draft: str
    reading: Order


@dataclass(frozen=True, slots=True)
class Choices:
    """What may be drawn."""

    rules: Allowed
    pairs: PairAllowed
    shape: tuple[int, int]  # number of clauses, and of limits
    want: tuple[str, str] | None = None  # a pair of kinds that is in the order
    labelled: bool = False  # only orders whose situations can be written as facts


def compose(rng: random.Random, choices: Choices) -> SaidOrder:
    """One order of one to three kinds. Raises Unsayable."""
    tables = _chosen_tables(rng, choices)
    scene, voice = Scene.drawn(rng), Voice.drawn(rng)
    coins = COINS if rng.random() < 0.6 else COINS[::-1]
    phrases: list[Phrase] = []
    for table in tables:
        if phrases and rng.random() < _OTHER_COIN.get(table.kind, 0.4 if table.role is Role.CLAUSE else 0.0):
            coins = coins[::-1]
        phrases.append(say(table, Scope(scene, coins), voice, choices.rules))
    order, draft = _read(phrases)
    kinds = tuple(dict.fromkeys(phrase.table.kind for phrase in phrases))
    rules = tuple(dict.fromkeys(rule for phrase in phrases for rule in phrase.rules))
    return SaidOrder(kinds, rules, _sentences(phrases, rng), draft, order)


# ------------------------------------------------------------ which tables


def _chosen_tables(rng: random.Random, choices: Choices) -> list[Table]:
    clauses, limits = choices.shape
    for _ in range(_TRIES):
        if choices.want is not None:
            tables = [_of_kind(rng, kind) for kind in choices.want]
            tables += [_of_kind(rng, kind) for kind in _sample(rng, kinds_of(LIMITS), limits // 2)]
            tables.sort(key=lambda table: table.role is not Role.CLAUSE)
        else:
            tables = [_of_kind(rng, kind) for kind in _sample(rng, kinds_of((Role.CLAUSE,)), clauses)]
            tables += [_of_kind(rng, kind) for kind in _sample(rng, kinds_of(LIMITS), limits)]
        if _may_stand(tables, choices):
            return tables
    raise Unsayable("no such tables stand together")


def _may_stand(tables: Sequence[Table], choices: Choices) -> bool:
    if not fits(tables) or (choices.labelled and not all(table.labelled for table in tables)):
        return False
    pairs = combinations([table.kind for table in tables], 2)
    return all(choices.pairs(one, other) or {one, other} == set(choices.want or ()) for one, other in pairs)


def _sample(rng: random.Random, kinds: set[str], count: int) -> list[str]:
    """Different kinds; what is ordered often is drawn often."""
    left, found = sorted(kinds), list[str]()
    for _ in range(count):
        found.append(rng.choices(left, [_OFTEN.get(kind, 1.0) for kind in left])[0])
        left.remove(found[-1])
    return found


def kinds_of(roles: Sequence[Role]) -> set[str]:
    return {table.kind for role in roles for table in of_role(role)}


def _of_kind(rng: random.Random, kind: str) -> Table:
    tables = [table for role in (Role.CLAUSE, *LIMITS) for table in of_role(role) if table.kind == kind]
    return rng.choices(tables, [len(table.rules) ** 0.5 for table in tables])[0]


def fits(tables: Sequence[Table]) -> bool:
    """Whether one order can have all of these."""
    clauses = [table for table in tables if table.role is Role.CLAUSE]
    kinds = {table.kind for table in tables}
    if not clauses or len(kinds) < len(tables):
        return False
    if len(clauses) > 1 and any(table.alone for table in clauses):
        return False
    groups = [table.group for table in clauses if table.group]
    if len(set(groups)) < len(groups):
        return False
    return all(_LIMIT_FITS.get(kind, _always)(clauses) for kind in kinds)


def _always(clauses: Sequence[Table]) -> bool:
    return True


def _no_periods(clauses: Sequence[Table]) -> bool:
    return not any(table.periodic for table in clauses) and any(not _single(table) for table in clauses)


def _single(table: Table) -> bool:
    return all(clause.rstrip().endswith(", once") for clause in table.reading.split("|"))


def _buys(clauses: Sequence[Table]) -> bool:
    return any("buy" in table.reading for table in clauses)


def _repeats(clauses: Sequence[Table]) -> bool:
    return (
        len(clauses) == 1 and (clauses[0].signal or ", every" in clauses[0].reading) and "|" not in clauses[0].reading
    )


def _unsized(clauses: Sequence[Table]) -> bool:
    return len(clauses) == 1 and not clauses[0].fixed


def _lasts(clauses: Sequence[Table]) -> bool:
    """Whether each clause waits for something, so that an end can come before it."""
    return all(table.reading.startswith("if ") or ", every" in table.reading for table in clauses) and not any(
        "parts over" in table.reading for table in clauses
    )


def _mixed(clauses: Sequence[Table]) -> bool:
    return 0 < sum(table.exits for table in clauses) < len(clauses) and "rebalance" not in clauses[0].reading


_LIMIT_FITS: dict[str, Callable[[Sequence[Table]], bool]] = {
    "cooldown": _no_periods,
    "reserve": _buys,
    "most-a-day": _buys,
    "most-a-trade": _unsized,
    "least-a-trade": _unsized,
    "times": _repeats,
    "lasting": _lasts,
    "until": _lasts,
    "gas-entries": _mixed,
    "share-cap": _buys,
}


# ------------------------------------------------------------ draft and words


def _read(phrases: Sequence[Phrase]) -> tuple[Order, str]:
    """The order, and its draft with the times as they were said. Raises Unsayable."""
    clauses = [phrase for phrase in phrases if phrase.table.role is Role.CLAUSE]
    modifiers = "".join(f", {phrase.reading}" for phrase in phrases if phrase.table.role is Role.MODIFIER)
    cooldown = any(phrase.table.kind == "cooldown" for phrase in phrases)
    entries = [phrase.reading for phrase in phrases if phrase.table.role is Role.ENTRIES]
    sentences = [
        f"{_guarded(clause, entries)}{'' if cooldown or not phrase.table.signal else _TURN}{modifiers}."
        for phrase in sorted(clauses, key=lambda one: not one.table.exits)
        for clause in phrase.reading.partition(" || ")[0].split(" | ")
    ]
    beyond = [also for clause in clauses if (also := clause.reading.partition(" || ")[2])]
    only = [phrase.reading for phrase in phrases if phrase.table.role is Role.ONLY]
    only += [also.removeprefix("only ") for also in beyond if also.startswith("only ")]
    only.sort(key=_place)
    sentences += [f"Only while {' and '.join(only)}."] if only else []
    sentences += [f"{phrase.reading}." for phrase in phrases if phrase.table.role is Role.LIMIT]
    sentences += [f"{also}." for also in beyond if not also.startswith("only ")]
    found = read_draft(" ".join(sentences), QUOTE)
    if not isinstance(found, Order):
        raise Unsayable(f"{' '.join(sentences)}: {found}")
    if found.max_day is not None and any(
        float(m[1] or 0) > found.max_day for m in _MONEY.finditer(" ".join(sentences))
    ):
        raise Unsayable("one buy is more than the day allows")
    if not can_trade(found):
        raise Unsayable("a clause can never trade")
    return found, _draft(found, _spans(phrases))


def _place(condition: str) -> int:
    """Conditions of every trade stand in this order, whatever the words' order: gas, cooldown, and then others."""
    return next((at for at, fact in enumerate((Fact.GAS_PRICE, Fact.SINCE_TRADE)) if condition.startswith(fact)), 2)


def _guarded(clause: str, conditions: Sequence[str]) -> str:
    """The clause with these conditions too, if it does more than sell."""
    own, _, action = clause.removeprefix("if ").partition(", ") if clause.startswith("if ") else ("", "", clause)
    if not conditions or action.startswith(("sell", "cut")):
        return clause
    return f"if {' and '.join([own, *conditions] if own else conditions)}, {action}"


def _spans(phrases: Sequence[Phrase]) -> dict[int, bool]:
    found: dict[int, bool] = {}
    for phrase in phrases:
        for seconds, blocks in phrase.spans.items():
            if found.setdefault(seconds, blocks) is not blocks:
                raise Unsayable("one duration is said in two ways")
    return found


def _draft(order: Order, spans: dict[int, bool]) -> str:
    if spans and all(spans.values()):
        text = write_draft(order, blocks=True)
    else:
        text = write_draft(order).replace(f"{BLOCK_SECONDS}-second closes", "block closes")
        for seconds in (seconds for seconds, blocks in spans.items() if blocks):
            count = seconds // BLOCK_SECONDS
            said = duration(seconds).replace(",", "")
            text = re.sub(rf"\b{said}\b(?! closes)", f"{count} block{'' if count == 1 else 's'}", text)
    if read_draft(text, QUOTE) != order:
        raise Unsayable(f"{text} is not {render(order)}")
    return text


def _sentences(phrases: Sequence[Phrase], rng: random.Random) -> tuple[str, ...]:
    """The clauses in their order, and limits where people put them: what continues a sentence stands behind it."""
    sentences = [phrase.words for phrase in phrases if phrase.table.role is Role.CLAUSE]
    limits = [phrase.words for phrase in phrases if phrase.table.role is not Role.CLAUSE]
    rng.shuffle(limits)
    for limit in limits:
        if limit.startswith(","):
            if re.search(r"[,:]$", sentences[-1]):
                raise Unsayable("nothing can continue it")
            sentences[-1] += limit
        elif limit.endswith((",", ":")):
            if sentences[0] in limits:
                raise Unsayable("two beginnings")
            sentences[0] = f"{limit} {sentences[0]}"
        elif rng.random() < 0.18:
            sentences.insert(0, limit)
        else:
            sentences.append(limit)
    return tuple(sentences)
