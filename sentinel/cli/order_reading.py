"""What an operator is told of an order before it is approved: its reading, its bounds, its costs, and an estimate."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from decimal import Decimal, InvalidOperation
from math import ceil
from typing import Any

from sentinel.chain.heads import latest_head
from sentinel.chain.rpc import Rpc, quantity
from sentinel.cli.order_estimate import Estimator, estimate_lines, gas_cost, last_read, recorded_series
from sentinel.cli.order_measures import measures
from sentinel.config.network_file import load_network
from sentinel.config.settings import Settings
from sentinel.core.errors import OperatorError, Unavailable
from sentinel.core.network import Network, Symbol
from sentinel.core.units import BPS, GWEI, PIPS
from sentinel.orders.language.reading import render
from sentinel.orders.playing.envelope import envelope, fixed_sizes, order_hash
from sentinel.orders.playing.shown import money
from sentinel.orders.playing.situation_values import close_near
from sentinel.orders.typed.order import Order


def read_back(settings: Settings, order: Order) -> dict[str, Any]:
    """In JSON types."""
    network, closes = load_network(settings.network), recorded_series(settings)
    prices = {coin: Decimal(repr(one.prices[-1])) for coin, one in closes.items() if one.prices}
    wallet = last_read(settings, network)
    now, failure = _gas_now(settings)
    recorded = None if wallet is None else wallet.gas_wei
    estimator = Estimator(network, closes, wallet, recorded if now is None else now, now is not None)
    return {
        **bounds(order),
        "measures": measures(order, prices, {} if wallet is None else wallet.entries),
        "cost": failure if now is None else _cost(settings, network, prices, order, now),
        "estimate": estimator.estimate(order),
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
        "judgements": list(order.judgements),
    }


def lines(facts: Mapping[str, Any]) -> Iterator[str]:
    yield from bounds_lines(facts)
    for number, measure in enumerate(facts["measures"]):
        yield f"{'measures' if not number else '':10}{measure}"
    yield f"cost      {facts['cost']}"
    yield from estimate_lines(facts["estimate"])
    yield ""


def bounds_lines(facts: Mapping[str, Any]) -> Iterator[str]:
    from sentinel.cli.order_commands import sentences

    yield f"order     {facts['hash'][:12]}"
    yield from (f"          {sentence}" for sentence in sentences(facts["reading"]))
    for number, phrase in enumerate(facts["judgements"]):
        yield f"{'judgement' if not number else '':10}{judgement_line(phrase)}"
    yield f"trades    {', '.join(facts['trades']) or 'none'}" + (
        f"; at most {money(Decimal(facts['max_trade']))} {facts['quote']} at a time" if facts["max_trade"] else ""
    )


def judgement_line(phrase: str) -> str:
    return f'"{phrase}" is judged by the student alone, within the limits; no estimate plays it'


# ------------------------------------------------------------ costs


def _cost(
    settings: Settings,
    network: Network,
    prices: Mapping[Symbol, Decimal],
    order: Order,
    wei: int,
) -> str:
    gwei, size, accepted = Decimal(wei) / GWEI, next(iter(fixed_sizes(order)), None), order.max_cost
    if (coin := prices.get(network.wrapped)) is None:
        return f"not known at {money(gwei)} gwei: no close of {network.wrapped} is recorded yet"
    cost = gas_cost(wei, coin)
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


def _gas_now(settings: Settings) -> tuple[int | None, str]:
    """Wei per gas, or why it is not known."""

    async def read() -> int:
        async with Rpc(settings.rpc.endpoints[0], timeout=5.0) as rpc:
            return quantity(await rpc.call("eth_gasPrice"))

    try:
        return asyncio.run(read()), ""
    except Unavailable as error:
        return None, f"not known: {error}"


def chain_time(settings: Settings) -> int:
    """The timestamp of the newest block. Raises Unavailable."""

    async def read() -> int:
        async with Rpc(settings.rpc.endpoints[0], timeout=5.0) as rpc:
            return (await latest_head(rpc)).timestamp

    return asyncio.run(read())


def prices_at(settings: Settings, time: int) -> dict[Symbol, Decimal]:
    """The recorded close of each coin at that time, if there is one."""
    found = {coin: close_near(series, time) for coin, series in recorded_series(settings).items()}
    return {coin: price for coin, price in found.items() if price is not None}


def number(text: str) -> Decimal:
    """Raises OperatorError."""
    try:
        return Decimal(text)
    except InvalidOperation:
        raise OperatorError(f"{text!r} is no number") from None
