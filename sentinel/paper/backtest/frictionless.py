"""The player of the order without costs: it trades the recorded closes, each at once and in full."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal

from sentinel.core.closes import WEEK, CloseSeries
from sentinel.core.market_state import MarketState
from sentinel.core.network import Network, Symbol
from sentinel.core.units import GWEI
from sentinel.orders.playing.observed import gas_price, held
from sentinel.orders.playing.playback import look
from sentinel.orders.playing.situation import Position, Situation
from sentinel.orders.typed.order import Order
from sentinel.paper.backtest.task import MINUTE


class FrictionlessPlayer:
    """What the order would hold on the same minutes if pools, gas and time cost nothing.

    It knows no venues, so it never fills an arbitrage, and no student, so it takes no judgement.
    """

    def __init__(self, order: Order, network: Network, prior: Mapping[Symbol, tuple[float, ...]]) -> None:
        self._order = order
        self._network = network
        self._prior = prior
        self._at: Situation | None = None
        self._times: list[int] = []
        self._prices: dict[Symbol, list[float]] = {}

    def next(self, state: MarketState) -> Decimal:
        """Look at the next minute, trade, and return the value of what is held, in quote tokens.

        `state` gives the time, the reference prices and the gas price. The first one gives the holdings too.
        """
        time, prices = state.head.timestamp, reference_closes(state)
        closes = self._closes(time, prices)
        gas = Decimal(gas_price(state, self._network)) / GWEI
        at = self._at or self._begun(state, prices)
        self._at, _ = look(self._order, replace(at, closes=closes, gas_price=gas), time)
        known = {**{coin: Decimal(repr(price)) for coin, price in prices.items()}, self._network.quote: Decimal(1)}
        return sum((amount * known[coin] for coin, amount in self._at.holdings.items() if amount), Decimal(0))

    def _begun(self, state: MarketState, prices: Mapping[Symbol, float]) -> Situation:
        known = {coin: Decimal(repr(price)) for coin, price in prices.items()}
        holdings = held(state, self._network)
        return Situation(
            time=state.head.timestamp,
            prices=known,
            holdings=holdings,
            positions={coin: Position(price, price) for coin, price in known.items() if holdings.get(coin)},
            set_at=state.head.timestamp,
            set_prices=known,
        )

    def _closes(self, time: int, prices: Mapping[Symbol, float]) -> dict[Symbol, CloseSeries]:
        """The closes of the last week, up to this minute."""
        if not self._times:
            count = max((len(closes) for closes in self._prior.values()), default=0)
            self._times = [time - MINUTE * ago for ago in range(count, 0, -1)]
            self._prices = {coin: list(self._prior.get(coin, ())) for coin in prices}
        self._times.append(time)
        for coin, price in prices.items():
            self._prices[coin].append(price)
        if len(self._times) > WEEK // MINUTE + 10:
            del self._times[0]
            for series in self._prices.values():
                del series[0]
        times = tuple(self._times)
        return {coin: CloseSeries(times, tuple(series)) for coin, series in self._prices.items()}


def reference_closes(state: MarketState) -> dict[Symbol, float]:
    """The recorded closes, as the feeds of the market give them, in quote tokens per coin."""
    return {coin: one.answer / 10**one.decimals for coin, one in state.reference.items()}
