"""The signer's rules on what the operator's order permits, from the order's own reading (I29). Pure.

They only narrow: a trade must pass every other limit as well. Each trade is held to the tokens and sides of the order,
its largest trade, its largest purchases of a UTC day, its least time between two trades and its reserve. Replacements
of a signed payload and cancels are no trades. The native coin counts as the token that wraps it.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from fractions import Fraction
from math import ceil

from sentinel.core.errors import SettingsError, SignerRefused
from sentinel.core.network import NATIVE, Address, Network, Symbol
from sentinel.core.units import BPS
from sentinel.orders.language.reading import render
from sentinel.orders.language.reading_parser import NotRead, parse
from sentinel.orders.playing.envelope import envelope, order_hash
from sentinel.orders.typed.order import Order
from sentinel.signing.router_call import RouterTrade
from sentinel.signing.signer_limits import ORDER, ORDER_DAY, ORDER_GAP, ORDER_RESERVE, ORDER_SIZE
from sentinel.signing.trade_rules import UnitValues


@dataclass(frozen=True, slots=True)
class OrderBounds:
    """The envelope of the operator's order. Amounts are base units of the quote token, addresses are lower-case."""

    hash: str
    reading: str
    quote: Address
    pairs: frozenset[tuple[Address, Address]]  # (sold, bought)
    max_trade: int | None
    max_day: int | None  # bought with the quote token in a UTC day
    min_gap: int  # seconds between the signatures of two trades: the order's less one block
    reserve: int

    @classmethod
    def of(cls, text: str, network: Network) -> OrderBounds:
        """Derive the bounds from a reading.

        Raises SettingsError if the text is none, asks or refuses, or names a coin that the network does not have.
        """
        order = parse(text, network.quote)
        if isinstance(order, NotRead):
            raise SettingsError(f"the signer's order is no reading (docs/orders.md): {order.why}")
        if not isinstance(order, Order):
            raise SettingsError("the signer's order asks or refuses, so there is nothing to trade by")
        bounds, decimals = envelope(order), network.tokens[network.quote].decimals
        return cls(
            hash=order_hash(order),
            reading=render(order),
            quote=network.tokens[network.quote].address.lower(),
            pairs=frozenset((_address(sold, network), _address(bought, network)) for sold, bought in bounds.pairs),
            max_trade=_units(bounds.max_trade, decimals, ROUND_FLOOR),
            max_day=_units(bounds.max_day, decimals, ROUND_FLOOR),
            # A trade is decided on a block that is up to one block younger than the signature before it.
            min_gap=max(0, bounds.min_gap - ceil(network.block_time)),
            reserve=_units(bounds.reserve, decimals, ROUND_CEILING) or 0,
        )

    def bought_by(self, trade: RouterTrade) -> int:
        """What the trade counts against `max_day`: the quote tokens that it spends on another token."""
        return 0 if trade.bought == self.quote else trade.taken.get(self.quote, 0)


@dataclass(frozen=True, slots=True)
class OrderTrades:
    """What was signed under one order."""

    bought: int = 0  # today, base units of the quote token
    last: float | None = None  # Unix seconds of the last trade; None if it is longer ago than `min_gap`


def check_order(
    trade: RouterTrade,
    order: OrderBounds,
    values: UnitValues,
    tolerance_bps: int,
    before: OrderTrades,
    held: int | None,
    now: float,
) -> None:
    """Raises SignerRefused unless the order permits this new trade.

    `held` is the wallet's balance of the quote token; if it is None, the reserve is not checked. The largest trade may
    be exceeded by `tolerance_bps`, because policy decided by prices of its own. What is bought in a day is counted in
    quote tokens, which needs no price, and has no tolerance.
    """
    taken = trade.taken
    for sold in taken:
        if (sold, trade.bought) not in order.pairs:
            raise _refusal(ORDER, f"the order does not trade {sold} for {trade.bought}", order)
    if order.max_trade is not None:
        if missing := taken.keys() - values.keys():
            raise _refusal(ORDER, f"no reference price of {', '.join(sorted(missing))}", order)
        value = sum((amount * values[token] for token, amount in taken.items()), Fraction(0))
        if value * BPS > order.max_trade * (BPS + tolerance_bps):
            most = f"{order.max_trade} + {tolerance_bps} bps"
            raise _refusal(ORDER_SIZE, f"a trade of {ceil(value)}, the order's largest is {most}", order)
    bought = order.bought_by(trade)
    if order.max_day is not None and bought and before.bought + bought > order.max_day:
        total = before.bought + bought
        raise _refusal(ORDER_DAY, f"{total} would be bought today, the order's cap is {order.max_day}", order)
    if order.min_gap and before.last is not None and now - before.last < order.min_gap:
        since = f"{now - before.last:.0f} s after the last trade, the order demands {order.min_gap}"
        raise _refusal(ORDER_GAP, since, order)
    spent = taken.get(order.quote, 0)
    if order.reserve and held is not None and spent and held - spent < order.reserve:
        raise _refusal(
            ORDER_RESERVE, f"{spent} of {held} quote tokens, the order keeps {order.reserve} in reserve", order
        )


def _refusal(rule: str, what: str, order: OrderBounds) -> SignerRefused:
    return SignerRefused(rule, f"the signer refuses: {what} (order {order.hash[:8]})")


def _address(symbol: Symbol, network: Network) -> Address:
    token = network.tokens.get(network.wrapped if symbol == NATIVE else symbol)
    if token is None:
        raise SettingsError(f"the signer's order: network {network.name} has no {symbol}")
    return token.address.lower()


def _units(amount: Decimal | None, decimals: int, rounding: str) -> int | None:
    return None if amount is None else int(amount.scaleb(decimals).to_integral_value(rounding))
