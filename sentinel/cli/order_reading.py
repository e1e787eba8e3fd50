"""What an operator is told of an order before it is approved: its reading, its bounds, its costs, and an estimate."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation
from math import ceil
from typing import Any

from sentinel.chain.close_file import read_closes
from sentinel.chain.heads import latest_head
from sentinel.chain.rpc import Rpc, quantity
from sentinel.config.network_file import load_network
from sentinel.config.settings import Settings
from sentinel.core.closes import CloseSeries
from sentinel.core.errors import OperatorError, Unavailable
from sentinel.core.network import Network, Symbol
from sentinel.core.units import BPS, GWEI, PIPS
from sentinel.daemon.files import CLOSES
from sentinel.dex.quoting.costs import TRADE_GAS
from sentinel.orders.coins import coins_of
from sentinel.orders.envelope import envelope, fixed_sizes, order_hash
from sentinel.orders.order import Order
from sentinel.orders.playback import PlayedTrade, playback
from sentinel.orders.reading import render
from sentinel.orders.shown import money, span
from sentinel.orders.situation import Position, Situation
from sentinel.orders.situation_values import close_near
from sentinel.orders.trades import trade_text

PURSE = Decimal(10_000)  # quote tokens that the estimate begins with in each token, where the wallet is not known
MAX_DAYS = 3
SHOWN = 5  # trades of the estimate


def read_back(settings: Settings, order: Order) -> dict[str, Any]:
    """In JSON types."""
    network = load_network(settings.network)
    closes = _series(settings)
    prices = {coin: Decimal(repr(one.prices[-1])) for coin, one in closes.items() if one.prices}
    return {
        **bounds(order),
        "cost": _cost(settings, network, prices, next(iter(fixed_sizes(order)), None), order.max_cost),
        "estimate": _estimate(order, closes, prices),
    }


def bounds(order: Order) -> dict[str, Any]:
    """What is known of the order without a market, in JSON types."""
    widest = envelope(order)
    return {
        "reading": render(order),
        "hash": order_hash(order),
        "trades": sorted("->".join(pair) for pair in widest.pairs),
        "max_trade": None if widest.max_trade is None else str(widest.max_trade),
        "quote": order.quote,
    }


def lines(facts: Mapping[str, Any]) -> Iterator[str]:
    yield from bounds_lines(facts)
    yield f"cost      {facts['cost']}"
    yield from _estimate_lines(facts["estimate"])
    yield ""


def bounds_lines(facts: Mapping[str, Any]) -> Iterator[str]:
    from sentinel.cli.order_commands import sentences

    yield f"order     {facts['hash'][:12]}"
    yield from (f"          {sentence}" for sentence in sentences(facts["reading"]))
    yield f"trades    {', '.join(facts['trades']) or 'none'}" + (
        f"; at most {money(Decimal(facts['max_trade']))} {facts['quote']} at a time" if facts["max_trade"] else ""
    )


# ------------------------------------------------------------ costs


def _cost(
    settings: Settings,
    network: Network,
    prices: Mapping[Symbol, Decimal],
    size: Decimal | None,
    accepted: Decimal | None,
) -> str:
    try:
        wei = asyncio.run(_gas_price(settings))
    except Unavailable as error:
        return f"not known: {error}"
    gwei = Decimal(wei) / GWEI
    if (coin := prices.get(network.wrapped)) is None:
        return f"not known at {money(gwei)} gwei: no close of {network.wrapped} is recorded yet"
    cost = TRADE_GAS * Decimal(wei) / Decimal(10**18) * coin
    text = f"at {money(gwei)} gwei the gas of a trade is about {money(cost)} {network.quote}"
    if size is None:
        return text
    fee = Decimal(min(pool.fee_pips for pool in network.pools.values())) / PIPS
    bps, cap = (cost / size + fee) * BPS, settings.limits.max_cost_bps if accepted is None else int(accepted * BPS)
    text += f": with the cheapest pool {bps / 100:.2f}% of {money(size)} {network.quote}"
    if bps <= cap:
        return text
    limit = "SENTINEL_LIMITS__MAX_COST_BPS" if accepted is None else "the order"
    share = ceil(bps / 100) + 1
    hint = f": 'Pay at most {share}% of a trade in costs.' accepts it" if share <= 100 else ""
    return f"{text}, which {limit} refuses at {cap} bps (exits aside){hint}"


async def _gas_price(settings: Settings) -> int:
    async with Rpc(settings.rpc.endpoints[0], timeout=5.0) as rpc:
        return quantity(await rpc.call("eth_gasPrice"))


def chain_time(settings: Settings) -> int:
    """The timestamp of the newest block. Raises Unavailable."""

    async def read() -> int:
        async with Rpc(settings.rpc.endpoints[0], timeout=5.0) as rpc:
            return (await latest_head(rpc)).timestamp

    return asyncio.run(read())


def prices_at(settings: Settings, time: int) -> dict[Symbol, Decimal]:
    """The recorded close of each coin at that time, if there is one."""
    found = {coin: close_near(series, time) for coin, series in _series(settings).items()}
    return {coin: price for coin, price in found.items() if price is not None}


def number(text: str) -> Decimal:
    """Raises OperatorError."""
    try:
        return Decimal(text)
    except InvalidOperation:
        raise OperatorError(f"{text!r} is no number") from None


# ------------------------------------------------------------ the estimate


def _series(settings: Settings) -> dict[Symbol, CloseSeries]:
    columns: dict[Symbol, tuple[list[int], list[float]]] = {}
    for close in read_closes(settings.state_dir.expanduser() / CLOSES):
        for coin, price in close.prices.items():
            times, prices = columns.setdefault(coin, ([], []))
            times.append(close.time)
            prices.append(price)
    return {coin: CloseSeries(tuple(times), tuple(prices)) for coin, (times, prices) in columns.items()}


def _estimate(
    order: Order, closes: Mapping[Symbol, CloseSeries], prices: Mapping[Symbol, Decimal]
) -> dict[str, Any] | None:
    """What the player would have done on the recorded closes; None where there are none."""
    needed = {coin: closes[coin] for coin in coins_of(order) - {order.quote} if coin in closes and closes[coin].times}
    if not needed or set(needed) != coins_of(order) - {order.quote}:
        return None
    end = min(series.times[-1] for series in needed.values())
    begin = max(max(series.times[0] for series in needed.values()), end - MAX_DAYS * 86_400)
    if end - begin < 60:
        return None
    first = {coin: Decimal(repr((series.at(begin) or (0, series.prices[0]))[1])) for coin, series in needed.items()}
    start = Situation(
        time=begin,
        prices={**first, order.quote: Decimal(1)},
        holdings={order.quote: PURSE, **{coin: PURSE / price for coin, price in first.items()}},
        closes=needed,
        positions={coin: Position(price, price) for coin, price in first.items()},
        gas_price=Decimal(0),
        set_at=begin,
        set_prices=first,
    )
    trades = list(playback(order, start, end))
    return {
        "seconds": end - begin,
        "number": len(trades),
        "purse": str(PURSE),
        "first": [_shown(one, order) for one in trades[:SHOWN]],
    }


def _shown(one: PlayedTrade, order: Order) -> dict[str, Any]:
    return {"time": one.time, "trade": trade_text(one.trade, order.quote), "why": one.why}


def _estimate_lines(estimate: Mapping[str, Any] | None) -> Iterator[str]:
    if estimate is None:
        yield "estimate  none: there are no recorded closes of its coins yet"
        return
    length = span(Decimal(estimate["seconds"]))
    yield (
        f"estimate  on the closes of the last {length}: {estimate['number']} trades, if it had begun with "
        f"{money(Decimal(estimate['purse']))} in each token, without gas, fees and slippage"
    )
    for one in estimate["first"]:
        yield f"          {one['why']}"
    if estimate["number"] > len(estimate["first"]):
        yield f"          and {estimate['number'] - len(estimate['first'])} more"
