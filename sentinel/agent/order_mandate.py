"""The mandate that a student of playbooks takes from an order, where one of them says the same as the order."""

from __future__ import annotations

from decimal import Decimal

from sentinel.agent.analyst import target_weights as target_weights
from sentinel.core.mandate import Mandate
from sentinel.orders.actions import Arbitrage, Rebalance, Way, Worth
from sentinel.orders.order import Clause, Order

TENTH = Decimal("0.1")  # the student learned sizes with one decimal


def mandate_of(order: Order, max_trade: float, min_trade: float) -> Mandate | None:
    """None if no playbook says the same. The limits, in quote tokens, bound what the order leaves open."""
    if len(order.clauses) != 1 or not _plain(order) or not _alone(clause := order.clauses[0]):
        return None
    # A tenth less than the order's limit: tools round prices, and what they make of them must not go over it.
    size = max_trade if order.max_trade is None else float(order.max_trade - min(TENTH, order.max_trade / 100))
    least = float(order.min_trade or min_trade)
    match clause.action:
        case Rebalance(weights, band, False, Way.TARGET, False):
            coins = [coin for coin, _ in weights if coin != order.quote]
            if len(coins) == 1:
                return Mandate("rebalance", coins[0], float(band), 0, 0.0, size, least)
        case Arbitrage(coin, Worth(amount), Worth(profit)):
            return Mandate("arbitrage", coin, 0.0, 0, 0.0, float(min(amount, Decimal(repr(size)))), float(profit))
    return None


def _plain(order: Order) -> bool:
    """No condition or limit that a playbook has no line for."""
    return order.only_while is None and order.reserve is None and order.max_day is None and not order.max_shares


def _alone(clause: Clause) -> bool:
    return clause == Clause(clause.action)
