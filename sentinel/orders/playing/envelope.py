"""The envelope of an approved order: the widest that its trades can be, for guards that do not play the order."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from decimal import Decimal
from itertools import permutations

from sentinel.core.network import Symbol
from sentinel.orders.language.reading import render
from sentinel.orders.typed.actions import Amount, Arbitrage, Buy, Exchange, Rebalance, Sell, Trim, Wait, Worth
from sentinel.orders.typed.conditions import All, Compare, Condition, Op
from sentinel.orders.typed.expressions import Constant, Fact, named
from sentinel.orders.typed.order import Clause, Order


@dataclass(frozen=True, slots=True)
class Envelope:
    """Amounts in whole quote tokens; None where the order itself sets no bound."""

    pairs: frozenset[tuple[Symbol, Symbol]]  # (sold, bought); a closed cycle is (quote, quote)
    max_trade: Decimal | None
    max_day: Decimal | None  # bought in a UTC day
    min_gap: int  # least seconds between two trades
    reserve: Decimal  # quote tokens that are not spent


def order_hash(order: Order) -> str:
    """SHA-256 of the reading, 64 hex digits: what is approved."""
    return hashlib.sha256(render(order).encode()).hexdigest()


def envelope(order: Order) -> Envelope:
    sizes = [_largest(clause, order) for clause in order.clauses if not isinstance(clause.action, Wait)]
    known = [size for size in sizes if size is not None]
    return Envelope(
        pairs=frozenset(pair for clause in order.clauses for pair in clause_pairs(clause, order.quote)),
        max_trade=max(known) if known and len(known) == len(sizes) else order.max_trade,
        max_day=order.max_day,
        min_gap=_least_gap(order),
        reserve=order.reserve or Decimal(0),
    )


def clause_pairs(clause: Clause, quote: Symbol) -> set[tuple[Symbol, Symbol]]:
    """(sold, bought) of all trades that a clause can make."""
    match clause.action:
        case Buy(coin):
            return {(quote, one) for one in named(coin)}
        case Sell(coin):
            return {(one, quote) for one in named(coin)}
        case Exchange(sold, bought):
            return {(a, b) for a in named(sold) for b in named(bought) if a != b}
        case Rebalance(weights, alone=alone):
            coins = [coin for coin, _ in weights]
            if alone and quote not in coins:
                return set(permutations(coins, 2))
            return {pair for coin in coins if coin != quote for pair in ((coin, quote), (quote, coin))}
        case Trim(coins):
            return {(coin, quote) for coin in coins}
        case Arbitrage():
            return {(quote, quote)}
        case Wait():
            return set()


def fixed_sizes(order: Order) -> tuple[Decimal, ...]:
    """The quote tokens of one trade of each clause that says them, smallest first."""
    actions = [clause.action for clause in order.clauses]
    fixed = [
        clause
        for clause, action in zip(order.clauses, actions, strict=True)
        if isinstance(action, Buy | Sell | Exchange | Arbitrage) and isinstance(action.amount, Worth)
    ]
    return tuple(sorted(size for clause in fixed if (size := _largest(clause, order)) is not None))


def _largest(clause: Clause, order: Order) -> Decimal | None:
    """Most quote tokens of one trade of the clause; None if only prices or holdings bound it."""
    action = clause.action
    amount: Amount | None = action.amount if isinstance(action, Buy | Sell | Exchange | Arbitrage) else None
    if not isinstance(amount, Worth):
        return order.max_trade
    size = amount.quote if clause.slices is None else amount.quote / clause.slices.parts
    return size if order.max_trade is None else min(size, order.max_trade)


def _least_gap(order: Order) -> int:
    """Seconds between any two trades: the order's own cooldown, or that of its only clause."""
    own = _cooldown(order.only_while)
    if len(order.clauses) == 1:
        (clause,) = order.clauses
        every = clause.slices.span // clause.slices.parts if clause.slices is not None else clause.every or 0
        return max(own, every, _cooldown(clause.when))
    return own


def _cooldown(condition: Condition | None) -> int:
    """The seconds that a condition demands since the last trade, if it does so in any case."""
    match condition:
        case All(of):
            return max(_cooldown(one) for one in of)
        case Compare(Fact.SINCE_TRADE, Op.AT_LEAST | Op.ABOVE, Constant(value)):
            return int(value)
        case Compare(Constant(value), Op.AT_MOST | Op.BELOW, Fact.SINCE_TRADE):
            return int(value)
        case _:
            return 0
