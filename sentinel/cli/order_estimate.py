"""The estimate at the read-back: what an order would have done on recorded closes, from the wallet's own holdings."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sentinel.chain.close_file import read_closes
from sentinel.config.settings import Settings
from sentinel.core.closes import CloseSeries
from sentinel.core.errors import JournalError, JournalTampered, RecordDropped
from sentinel.core.market_state import MarketState
from sentinel.core.network import Network, Symbol
from sentinel.core.units import COIN_DECIMALS, GWEI, PIPS
from sentinel.daemon.files import CLOSES, JOURNAL
from sentinel.dex.quoting.costs import TRADE_GAS
from sentinel.journal.journal import Journal
from sentinel.orders.language.reading import render
from sentinel.orders.language.words import time
from sentinel.orders.playing.coins import coins_of
from sentinel.orders.playing.observed import gas_price, held
from sentinel.orders.playing.playback import Costs, PlayedTrade, playback, worth
from sentinel.orders.playing.shown import coins, money, span
from sentinel.orders.playing.situation import Position, Situation
from sentinel.orders.playing.trades import trade_text
from sentinel.orders.typed.order import Order

PURSE = Decimal(10_000)  # quote tokens in each token, if no daemon has read the wallet
MAX_DAYS = 3
SHOWN = 5  # trades of the estimate
LOOKED = 50  # newest cycles that are searched for one that has read the market


@dataclass(frozen=True, slots=True)
class Wallet:
    """What a daemon last read of the wallet."""

    time: int  # chain time in seconds
    holdings: Mapping[Symbol, Decimal]  # whole tokens
    entries: Mapping[Symbol, Decimal]  # what the coins cost on average, if that is known
    gas_wei: int  # per gas, at that block


def last_read(settings: Settings, network: Network) -> Wallet | None:
    """The wallet as the journal last saw it, whether a daemon runs or not; None if it never did."""
    path = settings.state_dir.expanduser() / JOURNAL
    if not path.exists():
        return None
    try:
        journal = Journal.open(path, network, None, None, read_only=True)
    except JournalTampered:
        raise
    except JournalError:
        return None
    try:
        states = (_state(journal, line.id) for line in journal.cycles(LOOKED))
        state = next((state for state in states if state is not None), None)
        if state is None:
            return None
        entries = {coin: cost.entry for coin, cost in journal.positions.costs().items()}
        return Wallet(state.head.timestamp, held(state, network), entries, gas_price(state, network))
    finally:
        journal.close()


def _state(journal: Journal, cycle: int) -> MarketState | None:
    """The state that a cycle read; None if it read none, or if its content was dropped."""
    with contextlib.suppress(RecordDropped):
        return journal.get_cycle(cycle).state
    return None


def recorded_series(settings: Settings) -> dict[Symbol, CloseSeries]:
    """The recorded closes of each coin."""
    columns: dict[Symbol, tuple[list[int], list[float]]] = {}
    for close in read_closes(settings.state_dir.expanduser() / CLOSES):
        for coin, price in close.prices.items():
            times, prices = columns.setdefault(coin, ([], []))
            times.append(close.time)
            prices.append(price)
    return {coin: CloseSeries(tuple(times), tuple(prices)) for coin, (times, prices) in columns.items()}


@dataclass(frozen=True, slots=True)
class Estimator:
    """`gas_wei` is the gas price that each trade is assumed to pay; None if it is not known, and then gas is 0."""

    network: Network
    closes: Mapping[Symbol, CloseSeries]
    wallet: Wallet | None = None
    gas_wei: int | None = None
    gas_is_now: bool = True  # False: the price of `wallet`

    def estimate(self, order: Order) -> dict[str, Any] | None:
        """In JSON types; None if a coin of the order has no recorded closes."""
        named = coins_of(order) - {order.quote}
        series = {coin: closes for coin, closes in self.closes.items() if closes.times}
        if not named or not named <= series.keys():
            return None
        end = min(series[coin].times[-1] for coin in named)
        begin = max(max(series[coin].times[0] for coin in named), end - MAX_DAYS * 86_400)
        if end - begin < 60:
            return None
        start = self._start(order, series, begin)
        gas = self._gas(start.prices)
        trades = list(playback(order, start, end, costs=Costs(self.fee, gas or Decimal(0))))
        after = trades[-1].after if trades else start
        paid = sum((one.gas for one in trades), Decimal(0))
        return {
            "seconds": end - begin,
            "number": len(trades),
            "begin": {coin: str(amount) for coin, amount in start.holdings.items() if amount},
            "read_at": None if self.wallet is None else self.wallet.time,
            "gas_gwei": None if gas is None else str(Decimal(self.gas_wei or 0) / GWEI),
            "gas_is_now": self.gas_is_now,
            "gas": str(paid),
            "fees": str(sum((one.fee for one in trades), Decimal(0))),
            "value": str(worth(after, end, order.quote) - paid),
            "value_without": str(worth(start, end, order.quote)),
            "quote": order.quote,
            "assumed_cost": self._assumed(order),
            "first": [_shown(one, order) for one in trades[:SHOWN]],
        }

    def _start(self, order: Order, series: Mapping[Symbol, CloseSeries], begin: int) -> Situation:
        first = {coin: Decimal(repr((closes.at(begin) or (0, closes.prices[0]))[1])) for coin, closes in series.items()}
        if self.wallet is None:
            named = {coin: price for coin, price in first.items() if coin in coins_of(order)}
            holdings = {order.quote: PURSE, **{coin: PURSE / price for coin, price in named.items()}}
            entries: Mapping[Symbol, Decimal] = {}
        else:
            holdings = {coin: amount for coin, amount in self.wallet.holdings.items() if coin in {*first, order.quote}}
            entries = self.wallet.entries
        return Situation(
            time=begin,
            prices={**first, order.quote: Decimal(1)},
            holdings=holdings,
            closes=series,
            positions={
                coin: Position(entries.get(coin, price), price) for coin, price in first.items() if holdings.get(coin)
            },
            gas_price=Decimal(self.gas_wei or 0) / GWEI,
            set_at=begin,
            set_prices=first,
        )

    def _assumed(self, order: Order) -> list[Symbol]:
        """The coins of the order whose cost the wallet does not know, if the order looks at costs."""
        if self.wallet is None or not any(word in render(order) for word in ("entry", "profit")):
            return []
        coins_named = sorted(coins_of(order) - {order.quote} - self.wallet.entries.keys())
        return [coin for coin in coins_named if self.wallet.holdings.get(coin)]

    def _gas(self, prices: Mapping[Symbol, Decimal]) -> Decimal | None:
        """Quote tokens of a trade; None if the gas price, or that of the coin that pays it, is not known."""
        coin = prices.get(self.network.wrapped)
        return None if self.gas_wei is None or coin is None else gas_cost(self.gas_wei, coin)

    def fee(self, sold: Symbol, bought: Symbol) -> Decimal:
        """The share that the cheapest pool of the two takes, or the cheapest two over the wrapped coin."""
        if (direct := self._pool_fee(sold, bought)) is not None:
            return direct
        over = [self._pool_fee(sold, self.network.wrapped), self._pool_fee(self.network.wrapped, bought)]
        return sum((fee for fee in over if fee is not None), Decimal(0))

    def _pool_fee(self, a: Symbol, b: Symbol) -> Decimal | None:
        pools = [pool.fee_pips for pool in self.network.pools.values() if {pool.token0, pool.token1} == {a, b}]
        return Decimal(min(pools)) / PIPS if pools else None


def gas_cost(wei: int, coin_price: Decimal) -> Decimal:
    """Quote tokens that the gas of a trade costs."""
    return Decimal(TRADE_GAS * wei).scaleb(-COIN_DECIMALS) * coin_price


def _shown(one: PlayedTrade, order: Order) -> dict[str, Any]:
    return {"time": one.time, "trade": trade_text(one.trade, order.quote), "why": one.why}


def estimate_lines(estimate: Mapping[str, Any] | None) -> Iterator[str]:
    if estimate is None:
        yield "estimate  none: there are no recorded closes of its coins yet"
        return
    quote, length = estimate["quote"], span(Decimal(estimate["seconds"]))
    yield f"estimate  on the closes of the last {length}, {_beginning(estimate)}: {_number(estimate['number'])}"
    if estimate["assumed_cost"]:
        yield f"          {' and '.join(estimate['assumed_cost'])} of unknown cost counts as bought at the first close"
    if estimate["number"]:
        yield from _result_lines(estimate, quote)
    for one in estimate["first"]:
        yield f"          {one['why']}"
    if estimate["number"] > len(estimate["first"]):
        yield f"          and {estimate['number'] - len(estimate['first'])} more"


def _result_lines(estimate: Mapping[str, Any], quote: Symbol) -> Iterator[str]:
    fees, gas = money(Decimal(estimate["fees"])), money(Decimal(estimate["gas"]))
    gas_text = f"and {gas} of gas ({_gas_price(estimate)})" if estimate["gas_gwei"] else "and gas, which is not known"
    yield f"          paying {fees} {quote} of pool fees {gas_text}, without slippage"
    value, without = money(Decimal(estimate["value"])), money(Decimal(estimate["value_without"]))
    yield f"          {value} {quote} at its end, and {without} without the order"


def _gas_price(estimate: Mapping[str, Any]) -> str:
    source = "the price now" if estimate["gas_is_now"] else "the last that was recorded"
    return f"{money(Decimal(estimate['gas_gwei']))} gwei, {source}"


def _number(trades: int) -> str:
    return f"{trades:,} trade{'' if trades == 1 else 's'}"


def _beginning(estimate: Mapping[str, Any]) -> str:
    if estimate["read_at"] is None:
        return f"from {money(PURSE)} {estimate['quote']} in each token (an assumption: no daemon has read the wallet)"
    begin = " and ".join(
        f"{money(Decimal(amount)) if coin == estimate['quote'] else coins(Decimal(amount))} {coin}"
        for coin, amount in estimate["begin"].items()
    )
    return f"from the wallet's {begin or 'empty balances'} as of {time(estimate['read_at'])}"
