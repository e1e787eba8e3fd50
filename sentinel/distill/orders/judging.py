"""The teacher of judgements: what a kind of look means in numbers, and markets to ask about.

A rule of thumb, and no truth: it gives the student an example of what words like "shaky" mean, and the form of an
answer. The kinds are the tables `look-KIND` of phrases/62-judged.toml.
"""

from __future__ import annotations

import functools
import random
from collections.abc import Callable, Mapping
from decimal import Decimal

from sentinel.agent.judge_prompt import SPANS, judge_messages
from sentinel.agent.prompt import Message
from sentinel.core.closes import CloseSeries
from sentinel.core.network import Symbol
from sentinel.distill.orders.phrase_rules import of_part
from sentinel.distill.orders.quantities import COINS, QUOTE
from sentinel.orders.playing.situation import Situation

Changes = Mapping[str, float]  # the market's mean change in percent by span (`judge_prompt.SPANS`)

_SPREADS = {"5 minutes": 0.35, "1 hour": 1.1, "1 day": 3.0}  # standard deviations in percent
_NOW = 1_800_000_000  # chain time; only differences are told

_MEANS: Mapping[str, Callable[[Changes], bool]] = {
    "falling": lambda by: by["1 hour"] <= -1 or by["5 minutes"] <= -0.5,
    "rising": lambda by: by["1 hour"] >= 0.7 and by["5 minutes"] > -0.3 and by.get("1 day", 0) >= 0,
    "calm": lambda by: abs(by["1 hour"]) < 0.5 and abs(by["5 minutes"]) < 0.2,
    "wild": lambda by: abs(by["1 hour"]) >= 2.5 or abs(by["5 minutes"]) >= 1,
    "fading": lambda by: by.get("1 day", 0) >= 2 and by["1 hour"] <= 0.1,
    "turning": lambda by: by.get("1 day", 0) <= -2 and by["1 hour"] >= 0.3,
}


def judgement_row(phrase: str, seed: str) -> tuple[Message, ...]:
    """The request at a market of this seed, and the teacher's answer. Raises KeyError for a phrase of no kind."""
    return _row(_kinds()[phrase], phrase, random.Random(f"judging:{seed}:{phrase}"))


@functools.cache
def _kinds() -> Mapping[str, str]:
    """The kind of look by phrase."""
    return {rule.words: table.name.removeprefix("look-") for table in of_part("look") for rule in table.rules}


def _row(kind: str, phrase: str, rng: random.Random) -> tuple[Message, ...]:
    wanted = rng.random() < 0.5  # both answers are as frequent
    while True:
        changes = _changes(rng)
        mean = {span: sum(by[span] for by in changes.values()) / len(changes) for span in next(iter(changes.values()))}
        if _MEANS[kind](mean) == wanted:
            answer = Message(role="assistant", content="yes" if wanted else "no")
            return (*judge_messages(phrase, _situation(changes, rng), QUOTE), answer)


def _changes(rng: random.Random) -> dict[Symbol, dict[str, float]]:
    """In percent by coin and span: of one or both coins, which move alike; without the day if the history is short."""
    coins = rng.choice(([COINS[0]], COINS, COINS, COINS))
    size = rng.choice((0.3, 1, 1, 2.5))
    market = {span: rng.gauss(0, spread * size) for span, spread in _SPREADS.items()}
    if rng.random() < 0.2:
        del market["1 day"]
    return {coin: {span: change + rng.gauss(0, 0.1 * size) for span, change in market.items()} for coin in coins}


def _situation(changes: Mapping[Symbol, Mapping[str, float]], rng: random.Random) -> Situation:
    prices = {coin: rng.uniform(1_200, 4_800) if coin == COINS[0] else rng.uniform(28_000, 120_000) for coin in changes}
    closes = {}
    for coin, by in changes.items():
        past = [(_NOW - SPANS[span], prices[coin] / (1 + change / 100)) for span, change in by.items()]
        times, values = zip(*sorted([*past, (_NOW, prices[coin])]), strict=True)
        closes[coin] = CloseSeries(times, values)
    gas = Decimal(repr(round(rng.uniform(0.5, 60), 1))) if rng.random() < 0.8 else None
    known = {coin: Decimal(repr(round(price, 2))) for coin, price in prices.items()}
    return Situation(time=_NOW, prices=known, holdings={}, gas_price=gas, closes=closes)
