"""What must stand in an operator's words for an order to be grounded, with the derivations that are allowed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal

from sentinel.orders.grounding.condition_needs import ConditionNeeds
from sentinel.orders.grounding.said import NO_COIN, Measure
from sentinel.orders.grounding.targets import (
    Need,
    Role,
    Ways,
    both,
    coins,
    count,
    default,
    in_measure,
    money,
    ratio,
    term,
    weight,
)
from sentinel.orders.grounding.terms import Term
from sentinel.orders.language.words import duration, number, percent
from sentinel.orders.typed.actions import (
    Amount,
    Arbitrage,
    Buy,
    Coins,
    Exchange,
    Rebalance,
    Sell,
    Share,
    Trim,
    Way,
    Worth,
)
from sentinel.orders.typed.conditions import All, Compare, Condition, Either
from sentinel.orders.typed.expressions import (
    Coin,
    Fact,
)
from sentinel.orders.typed.order import Clause, Order, Slices


def needs(order: Order, block_seconds: int) -> Iterator[Need]:
    """`block_seconds`: of the network, in which operators count blocks."""
    return _Needs(order, block_seconds).all()


class _Needs:
    def __init__(self, order: Order, block_seconds: int) -> None:
        self._order = order
        self._of = ConditionNeeds(block_seconds)

    def all(self) -> Iterator[Need]:
        for index, clause in enumerate(self._order.clauses):
            for need in self._clause(clause):
                yield replace(need, clause=index)
        if self._order.only_while is not None:
            yield from self._of.condition(self._order.only_while)
        yield from self._limits(self._order)

    def _limits(self, order: Order) -> Iterator[Need]:
        if order.reserve is not None:
            yield Need(f"a reserve of {number(order.reserve)}", both(money(order.reserve), term(Term.RESERVE)))
        for amount, what in ((order.max_trade, "at most"), (order.min_trade, "at least")):
            if amount is not None:
                yield Need(f"{what} {number(amount)} a trade", money(amount))
        if order.max_day is not None:
            yield Need(f"at most {number(order.max_day)} a day", both(money(order.max_day), self._of.day()))
        if order.max_cost is not None:
            yield Need(f"costs of at most {percent(order.max_cost)}", both(ratio(order.max_cost), term(Term.COST)))
        for coin, share in order.max_shares:
            yield Need(f"at most {percent(share)} {coin}", weight(share))

    # ------------------------------------------------------------ clauses

    def _clause(self, clause: Clause) -> Iterator[Need]:
        if clause.when is not None:
            yield from self._of.condition(clause.when)
        yield from self._action(clause)
        if clause.slices is not None:
            yield self._slices(clause.slices)
        if clause.every is not None:
            yield Need(f"every {duration(clause.every)}", self._of.seconds(clause.every))
        if clause.times == 1:
            yield Need(
                "once", (*term(Term.ONCE), *default("A clause whose words do not say that it stands trades once."))
            )
        elif clause.times is not None:
            yield Need(f"{clause.times:,} times", self._times(clause, clause.times))
        if clause.rearm:
            yield Need("each time", default("It trades again only after its condition has been false."))
        if _repeats(clause, self._order):
            yield Need("that it stands", term(Term.STANDING))
        if clause.until is not None:
            yield Need("its end", in_measure(Decimal(clause.until), Measure.MOMENT))
        if clause.lasting is not None:
            yield Need(f"for {duration(clause.lasting)}", self._of.time(clause.lasting))

    def _times(self, clause: Clause, times: int) -> Ways:
        if clause.every is None:
            return count(times)
        return *count(times), *both(
            self._of.seconds(clause.every), self._of.seconds(clause.every * times)
        )  # daily for a week

    def _slices(self, slices: Slices) -> Need:
        """Of the number of parts, the whole time and the time between two, two are said."""
        parts, span = count(slices.parts), self._of.time(slices.span)
        ways = both(parts, span)
        if slices.span % slices.parts == 0:
            step = self._of.seconds(slices.span // slices.parts)
            ways = (*ways, *both(step, span), *both(parts, step))
        return Need(f"{slices.parts:,} parts over {duration(slices.span)}", ways)

    def _action(self, clause: Clause) -> Iterator[Need]:
        match clause.action:
            case Buy(coin, amount):
                yield Need(
                    "a buy", (*term(Term.BUY), *both(term(Term.NO_SALE), default("It buys: the words name no side.")))
                )
                yield from self._of.coin(coin)
                yield self._size(amount, coin, clause, named=True)
            case Sell(coin, amount):
                yield Need("a sale", term(Term.SELL))
                yield from self._of.coin(coin)
                yield self._size(amount, coin, clause)
            case Exchange(sold, bought, amount):
                yield Need("a swap", term(Term.SWAP))
                yield from self._of.coin(sold)
                yield from self._of.coin(bought)
                yield self._size(amount, sold, clause)
            case Rebalance() as action:
                yield from self._rebalance(action)
            case Trim(_, share):
                yield Need(f"a share of {percent(share)}", weight(share))
            case Arbitrage(coin, amount, profit):
                yield Need("an arbitrage", term(Term.ARBITRAGE))
                yield self._size(amount, coin, clause, named=True)
                yield Need(
                    "a least profit", ratio(profit.fraction) if isinstance(profit, Share) else money(profit.quote)
                )
            case _:
                pass

    def _size(self, amount: Amount, coin: Coin, clause: Clause, *, named: bool = False) -> Need:
        """`named`: all of it must be said, else a size that is missing is all of it."""
        match amount:
            case Share(fraction) if fraction == 1:
                missing = () if named else default("Without a size it is the whole position of that coin.")
                return Need("all of it", (*term(Term.ALL), *ratio(fraction), *missing), Role.SIZE)
            case Share(fraction):
                return Need(f"{percent(fraction)} of it", ratio(fraction), Role.SIZE)
            case Coins(coins_):
                symbol = coin if isinstance(coin, str) else NO_COIN
                return self._parts(coins_, f"{number(coins_)} {symbol}", clause, lambda size: coins(size, symbol))
            case Worth(worth):
                return self._parts(worth, f"a size of {number(worth)}", clause, money)

    def _parts(self, size: Decimal, what: str, clause: Clause, said: Callable[[Decimal], Ways]) -> Need:
        """A size as it is said; for slices also that of one, and for a number of trades also that of all."""
        ways = said(size)
        if clause.slices is not None:
            ways = (*ways, *said(size / clause.slices.parts))
        elif clause.times is not None and clause.times > 1:
            ways = (*ways, *both(said(size * clause.times), self._times(clause, clause.times)))
        return Need(what, ways, Role.SIZE)

    def _rebalance(self, action: Rebalance) -> Iterator[Need]:
        weights = [share for _, share in action.weights]
        for index, (coin, share) in enumerate(action.weights):
            ways = weight(share, coin)
            if all(abs(other - share) < Decimal("0.001") for other in weights) and len(weights) > 1:
                ways = (*ways, *term(Term.EVENLY))
            if sum(weights) == 1 and len(weights) > 1:
                ways = (*ways, *self._rest(weights[:index] + weights[index + 1 :]))
            yield Need(f"{percent(share)} {coin}", ways)
        ways = weight(action.band)
        for share in weights:  # 'outside 35-45'
            ways = (*ways, *both(weight(share - action.band), weight(share + action.band)))
        yield Need(f"a band of {percent(action.band)}", ways)
        if action.way is Way.HALF:
            yield Need("half the distance", (*in_measure(Decimal("0.5"), Measure.RATIO), *term(Term.HALF_WAY)))
        elif action.way is Way.EDGE:
            yield Need("the edge of the band", term(Term.EDGE))

    def _rest(self, others: list[Decimal]) -> Ways:
        """The weight that the others leave."""
        ways: Ways = default("The last weight is what the others leave.")
        for other in others:
            ways = both(ways, weight(other))
        return ways


def _repeats(clause: Clause, order: Order) -> bool:
    """Whether it trades at block after block, as long as its condition holds and there is something to trade."""
    if not isinstance(clause.action, Buy | Sell | Exchange) or clause.action.amount == Share(Decimal(1)):
        return False
    bounded = clause.every, clause.times, clause.slices, clause.rearm or None
    return all(bound is None for bound in bounded) and not _waits(clause.when) and not _waits(order.only_while)


def _waits(condition: Condition | None) -> bool:
    """Whether it looks at the time since the last trade."""
    match condition:
        case All(of) | Either(of):
            return any(_waits(one) for one in of)
        case Compare(left, _, right):
            return Fact.SINCE_TRADE in (left, right)
        case _:
            return False
