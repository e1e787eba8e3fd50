"""What operators mention that an order must then contain: gas, an RSI, a trailing stop, a sale, 'just once'."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sentinel.orders.grounding.terms import PURCHASE, SALE
from sentinel.orders.typed.actions import Arbitrage, Buy, Exchange, Rebalance, Sell, Trim
from sentinel.orders.typed.expressions import Entry, Fact, High, Profit, Statistic, Window
from sentinel.orders.typed.order import Order
from sentinel.orders.typed.parts import parts

_NOT = r"(?:\bnot\b|\bnever\b|n['\u2019]?t\b|\bno\b|\bwithout\b|\bstop\b|\binstead of\b|\bavoid\b|\bnothing\b|\bdont\b)"
_AFTER_NOT = re.compile(_NOT + r"(?:\W+\w+){0,3}\W*$", re.IGNORECASE)
_GAS = re.compile(r"\b(?:gas|gwei)\b", re.IGNORECASE)
_WHATEVER = re.compile(
    r"\b(?:ignor\w+|regardless|whatever|no matter|irrespective|don['\u2019]?t care|even if)\b", re.IGNORECASE
)
_RSI = re.compile(r"\brsi\d*\b", re.IGNORECASE)
_TRAIL = re.compile(r"\btrail\w*\b", re.IGNORECASE)
_ENTRY = re.compile(r"\b(?:entry|cost basis|average cost|what i paid)\b", re.IGNORECASE)
_ARBITRAGE = re.compile(r"\barb(?:itrage)?s?\b", re.IGNORECASE)
_ONCE = re.compile(
    r"\b(?:just|only) (?:the )?(?:once|one time)\b|\bone[ -]off\b|\bone time only\b|\bonce only\b", re.IGNORECASE
)
_STANDING = re.compile(
    r"\b(?:whenever|every time|each time|any time|anytime|always(?! (?:keep|leave|hold|have)))\b", re.IGNORECASE
)
_TRADES = (Buy, Sell, Exchange)


def complaints(text: str, order: Order) -> Iterator[str]:
    """What is mentioned and missing, a clause of a sentence each."""
    made_of = list(parts((order.clauses, order.only_while)))
    actions = [clause.action for clause in order.clauses]
    sells = any(isinstance(action, Sell | Exchange | Rebalance | Trim | Arbitrage) for action in actions)
    buys = any(isinstance(action, Buy | Exchange | Rebalance | Arbitrage) for action in actions)
    if not sells and _said(SALE, text):
        yield "the words sell, and it does not"
    if not buys and _said(PURCHASE, text):
        yield "the words buy, and it does not"
    arbitrage = any(isinstance(action, Arbitrage) for action in actions)
    gas = Fact.GAS_PRICE in made_of or order.max_cost is not None or arbitrage  # whose profit is net of gas
    if not gas and _GAS.search(text) and not _WHATEVER.search(text):
        yield "the words mention gas"
    rsi = any(isinstance(part, Window) and part.statistic is Statistic.RSI for part in made_of)
    if not rsi and _RSI.search(text):
        yield "the words mention an RSI"
    if not any(isinstance(part, High | Window) for part in made_of) and _TRAIL.search(text):
        yield "the words trail a high"
    if not any(isinstance(part, Entry | Profit) for part in made_of) and _ENTRY.search(text):
        yield "the words mention the entry"
    if not arbitrage and _ARBITRAGE.search(text):
        yield "the words mention an arbitrage"
    yield from _how_often(text, order)


def _how_often(text: str, order: Order) -> Iterator[str]:
    clauses = [clause for clause in order.clauses if isinstance(clause.action, _TRADES)]
    if clauses and _ONCE.search(text) and not any(clause.times == 1 for clause in clauses):
        yield "the words say just once"
    stands = len(clauses) < len(order.clauses) or any(clause.times != 1 for clause in clauses)
    if not stands and _STANDING.search(text):
        yield "the words say that it stands, and it trades once"


def _said(verb: re.Pattern[str], text: str) -> bool:
    """Whether the verb stands there without a word of denial before it."""
    return any(not _AFTER_NOT.search(text[: found.start()]) for found in verb.finditer(text))
