"""The order in force: from the settings, or the one that the operator approved last. Its player reads the journal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple

from sentinel.agent.dex_interface import Quoter
from sentinel.agent.order_build import best_gap
from sentinel.config.settings import Settings
from sentinel.core.errors import OperatorError, SentinelError, SettingsError
from sentinel.core.market_state import MarketState
from sentinel.core.network import HexHash, Network, Symbol
from sentinel.daemon.files import JOURNAL
from sentinel.journal.journal import Journal
from sentinel.journal.order_records import JournaledOrder, OrderRecords, OrderStatus
from sentinel.orders.language.reading import Ask, render
from sentinel.orders.language.reading_parser import parse
from sentinel.orders.playing.coins import coins_of
from sentinel.orders.playing.envelope import order_hash
from sentinel.orders.playing.observed import OrderFacts, held, known_prices, observed
from sentinel.orders.playing.player import Play, completed, play
from sentinel.orders.playing.situation import Gap, Situation
from sentinel.orders.playing.situation_values import close_near
from sentinel.orders.playing.standing import NO_ORDER, StandingOrder
from sentinel.orders.typed.actions import Wait
from sentinel.orders.typed.order import Clause, Order

OPERATOR = "operator"  # the source of an order that a command approved
SETTINGS = "settings"  # the source of an order that is not approved by a command
MAX_FILE = 16_000  # bytes of an order's file
SETTING = "SENTINEL_STRATEGY__ORDER"
ENDED = Play(None, None, "the order was cancelled or replaced", frozenset())
COMPLETE = Play(None, None, "the order is complete", frozenset())


def order_at_start(
    settings: Settings, network: Network, journal: Journal, quoter: Quoter, *, required: bool = True
) -> StandingOrder | None:
    """As `approved_order`. A live start that must follow an open intent (I9) halts instead of being refused."""
    try:
        return approved_order(settings, network, journal, quoter, required=required)
    except SettingsError as error:
        if settings.execution.mode != "live" or not journal.open_intents():
            raise
        journal.halt(str(error), by="doctor")
        return _waiting(network, str(error))


def approved_order(
    settings: Settings, network: Network, journal: Journal, quoter: Quoter, *, required: bool = True
) -> StandingOrder | None:
    """The order of the settings, else the one that was approved last; if there is none, one that trades nothing, or
    None for a proposer for which no order is `required`.

    Raises SettingsError if it is no reading, names an unknown coin, or has another hash than ORDER_HASH.
    """
    chosen = chosen_order(settings, network, journal)
    if chosen is None:
        why = why_none(settings, journal, required=required)
        return None if why is None else _waiting(network, why)
    order, digest, source, given, words = chosen
    live = settings.execution.mode == "live"
    player = _Player(order, digest, source, given, live, network, journal, quoter)
    decimals = {symbol: token.decimals for symbol, token in network.tokens.items()}
    return StandingOrder(order, digest, player.play, player.now, player.stands, player.situation, words, decimals)


class ChosenOrder(NamedTuple):
    order: Order
    hash: str
    source: str
    given: bool  # by the settings: no command replaces it
    words: str  # of the operator


def chosen_order(settings: Settings, network: Network, journal: Journal) -> ChosenOrder | None:
    """As `approved_order`, and raises like it."""
    given = _text(settings)
    text, source, words = given, SETTINGS, given
    if not given:
        current = journal.orders.current()
        if current is None or current.source == SETTINGS:  # what the settings gave ended when they gave it no more
            _require_hash(settings, None)
            return None
        text, source, words = current.reading, current.source, current.text
    order = read_order(text, network)
    digest = order_hash(order)
    _require_hash(settings, digest)
    return ChosenOrder(order, digest, source, bool(given), words)


def why_none(settings: Settings, journal: Journal, *, required: bool) -> str | None:
    """Why nothing is traded while no order is in force; None if the proposer may trade without one.

    Once a wallet has had an order, nothing is traded without one, unless a setting permits it.
    """
    last = next(iter(journal.orders.history(1)), None)
    if not required and (last is None or settings.strategy.without_order == "trade"):
        return None
    if last is None:
        return "no order is approved: `sentinel order set`"
    ended = "of settings that give none now" if last.status is OrderStatus.APPROVED else last.status.value
    return f"no order is approved, the last one is {ended}: `sentinel order set`"


def _waiting(network: Network, why: str) -> StandingOrder:
    """In place of an order: nothing is traded."""
    held = Play(None, None, why, frozenset())
    waiting = Order(network.quote, (Clause(Wait()),))
    return StandingOrder(waiting, NO_ORDER, lambda state: held, lambda: why)


def approve_by_command(
    orders: OrderRecords, reading: str, digest: str, time: int, prices: Mapping[Symbol, Decimal], words: str = ""
) -> None:
    """Put an order in force, with the operator's words that it was read from; empty if its reading was given.

    The one that is in force already goes on as it is, with its words, unless only the settings gave it.
    """
    current = orders.current()
    if current is not None and current.hash == digest and current.source == SETTINGS:
        orders.cancelled(digest, "a command gives it now")
    if orders.order_set(words or reading, reading, digest, time, prices, OPERATOR).status is OrderStatus.SET:
        orders.approved(digest, OPERATOR, time)


def order_of_start(settings: Settings, network: Network) -> Order | None:
    """The order that a start would put in force; None if there is none, or if it cannot be read."""
    try:
        if text := _text(settings):
            return read_order(text, network)
        path = settings.state_dir.expanduser() / JOURNAL
        if not path.exists():
            return None
        journal = Journal.open(path, network, None, None, read_only=True)
    except SentinelError:
        return None
    try:
        current = journal.orders.current()
        return None if current is None or current.source == SETTINGS else read_order(current.reading, network)
    except SentinelError:
        return None
    finally:
        journal.close()


def read_order(text: str, network: Network, where: str = f"{SETTING}: ") -> Order:
    """`where`: the beginning of an error's text. Raises SettingsError if the text is no order that can be carried out
    on this network."""
    text = " ".join(text.split())
    if bad := next((c for c in text if not c.isprintable() or (c.isnumeric() and not c.isascii())), None):
        raise SettingsError(f"{where}this is no order: it contains the character U+{ord(bad):04X}")
    order = parse(text, network.quote)
    if not isinstance(order, Order):
        why = order.what if isinstance(order, Ask) else order.why
        raise SettingsError(f"{where}this is no order: {why} (docs/orders.md, `sentinel order preset`)")
    if unknown := sorted(coins_of(order) - set(network.tokens)):
        known = ", ".join(sorted(network.tokens))
        raise SettingsError(f"{where}{', '.join(unknown)} is not in network {network.name}, which has {known}")
    return order


def require_own(settings: Settings, digest: str | None) -> None:
    """Raises OperatorError if no command may put this order, or none, in force: the settings name another."""
    strategy = settings.strategy
    if strategy.order or strategy.order_file is not None:
        raise OperatorError(f"{SETTING} gives the order: change it there, and `sentinel reload`")
    if strategy.order_hash and strategy.order_hash != digest:
        raise OperatorError(f"{SETTING}_HASH requires the order {strategy.order_hash}: clear it, and `sentinel reload`")


def _text(settings: Settings) -> str:
    strategy = settings.strategy
    if strategy.order_file is None:
        return strategy.order
    path = strategy.order_file.expanduser()
    try:
        with path.open("rb") as opened:
            raw = opened.read(MAX_FILE + 1)
    except OSError as error:
        raise SettingsError(f"{SETTING}_FILE: {path} cannot be read: {error.strerror}") from error
    if len(raw) > MAX_FILE:
        raise SettingsError(f"{SETTING}_FILE: {path} is longer than {MAX_FILE:,} bytes")
    if not raw.strip():
        raise SettingsError(f"{SETTING}_FILE: {path} is empty")
    return raw.decode("utf-8", "replace")


def _require_hash(settings: Settings, digest: str | None) -> None:
    wanted = settings.strategy.order_hash
    if wanted and wanted != digest:
        found = "there is no approved order" if digest is None else f"the order has {digest}"
        raise SettingsError(f"{SETTING}_HASH is {wanted}, but {found}: see `sentinel order show`")


@dataclass(slots=True)
class _Player:
    order: Order
    hash: str
    source: str
    given: bool  # by the settings: no command replaces it
    live: bool  # a dry run remembers nothing: it must not change the order of a live one
    network: Network
    journal: Journal
    quoter: Quoter
    _last: tuple[HexHash, Play, Situation | None] | None = field(default=None)
    _dry: JournaledOrder | None = field(default=None)

    def play(self, state: MarketState) -> Play:
        return self._looked(state)[1]

    def situation(self, state: MarketState) -> Situation | None:
        """What the last play saw; None if the order is complete, cancelled or replaced."""
        return self._looked(state)[2]

    def _looked(self, state: MarketState) -> tuple[HexHash, Play, Situation | None]:
        if self._last is None or self._last[0] != state.head.hash:
            self._last = state.head.hash, *self._play(state)
        return self._last

    def now(self) -> str:
        """The reason of the last play."""
        return "no block was looked at yet" if self._last is None else self._last[1].why

    def stands(self) -> bool:
        """Whether it is still what the operator wants."""
        current = self.journal.orders.current()
        return self.given or (current is not None and current.hash == self.hash)

    def _play(self, state: MarketState) -> tuple[Play, Situation | None]:
        if self._completed():
            return COMPLETE, None
        if not self.stands():
            return ENDED, None  # by a command during this cycle: it must not be set again
        situation = self._situation(state, self._begun(state))
        if completed(self.order, situation) and self._all_final():
            if self.live:
                self.journal.orders.completed(self.hash)
            return COMPLETE, None
        played = play(self.order, situation)
        if self.live:
            for clause in played.turned_false - situation.rearmed:
                self.journal.order_fills.rearm(self.hash, clause, state.head.timestamp)
        return played, situation

    def _begun(self, state: MarketState) -> JournaledOrder:
        """The order as it was set. The settings' order is set and approved by the first block of a live run."""
        orders, time, reading = self.journal.orders, state.head.timestamp, render(self.order)
        if not self.live:
            current = orders.current()
            if current is not None and current.hash == self.hash:
                return current
            self._dry = self._dry or JournaledOrder(
                0, self.hash, reading, reading, self.source, time, known_prices(state), OrderStatus.APPROVED
            )
            return self._dry
        known = orders.order_set(reading, reading, self.hash, time, known_prices(state), self.source)
        return orders.approved(self.hash, self.source, time) if known.status is OrderStatus.SET else known

    def _all_final(self) -> bool:
        """Whether no reorg can take a trade back, after which the order would go on."""
        return not self.journal.open_intents() and not self.journal.not_final()

    def _completed(self) -> bool:
        """Whether this order is done, also if the settings still give it at a later start."""
        last = self.journal.orders.latest(self.hash)
        return last is not None and last.status is OrderStatus.COMPLETED

    def _situation(self, state: MarketState, known: JournaledOrder) -> Situation:
        fills, time = self.journal.order_fills, state.head.timestamp
        positions = self.journal.positions
        if self.live:
            positions.keep_highs(state.closes, time)
        facts = OrderFacts(
            set_at=known.set_at,
            set_prices=_set_prices(known, state),
            fills=fills.fills(self.hash),
            rearmed=fills.rearmed(self.hash),
            bought_today=fills.bought_today(self.hash, time),
            positions=positions.positions(held(state, self.network), state.closes),
        )

        def gap(coin: Symbol, amount: Decimal) -> Gap | None:
            return best_gap(self.quoter, state, self.network.quote, coin, amount)

        return observed(state, self.network, facts, gap)


def _set_prices(known: JournaledOrder, state: MarketState) -> dict[Symbol, Decimal]:
    """As recorded; a price that was not known then is the close of that time, if it has been read since."""
    found = dict(known.set_prices)
    for coin, series in state.closes.items():
        if coin not in found and (price := close_near(series, known.set_at)) is not None:
            found[coin] = price
    return found
