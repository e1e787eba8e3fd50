"""What the student is asked at each block where an order has something judged: a phrase, the market, yes or no."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from sentinel.agent.prompt import Message
from sentinel.core.actions import Finish, Sample
from sentinel.core.network import Symbol
from sentinel.orders.playing.shown import shown
from sentinel.orders.playing.situation import Situation
from sentinel.orders.playing.situation_values import Unknown, evaluate
from sentinel.orders.typed.expressions import Change, Expression, Fact, Price, unit

SYSTEM = "Judge the market."
SPANS = {"5 minutes": 300, "1 hour": 3_600, "1 day": 86_400}  # over which changes are told
_YES = re.compile(r"\s*yes\b", re.IGNORECASE)


def judge_messages(phrase: str, at: Situation, quote: Symbol) -> list[Message]:
    """The request for one answer. A phrase has neither quotes nor signs (`orders/typed/judgements.py`)."""
    facts = "; ".join(_facts(at, quote))
    content = f'Is it so that "{phrase}"?\nMarket: {facts}.\nAnswer yes or no.'
    return [{"role": "system", "content": SYSTEM}, {"role": "user", "content": content}]


def is_yes(sample: Sample) -> bool:
    """Only an answer that begins with yes is one; an answer that was lost or says anything else is no."""
    return sample.finish in (Finish.STOP, Finish.LENGTH) and _YES.match(sample.text) is not None


def _facts(at: Situation, quote: Symbol) -> Iterator[str]:
    coins: Sequence[Symbol] = sorted(coin for coin in at.prices if coin != quote)
    for coin in coins:
        changes = ((name, _known(Change(coin, ago), at, quote)) for name, ago in SPANS.items())
        told = ", ".join(f"{change} in {name}" for name, change in changes if change is not None)
        yield f"{coin} {_known(Price(coin), at, quote)}" + (f", {told}" if told else "")
    if (gas := _known(Fact.GAS_PRICE, at, quote)) is not None:
        yield f"gas {gas}"


def _known(expression: Expression, at: Situation, quote: Symbol) -> str | None:
    try:
        return shown(evaluate(expression, at), unit(expression), quote)
    except Unknown:
        return None
