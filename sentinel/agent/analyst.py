"""The analyst, which says what the portfolio should be: the target weights of the approved order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sentinel.core.market_state import MarketState, MarketView, Regime
from sentinel.core.network import Symbol
from sentinel.core.units import BPS
from sentinel.orders.typed.actions import Rebalance, Trim
from sentinel.orders.typed.order import Order


@dataclass(frozen=True, slots=True)
class SettingsAnalyst:
    """Gives the order's target weights as a view."""

    target_weights: Mapping[Symbol, int]  # bps of equity, summing to 10,000

    def view(self, state: MarketState) -> MarketView:
        """The view of the settings, valid only for the state's block."""
        return MarketView(
            target_weights=self.target_weights,
            regime=Regime.UNKNOWN,
            confidence=1.0,
            valid_until=state.head.number,
            source="settings",
        )


def target_weights(order: Order) -> dict[Symbol, int]:
    """The weights of the order's first rebalance or cut, in bps by token; what is left is the quote token's."""
    for clause in order.clauses:
        match clause.action:
            case Rebalance(weights=weights):
                shares = {coin: int(share * BPS) for coin, share in weights if coin != order.quote}
            case Trim(coins=(coin,), share=share):
                shares = {coin: int(share * BPS)}
            case _:
                continue
        return {**shares, order.quote: BPS - sum(shares.values())}
    return {}
