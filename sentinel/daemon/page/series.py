"""The lines of the charts: equity against buy-and-hold and cash, prices, and trades. From the journal alone."""

from __future__ import annotations

from collections.abc import Sequence

from sentinel.core import valuation
from sentinel.core.network import NATIVE, Network
from sentinel.core.transaction import EquityPoint
from sentinel.daemon.page.equity_history import EquityHistory
from sentinel.daemon.page.intent_values import mark, whole
from sentinel.daemon.page.journal_thread import Opened
from sentinel.observe.web.pages import RANGES
from sentinel.observe.web.shown import Series

POINTS = 240  # of cycles in a range, beside those of the equity series
MARKS = 500  # trades in a range


def series(opened: Opened, history: EquityHistory, network: Network, name: str) -> Series:
    """Of the range of RANGES with this name."""
    length, span = RANGES[name], opened.browsing.span()
    if span is None:
        return Series(network.quote, (), (), (), (), (), {}, ())
    since = None if length is None else span[1] - length
    finer = opened.browsing.points(span[0] if since is None else max(since, span[0]), span[1], POINTS)
    standings = history.between(opened, since, finer)
    marks = (mark(entry, network) for entry in opened.browsing.swaps_since(since or 0.0, MARKS))

    def money(values: Sequence[int]) -> tuple[float, ...]:
        return tuple(whole(value, network.quote, network) for value in values)

    return Series(
        quote=network.quote,
        at=tuple(float(standing.point.at) for standing in standings),
        block=tuple(standing.point.block for standing in standings),
        equity=money([standing.equity for standing in standings]),
        hold=money([standing.hold for standing in standings]),
        cash=money([standing.cash for standing in standings]),
        prices=_prices([standing.point for standing in standings], network),
        marks=tuple(shown for shown in reversed([*marks]) if shown is not None),
    )


def _prices(points: Sequence[EquityPoint], network: Network) -> dict[str, tuple[float | None, ...]]:
    """By coin, without the quote token and the native coin, which has the price of its wrapped token."""
    coins = sorted({symbol for point in points for symbol in point.prices} - {network.quote, NATIVE})
    return {coin: tuple(_price(point, coin, network) for point in points) for coin in coins if coin in network.tokens}


def _price(point: EquityPoint, coin: str, network: Network) -> float | None:
    unit = valuation.unit_value(coin, point.prices, network)
    if unit is None:
        return None
    return float(unit * 10 ** network.tokens[coin].decimals / 10 ** network.tokens[network.quote].decimals)
