"""The order in force: from the settings, or the one that the operator approved last. Its player reads the journal."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

from sentinel.agent.dex_interface import Quoter
from sentinel.agent.order_trader import best_gap
from sentinel.config.settings import Settings
from sentinel.core.errors import SettingsError
from sentinel.core.market_state import MarketState
from sentinel.core.network import HexHash, Network, Symbol
from sentinel.journal.journal import Journal
from sentinel.orders.coins import coins_of
from sentinel.orders.envelope import order_hash
from sentinel.orders.observed import OrderFacts, observed
from sentinel.orders.order import Order
from sentinel.orders.player import Play, completed, play
from sentinel.orders.reading import render
from sentinel.orders.reading_parser import parse
from sentinel.orders.situation import Gap, Situation
from sentinel.orders.standing import StandingOrder

MAX_FILE = 16_000  # bytes of an order's file
SETTING = "SENTINEL_STRATEGY__ORDER"
COMPLETE = Play(None, None, "the order is complete", frozenset())


def approved_order(settings: Settings, network: Network, journal: Journal, quoter: Quoter) -> StandingOrder | None:
    """The order of the settings, else the one that was approved last; None if there is none.

    Raises SettingsError if it is no reading, names an unknown coin, or has another hash than ORDER_HASH.
    """
    text, by = _text(settings), "settings"
    if not text:
        current = journal.orders.current()
        if current is None:
            _require_hash(settings, None)
            return None
        text, by = current.reading, current.by
    order = read_order(text, network)
    digest = order_hash(order)
    _require_hash(settings, digest)
    player = _Player(order, digest, by, network, journal, quoter)
    return StandingOrder(order, digest, player.play, player.now)


def read_order(text: str, network: Network) -> Order:
    """Raises SettingsError if the text is no order that can be carried out on this network."""
    order = parse(text, network.quote)
    if not isinstance(order, Order):
        raise SettingsError(f"{SETTING}: this is no order: {getattr(order, 'why', order)}")
    if unknown := sorted(coins_of(order) - set(network.tokens)):
        known = ", ".join(sorted(network.tokens))
        raise SettingsError(f"{SETTING}: {', '.join(unknown)} is not in network {network.name}, which has {known}")
    return order


def _text(settings: Settings) -> str:
    strategy = settings.strategy
    if strategy.order_file is None:
        return strategy.order.strip()
    path = strategy.order_file.expanduser()
    try:
        with path.open("rb") as opened:
            raw = opened.read(MAX_FILE + 1)
    except OSError as error:
        raise SettingsError(f"{SETTING}_FILE: {path} cannot be read: {error.strerror}") from error
    if len(raw) > MAX_FILE:
        raise SettingsError(f"{SETTING}_FILE: {path} is longer than {MAX_FILE:,} bytes")
    return " ".join(raw.decode("utf-8", "replace").split())


def _require_hash(settings: Settings, digest: str | None) -> None:
    wanted = settings.strategy.order_hash
    if wanted and wanted != digest:
        found = "there is no approved order" if digest is None else f"the order has {digest}"
        raise SettingsError(f"{SETTING}_HASH is {wanted}, but {found}: see `sentinel order show`")


@dataclass(slots=True)
class _Player:
    order: Order
    hash: str
    by: str
    network: Network
    journal: Journal
    quoter: Quoter
    _last: tuple[HexHash, Play] | None = field(default=None)

    def play(self, state: MarketState) -> Play:
        if self._last is None or self._last[0] != state.head.hash:
            self._last = state.head.hash, self._play(state)
        return self._last[1]

    def now(self) -> str:
        """The reason of the last play."""
        return "no block was looked at yet" if self._last is None else self._last[1].why

    def _play(self, state: MarketState) -> Play:
        orders = self.journal.orders
        begun = orders.begun(self.hash)
        if begun is None:
            prices = {coin: repr(price) for coin, price in state.prices.items()}
            begun = orders.begin(self.hash, render(self.order), self.by, state.head.timestamp, prices)
        if begun.ended:
            return COMPLETE
        situation = self._situation(state, begun.at, {coin: Decimal(price) for coin, price in begun.prices.items()})
        if completed(self.order, situation):
            orders.complete(self.hash)
            return COMPLETE
        played = play(self.order, situation)
        for clause in played.turned_false - situation.rearmed:
            orders.rearm(self.hash, clause, sum(fill.clause == clause for fill in situation.fills))
        return played

    def _situation(self, state: MarketState, set_at: int, set_prices: dict[Symbol, Decimal]) -> Situation:
        orders = self.journal.orders
        facts = OrderFacts(
            set_at=set_at,
            set_prices=set_prices,
            fills=orders.fills(self.hash),
            rearmed=orders.rearmed(self.hash),
            bought_today=orders.bought_today(self.hash, state.head.timestamp),
            positions=orders.positions(state),
        )

        def gap(coin: Symbol, amount: Decimal) -> Gap | None:
            return best_gap(self.quoter, state, self.network.quote, coin, amount)

        return observed(state, self.network, facts, gap)
