"""A second player of orders, to compare with: exact fractions, plain loops, nothing shared with the first, no messages.

It is written from docs/orders.md and from what the types of an order say, so that the two agree only where both follow
them.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, localcontext
from fractions import Fraction

from sentinel.orders.typed.actions import (
    Amount,
    Arbitrage,
    Buy,
    Coins,
    Exchange,
    Rebalance,
    Sell,
    Trim,
    Wait,
    Way,
    Worth,
)
from sentinel.orders.typed.expressions import FirstHeld, named
from sentinel.orders.typed.order import Clause
from tests.orders.reference_values import NONE, Unknown, Values

DIGITS = 60  # of what a market is asked for


@dataclass(frozen=True, slots=True)
class Deal:
    """What is traded: whole tokens of `sold`."""

    side: str
    sold: str
    bought: str
    amount: Fraction
    clause: int = 0


class Reference(Values):
    """One order at one block."""

    def deal(self) -> Deal | None:
        if self.order.only_while is not None and self.truth(self.order.only_while) is not True:
            return None
        only_sales = False
        for index, clause in enumerate(self.order.clauses):
            if not self.may_act(index, clause):
                continue
            truth = True if clause.when is None else self.truth(clause.when)
            if truth is None:
                only_sales = True
            if truth is not True:
                continue
            if isinstance(clause.action, Wait):
                return None
            try:
                found = self.limited(index, clause)
            except Unknown:
                only_sales = True
                continue
            if found is not None and (found.side == "sell" or not only_sales):
                return found
        return None

    def turned_false(self) -> frozenset[int]:
        clauses = enumerate(self.order.clauses)
        return frozenset(i for i, one in clauses if one.rearm and one.when and self.truth(one.when) is False)

    def completed(self) -> bool:
        return all(self.over(i, one) or isinstance(one.action, Wait) for i, one in enumerate(self.order.clauses))

    # ------------------------------------------------------------ when a clause acts

    def over(self, index: int, clause: Clause) -> bool:
        done = sum(1 for fill in self.at.fills if fill.clause == index)
        most = clause.times if clause.slices is None else clause.slices.parts
        return (
            (most is not None and done >= most)
            or (clause.until is not None and self.at.time > clause.until)
            or (clause.lasting is not None and self.at.time - self.at.set_at > clause.lasting)
        )

    def may_act(self, index: int, clause: Clause) -> bool:
        if self.over(index, clause):
            return False
        sold: tuple[str, ...] = ()
        if isinstance(clause.action, Sell):
            sold = named(clause.action.coin)
        if isinstance(clause.action, Exchange):
            sold = named(clause.action.sold)
        if isinstance(clause.action, Trim):
            sold = clause.action.coins
        if sold and not any(self.held(coin) for coin in sold):
            return False
        own = [fill.time for fill in self.at.fills if fill.clause == index]
        if not own:
            return True
        pause = Fraction(clause.every or 0)
        if clause.slices is not None:
            pause = Fraction(clause.slices.span, clause.slices.parts)
        return self.at.time - max(own) >= pause and (not clause.rearm or index in self.at.rearmed)

    # ------------------------------------------------------------ trades

    def limited(self, index: int, clause: Clause) -> Deal | None:
        """The trade of a clause within the limits of the order; None if it is left out."""
        order, least_profit = self.order, NONE
        proposal = self.proposal(clause, sum(1 for fill in self.at.fills if fill.clause == index))
        if proposal is None:
            return None
        side, sold, bought, worth = proposal
        if order.max_trade is not None:
            worth = min(worth, Fraction(order.max_trade))
        if worth <= 0 or (order.min_trade is not None and worth < order.min_trade):
            return None
        if sold == order.quote and worth > self.spendable():
            return None
        if side == "buy" and order.max_day is not None and Fraction(self.at.bought_today) + worth > order.max_day:
            return None
        for coin, share in order.max_shares:
            if side != "arbitrage" and coin == bought and self.value(coin) + worth > Fraction(share) * self.total():
                return None
        if isinstance(clause.action, Arbitrage):
            profit = clause.action.profit
            least_profit = Fraction(profit.quote) if isinstance(profit, Worth) else Fraction(profit.fraction) * worth
            with localcontext() as context:
                context.prec = DIGITS
                gap = self.at.gap(bought, Decimal(worth.numerator) / Decimal(worth.denominator))
            if gap is None:
                raise Unknown
            if gap.profit < least_profit:
                return None
        return Deal(side, sold, bought, worth / self.price(sold), index)

    def proposal(self, clause: Clause, done: int) -> tuple[str, str, str, Fraction] | None:
        """(side, sold, bought, worth) before the limits."""
        quote, parts = self.order.quote, clause.slices.parts if clause.slices else 1
        match clause.action:
            case Buy(coin, amount):
                bought = self.pick(coin)
                price = self.price(bought) if isinstance(amount, Coins) else NONE
                return "buy", quote, bought, self.size(amount, self.spendable(), price, parts, done)
            case Sell(coin, amount):
                return "sell", (sold := self.pick(coin)), quote, self.sale(sold, amount, parts, done)
            case Exchange(coin, other, amount):
                sold, bought = self.pick(coin), self.pick(other)
                if sold == bought:
                    return None
                return "swap", sold, bought, self.sale(sold, amount, parts, done)
            case Arbitrage(coin, amount, _):
                return "arbitrage", quote, self.pick(coin), self.size(amount, self.spendable(), NONE, 1, 0)
            case Trim(coins, share):
                excess = self.value(*coins) - Fraction(share) * self.total()
                sold = self.pick(FirstHeld(coins)) if excess > 0 else coins[0]
                return "sell", sold, quote, min(excess, self.value(sold))
            case Rebalance():
                return self.rebalanced(clause.action)
        raise AssertionError(clause.action)

    def sale(self, coin: str, amount: Amount, parts: int, done: int) -> Fraction:
        price, held = self.price(coin), self.held(coin)
        return min(held * price, self.size(amount, held * price, price, parts, done))

    def size(self, amount: Amount, have: Fraction, price: Fraction, parts: int, done: int) -> Fraction:
        """Of one part, in quote tokens. The parts of a share are equal if the earlier ones were carried out."""
        if isinstance(amount, Worth):
            return Fraction(amount.quote) / parts
        if isinstance(amount, Coins):
            return Fraction(amount.number) * price / parts
        share = Fraction(amount.fraction)
        return have * share / (parts - share * done) if parts > 1 else have * share

    def spendable(self) -> Fraction:
        return max(NONE, self.held(self.order.quote) - Fraction(self.order.reserve or 0))

    def rebalanced(self, action: Rebalance) -> tuple[str, str, str, Fraction] | None:
        quote, band = self.order.quote, Fraction(action.band)
        coins = [coin for coin, _ in action.weights]
        whole = self.value(*coins) if action.alone else self.total()
        over = {}  # by how much each coin is above its target, a share of the whole
        for coin, weight in action.weights:
            if whole and coin != quote:
                over[coin] = self.value(coin) / whole - Fraction(weight)
        off = {coin: abs(share) for coin, share in over.items() if share and self.is_beyond(abs(share), action)}
        if not off or max(off.values()) < max(abs(share) for share in over.values()):
            return None
        part = 2 if action.way is Way.HALF else 1
        left = band if action.way is Way.EDGE else NONE
        farthest = next(coin for coin in off if off[coin] == max(off.values()))
        most, least = max(over, key=over.__getitem__), min(over, key=over.__getitem__)
        worth = (off[farthest] - left) / part * whole
        if action.alone and quote not in coins:
            return "swap", most, least, min(worth, over[most] * whole, -over[least] * whole)
        if over[farthest] > 0:
            return "sell", farthest, quote, worth
        if self.order.max_trade is not None:
            worth = min(worth, Fraction(self.order.max_trade))
        if worth > self.spendable() and over[most] > 0 and most in off:
            return "sell", most, quote, (off[most] - left) / part * whole
        return "buy", quote, farthest, min(worth, self.spendable())

    @staticmethod
    def is_beyond(off: Fraction, action: Rebalance) -> bool:
        return off >= action.band if action.inclusive else off > action.band
