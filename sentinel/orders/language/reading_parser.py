"""Reads the fixed English of `reading` back into the typed order, without a model. It never raises."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from sentinel.core.network import Symbol
from sentinel.orders.language.condition_parser import ConditionParser
from sentinel.orders.language.phrases import Unread
from sentinel.orders.language.reading import Ask, Reading, Refuse
from sentinel.orders.language.words import NUMBER, TIME, read_time
from sentinel.orders.typed.actions import (
    Action,
    Amount,
    Arbitrage,
    Buy,
    Coins,
    Exchange,
    Rebalance,
    Sell,
    Share,
    Trim,
    Wait,
    Way,
    Worth,
)
from sentinel.orders.typed.conditions import Condition
from sentinel.orders.typed.expressions import Coin
from sentinel.orders.typed.order import Clause, Order, Slices

MAX_TEXT = 4_000  # characters
_DECIDED: dict[str, Callable[[str], Reading]] = {"Ask: ": Ask, "Refuse: ": Refuse}


@dataclass(frozen=True, slots=True)
class NotRead:
    """The text is no reading."""

    why: str


def parse(text: str, quote: Symbol) -> Reading | NotRead:
    """The reading that `text` is, or why it is none. Thousands need no commas, and the case of words is free."""
    for start, kind in _DECIDED.items():
        if text.startswith(start) and text[len(start) :].strip():
            return kind(text[len(start) :].strip())
    if len(text) > MAX_TEXT:
        return NotRead(f"a reading has at most {MAX_TEXT:,} characters")
    try:
        return _OrderParser(text, quote).order()
    except Unread as error:
        return NotRead(str(error))
    except ValueError as error:  # the order itself, once it is read
        return NotRead(f"this cannot be carried out: {error}")


class _OrderParser(ConditionParser):
    def order(self) -> Order:
        clauses: list[Clause] = []
        limits = _Limits()
        while not self.ended:
            if not self._limit(limits):
                if limits.given:
                    self.fail("what is traded stands before the limits")
                clauses.append(self._clause())
        return Order(
            self.quote,
            tuple(clauses),
            limits.only_while,
            max_shares=tuple(limits.max_shares),
            **limits.amounts,
        )

    # ------------------------------------------------------------ limits

    def _limit(self, limits: _Limits) -> bool:
        """Read a limit if one stands there."""
        if self.take("only while"):
            if limits.only_while is not None:
                self.fail("this limit stands there twice")
            limits.only_while = self.condition()
        elif self.take("never hold more than"):
            share = self.share()
            limits.max_shares.append((self.symbol(), share))
        elif self.take("pay at most"):
            if "max_cost" in limits.amounts:
                self.fail("this limit stands there twice")
            limits.amounts["max_cost"] = self.share()
            self.expect("of a trade in costs")
        elif (found := next((kind for kind in _AMOUNTS if self.take(kind[0])), None)) is not None:
            _, name, end = found
            if name in limits.amounts:
                self.fail("this limit stands there twice")
            limits.amounts[name] = self.worth()
            if end:
                self.expect(end)
        else:
            return False
        self.expect(".")
        return True

    # ------------------------------------------------------------ clauses

    def _clause(self) -> Clause:
        when = None
        if self.take("if"):
            when = self.condition()
            self.expect(",")
        action = self._action()
        times: dict[str, Any] = {}
        while self.take(","):
            name, value = self._modifier()
            if name in times:
                self.fail("this stands there twice")
            times[name] = value
        self.expect(".")
        return Clause(action, when, **times)

    def _modifier(self) -> tuple[str, object]:
        if self.take("every"):
            return "every", self.duration()
        if self.take("once"):
            return "times", 1
        if self.take("each time this turns true"):
            return "rearm", True
        if self.take("for"):
            return "lasting", self.duration()
        if self.take("until"):
            if not re.fullmatch(TIME, self.peek()):
                self.fail("a time is expected, for example 2026-12-24 18:00 UTC")
            until = read_time(self.next())
            self.expect("UTC")
            return "until", until
        if self.take("in"):
            parts = self.whole()
            self.expect("parts over")
            return "slices", Slices(parts, self.duration())
        count = self.whole()
        self.expect("times")
        return "times", count

    # ------------------------------------------------------------ actions

    def _action(self) -> Action:
        if self.take("buy"):
            return self._buy()
        if self.take("sell"):
            return Sell(*self._of_coin())
        if self.take("swap"):
            sold, amount = self._of_coin()
            self.expect("for")
            return Exchange(sold, self.coin(), amount)
        if self.take("rebalance"):
            return self._rebalance()
        if self.take("cut"):
            coins = self.symbols()
            self.expect("to")
            return Trim(coins, self.share())
        if self.take("arbitrage"):
            return self._arbitrage()
        if self.take("wait"):
            return Wait()
        self.fail("an action is expected: buy, sell, swap, rebalance, cut, arbitrage or wait")

    def _buy(self) -> Buy:
        if re.fullmatch(NUMBER, self.peek()):
            coin, amount = self._of_coin()
            return Buy(coin, amount)
        coin = self.coin()
        self.expect("with")
        return Buy(coin, self._of_quote())

    def _of_coin(self) -> tuple[Coin, Amount]:
        """'100 USDC worth of WETH', '0.5 WETH', '50% of WETH', 'all of WETH'."""
        if self.take("all of"):
            return self.coin(), Share(Decimal(1))
        if self.peek().endswith("%"):
            share = self.share()
            self.expect("of")
            return self.coin(), Share(share)
        number = self.number()
        if self.take(f"{self.quote} worth of"):
            return self.coin(), Worth(number)
        return self.symbol(), Coins(number)

    def _of_quote(self) -> Share:
        """'50% of the USDC', 'all of the USDC'."""
        share = Decimal(1) if self.take("all") else self.share()
        self.expect(f"of the {self.quote}")
        return Share(share)

    def _rebalance(self) -> Rebalance:
        way = next((way for way in (Way.HALF, Way.EDGE, Way.TARGET) if self.take(way.value)), None)
        if way is None:
            self.fail(f"one of these is expected: {', '.join(Way)}")
        weights = [self._weight()]
        while self.take("and"):
            weights.append(self._weight())
        alone = self.take("alone")
        self.expect("when off by")
        inclusive = self.take("at least")
        if not inclusive:
            self.expect("more than")
        return Rebalance(tuple(weights), self.share(), inclusive, way, alone)

    def _weight(self) -> tuple[Symbol, Decimal]:
        share = self.share()
        return self.symbol(), share

    def _arbitrage(self) -> Arbitrage:
        coin = self.symbol()
        self.expect("with")
        spent = Worth(self.worth()) if re.fullmatch(NUMBER, self.peek()) else self._of_quote()
        self.expect("for at least")
        least = Share(self.share()) if self.peek().endswith("%") else Worth(self.worth())
        return Arbitrage(coin, spent, least)


@dataclass(slots=True)
class _Limits:
    only_while: Condition | None = None
    amounts: dict[str, Decimal] = field(default_factory=dict)
    max_shares: list[tuple[Symbol, Decimal]] = field(default_factory=list)

    @property
    def given(self) -> bool:
        return self.only_while is not None or bool(self.amounts) or bool(self.max_shares)


_AMOUNTS = (  # how it begins, field of Order, how it ends
    ("keep", "reserve", ""),
    ("trade at most", "max_trade", "at a time"),
    ("trade at least", "min_trade", "at a time"),
    ("buy at most", "max_day", "a day"),
)
