"""What the coins in a wallet have cost on average, and which sales brought more than that."""

from __future__ import annotations

from fractions import Fraction

from sentinel.core.market_state import MarketState
from sentinel.core.network import NATIVE, Network, Symbol
from sentinel.core.valuation import reference_prices, value


class CostBasis:
    """Costs are base units of the quote token, gas included. A swap of coins carries the cost over."""

    def __init__(self, network: Network) -> None:
        self._quote = network.quote
        self._network = network
        self._held: dict[Symbol, int] = {}
        self._cost: dict[Symbol, Fraction] = {}
        self.wins = 0
        self.sales = 0

    def begun(self, state: MarketState) -> None:
        """What is held at the first minute counts as bought at its reference price."""
        prices = reference_prices(state)
        for symbol, amount in state.balances.items():
            if symbol not in (self._quote, NATIVE) and amount:
                self._held[symbol] = amount
                self._cost[symbol] = Fraction(value({symbol: amount}, prices, self._network))

    def traded(self, sold: Symbol, paid: int, bought: Symbol, received: int, gas: int) -> None:
        """A confirmed swap. Amounts are base units of each token, `gas` of the quote token."""
        if sold == self._quote:
            cost = Fraction(paid + gas)
        else:
            held = self._held.get(sold, 0)
            share = Fraction(min(paid, held), held) if held else Fraction(0)
            taken = self._cost.get(sold, Fraction(0)) * share
            self._held[sold] = max(0, held - paid)
            self._cost[sold] = self._cost.get(sold, Fraction(0)) - taken
            cost = taken + gas
        if bought == self._quote:
            self.sales += 1
            self.wins += received > cost
        else:
            self._held[bought] = self._held.get(bought, 0) + received
            self._cost[bought] = self._cost.get(bought, Fraction(0)) + cost
