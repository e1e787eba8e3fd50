"""What the trades of an order can take from the wallet: the bound of allowances that are made for it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, localcontext

from sentinel.core.network import Symbol
from sentinel.orders.playing.envelope import clause_pairs
from sentinel.orders.playing.player import PRECISION
from sentinel.orders.typed.actions import Arbitrage, Buy, Coins, Exchange, Sell, Worth
from sentinel.orders.typed.order import Clause, Order

Spending = Mapping[Symbol, Decimal | None]


def base_units(amount: Decimal, decimals: int) -> int:
    """Whole base units of an amount; the rest is no part of a transaction."""
    with localcontext() as context:
        context.prec = PRECISION
        return int(amount.scaleb(decimals))


def spending(order: Order) -> Spending:
    """Whole tokens that all trades together can take of each token that it sells; None where the order sets no bound.

    Only what is bought a stated number of times, or sold so many coins at a time, has one: holdings and prices change.
    """
    found: dict[Symbol, Decimal | None] = {}
    for clause in order.clauses:
        for sold in {pair[0] for pair in clause_pairs(clause, order.quote)}:
            most, before = _most(clause, order), found.get(sold, Decimal(0))
            found[sold] = None if most is None or before is None else before + most
    return found


def _most(clause: Clause, order: Order) -> Decimal | None:
    """Of one clause, of the token that it sells."""
    action = clause.action
    times = 1 if clause.slices is not None else clause.times  # slices: the amount is that of all parts
    if times is None:
        return None
    match action:
        case Buy(_, Worth(amount)) | Arbitrage(_, Worth(amount), _):
            cut = amount if order.max_trade is None or clause.slices is not None else min(amount, order.max_trade)
            return cut * times
        case Sell(_, Coins(count)) | Exchange(_, _, Coins(count)):
            return count * times
        case _:
            return None
