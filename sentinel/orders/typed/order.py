"""The typed order: clauses of conditions and an action, tried from the first to the last, and limits for all of them.

An order checks itself when it is made: what cannot be carried out exactly raises ValueError with the reason.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from sentinel.core.network import Symbol
from sentinel.orders.typed.actions import Action, Buy, Exchange, Sell
from sentinel.orders.typed.checks import check_action, check_coin, check_condition, check_number, closes_read, require
from sentinel.orders.typed.conditions import Condition
from sentinel.orders.typed.judgements import MAX_JUDGEMENTS, phrases_of

MAX_CLAUSES = 16
MAX_CLOSES = 30_000  # of all windows, at each block: about a tenth of a second
MAX_SECONDS = 10 * 366 * 86_400  # of any duration in an order


@dataclass(frozen=True, slots=True)
class Slices:
    """The amount in equal parts, one every `span` / `parts` seconds, the first at once."""

    parts: int
    span: int

    def __post_init__(self) -> None:
        require(
            2 <= self.parts <= 10_000 and self.parts <= self.span <= MAX_SECONDS, "2 to 10,000 parts, 1 s or longer"
        )


@dataclass(frozen=True, slots=True)
class Clause:
    action: Action
    when: Condition | None = None  # None: always
    every: int | None = None  # least seconds between two trades of this clause
    times: int | None = None  # most trades of this clause
    slices: Slices | None = None
    rearm: bool = False  # after a trade, only once the condition has been false again
    until: int | None = None  # Unix seconds
    lasting: int | None = None  # seconds since the order was set

    def __post_init__(self) -> None:
        check_action(self.action)
        if self.when is not None:
            check_condition(self.when)
        for seconds in (self.every, self.lasting):
            require(seconds is None or 1 <= seconds <= MAX_SECONDS, "a duration is 1 second to 10 years")
        require(self.times is None or 1 <= self.times <= 10**6, "a number of trades is 1 to 1,000,000")
        require(self.until is None or 0 < self.until < 10**10, "the end is no time")
        require(not self.rearm or self.when is not None, "what turns true needs a condition")
        require(not self.rearm or not phrases_of(self.when), "what is judged turns true for nobody else to see")
        if self.slices is not None:
            require(isinstance(self.action, Buy | Sell | Exchange), "only buys, sells and swaps come in parts")
            own = self.every, self.times, self.rearm or None
            require(not any(one is not None for one in own), "parts have their own times")


@dataclass(frozen=True, slots=True)
class Order:
    """Amounts in whole quote tokens. `quote` is the network's quote token."""

    quote: Symbol
    clauses: tuple[Clause, ...]
    only_while: Condition | None = None  # of every trade
    reserve: Decimal | None = None  # quote tokens that are not spent
    max_trade: Decimal | None = None  # larger trades are cut down to it
    min_trade: Decimal | None = None  # smaller ones are left out
    max_day: Decimal | None = None  # most that is bought in a UTC day
    max_cost: Decimal | None = None  # share of a trade's value that gas and pool fees may be; None: the settings' limit
    max_shares: tuple[tuple[Symbol, Decimal], ...] = ()  # no buy or swap takes a coin above this share

    def __post_init__(self) -> None:
        check_coin(self.quote)
        require(1 <= len(self.clauses) <= MAX_CLAUSES, f"an order has 1 to {MAX_CLAUSES} clauses")
        for condition in self.conditions():
            check_condition(condition)
        for amount in (self.reserve, self.max_trade, self.min_trade, self.max_day):
            if amount is not None:
                check_number(amount)
                require(amount > 0, "a limit is above 0")
        if self.max_cost is not None:
            check_number(self.max_cost)
            require(Decimal("0.0001") <= self.max_cost <= 1, "costs are 0.01% to 100% of a trade")
        coins = [coin for coin, _ in self.max_shares]
        require(len(set(coins)) == len(coins) and self.quote not in coins, "each coin has one largest share")
        for coin, share in self.max_shares:
            check_coin(coin)
            check_number(share)
            require(0 < share < 1, "a largest share is between 0% and 100%")
        for clause in self.clauses:
            check_action(clause.action, self.quote)
        require(len(self.judgements) <= MAX_JUDGEMENTS, f"an order has at most {MAX_JUDGEMENTS} things judged")
        reads = closes_read((self.clauses, self.only_while))
        require(reads <= MAX_CLOSES, f"its windows read {reads:,} closes at each block, at most {MAX_CLOSES:,}")

    @property
    def judgements(self) -> tuple[str, ...]:
        """The phrases that the student alone judges; empty if the player decides all."""
        return phrases_of(tuple(self.conditions()))

    def conditions(self) -> Iterator[Condition]:
        yield from (clause.when for clause in self.clauses if clause.when is not None)
        if self.only_while is not None:
            yield self.only_while
