"""Arguments of an order's actions: amounts, shares and modifiers, from the numbers and texts that a program passes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from sentinel.agent.order_reads import number, whole
from sentinel.agent.tool_arguments import shown
from sentinel.core.errors import CodeFault
from sentinel.core.network import Symbol
from sentinel.core.untrusted_text import one_line
from sentinel.orders.language.phrases import Phrases, Unread
from sentinel.orders.language.words import read_time
from sentinel.orders.playing.judging import Judged
from sentinel.orders.typed.actions import Action, Amount, Coins, Share, Way, Worth
from sentinel.orders.typed.conditions import Compare, Op
from sentinel.orders.typed.expressions import NUMBER, Coin, Constant
from sentinel.orders.typed.order import Clause, Slices

WAYS = {"to": Way.TARGET, "half": Way.HALF, "edge": Way.EDGE}
MAX_TEXT = 64  # characters of an amount
# The condition of a clause stands in the program's code, which has judged it.
IN_CODE = Compare(Constant(Decimal(0), NUMBER), Op.AT_LEAST, Constant(Decimal(0), NUMBER))
_SECONDS = ("every", "lasting")
_KNOWN = {*_SECONDS, "times", "parts", "over", "rearm", "until", "clause", "unknown"}


def amount_of(value: object, quote: Symbol, coin: Coin | None = None) -> Amount:
    """A number is quote tokens; "100 USDC", "2 WETH", "50%" and "all" are what they say.

    Raises CodeFault, also for a number of other coins than `coin`.
    """
    if not isinstance(value, str):
        return Worth(number(value, "an amount"))
    if value == "all":
        return Share(Decimal(1))
    if len(value) > MAX_TEXT:
        raise CodeFault(f"an amount is expected, not {shown(value)}")
    phrases = Phrases(value, quote)
    try:
        if phrases.peek().endswith("%"):
            found: Amount = Share(phrases.share())
        else:
            count, of = phrases.number(), phrases.symbol()
            if of not in (quote, coin):
                raise CodeFault(f"the amount is in {quote} or {coin or '%'}, not {of}")
            found = Worth(count) if of == quote else Coins(count)
    except Unread as error:
        raise CodeFault(f'{shown(value)} is no amount such as "2 WETH", "50%" or "all"') from error
    if not phrases.ended:
        raise CodeFault(f"{shown(value)} is more than one amount")
    return found


def share_of(value: object, quote: Symbol) -> Worth | Share:
    """As `amount_of`, without a number of coins."""
    found = amount_of(value, quote)
    assert not isinstance(found, Coins)
    return found


def percents(weights: object, symbol: Callable[[object], Symbol]) -> tuple[tuple[Symbol, Decimal], ...]:
    """{"WETH": 60} as shares. Raises CodeFault."""
    if not isinstance(weights, Mapping):
        raise CodeFault('weights are percentages by coin, such as {"WETH": 60, "USDC": 40}')
    return tuple((symbol(coin), number(weight, "a weight") / 100) for coin, weight in weights.items())


def way_of(value: object) -> Way:
    if not isinstance(value, str) or value not in WAYS:
        raise CodeFault(f'the way is "to", "half" or "edge", not {shown(value)}')
    return WAYS[value]


def clause_of(action: Action, modifiers: Mapping[str, object]) -> tuple[int, Judged, Clause]:
    """The clause's place among the program's actions, what its condition came to, and the clause. Raises CodeFault."""
    if wrong := sorted(set(modifiers) - _KNOWN):
        raise CodeFault(f"unknown argument {shown(wrong[0])}")
    given: dict[str, Any] = {name: whole(modifiers[name], name) for name in _SECONDS if name in modifiers}
    if "times" in modifiers:
        given["times"] = whole(modifiers["times"], "times")
    if "parts" in modifiers or "over" in modifiers:
        if "parts" not in modifiers or "over" not in modifiers:
            raise CodeFault("parts need a time over which they are traded, and that needs parts")
        given["slices"] = Slices(whole(modifiers["parts"], "parts"), whole(modifiers["over"], "over"))
    if "until" in modifiers:
        given["until"] = _until(modifiers["until"])
    rearm = modifiers.get("rearm") is True
    unknown = modifiers.get("unknown")
    judged = Judged(True, "") if unknown is None else Judged(None, one_line(str(unknown), 200))
    clause = Clause(action, when=IN_CODE if rearm else None, rearm=rearm, **given)
    return whole(modifiers.get("clause", 0), "clause"), judged, clause


def _until(value: object) -> int:
    if not isinstance(value, str):
        return whole(value, "until")
    try:
        return read_time(value.removesuffix(" UTC"))
    except ValueError as error:
        raise CodeFault(f'until is a time such as "2026-12-24 18:00", not {shown(value)}') from error
