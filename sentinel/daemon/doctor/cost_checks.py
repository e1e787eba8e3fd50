"""Doctor's check of the trade size: at today's gas price, the largest trade of the settings keeps to the cost limit."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from decimal import Decimal
from math import ceil

from sentinel.chain.endpoints import EndpointPool
from sentinel.chain.heads import latest_head
from sentinel.chain.history import BlockCloses
from sentinel.chain.market_reader import MarketReader
from sentinel.config.terms import Terms
from sentinel.core import gas
from sentinel.core.errors import Unavailable
from sentinel.core.market_state import MarketState
from sentinel.core.network import Address
from sentinel.core.units import BPS, GWEI, PIPS
from sentinel.core.valuation import whole_quote
from sentinel.daemon.doctor.findings import Finding
from sentinel.decide.rules_cost import fee_pips, smallest_trade
from sentinel.dex.quoting.costs import TRADE_GAS, TRADE_SIZE, cost_in
from sentinel.dex.venues.registry import READERS
from sentinel.orders.playing.envelope import fixed_sizes
from sentinel.orders.typed.actions import Buy
from sentinel.orders.typed.order import Order

NOBODY: Address = "0x" + "00" * 20  # the wallet to read if none is set


async def trade_size(
    terms: Terms, rpc: EndpointPool, wallet: Address | None, order: Order | None = None
) -> AsyncIterator[Finding]:
    """The smallest trade that policy lets through at the newest block, against those of the order or the settings.

    It is a trade of the quote token for the strategy's token, over the pool with the lowest fee.
    """
    market = MarketReader(
        rpc,
        terms.network,
        wallet or NOBODY,
        READERS,
        BlockCloses(1),
        min_priority_fee=terms.fee_floor,
        max_priority_fee=terms.limits.max_priority_fee,
    )
    hint = "see the findings above: what trading needs could not be read"
    try:
        state = await market.read(await latest_head(rpc))
    except Unavailable as error:
        yield Finding("trade size", "warn", f"the smallest sensible trade is unknown: {error}", hint)
        return
    network = terms.network
    cost = cost_in(network, state, TRADE_GAS, TRADE_SIZE, network.quote)
    if cost is None:
        what = f"the smallest sensible trade is unknown: no reference price of {network.wrapped}"
        yield Finding("trade size", "warn", what, hint)
        return
    if (fee := _lowest_fee(terms, state)) is not None:
        yield judged(terms, state, cost, fee, order)


def _lowest_fee(terms: Terms, state: MarketState) -> int | None:
    """In pips, of the pools that trade the quote token for the strategy's token; None if there is no such pool."""
    pair = {terms.settings.strategy.base, terms.network.quote}
    names = [name for name, pool in terms.desk.pools.items() if {pool.token0, pool.token1} == pair]
    return min((fee_pips(terms.network, state.pools, name, terms.network.quote) for name in names), default=None)


def judged(terms: Terms, state: MarketState, cost: int, fee: int, order: Order | None = None) -> Finding:
    """The finding from what was read. `cost`: gas of one swap in base units of the quote token; `fee`: in pips."""
    network, settings, cap = terms.network, terms.settings, terms.limits.max_cost_bps
    if order is not None and order.max_cost is not None:
        cap = int(order.max_cost * BPS)
    price = gas.next_price(state.head, gas.offered(network, state.head, state.priority_fee))
    parts = (
        f"gas of one swap is {_money(cost, terms)}, the pool takes {fee * 10_000 / PIPS:g} bps, the cap is {cap:g} bps"
    )
    smallest = smallest_trade(cost, fee, cap)
    if smallest is None:
        what = f"no trade is small or large enough: {parts}"
        return Finding("trade size", "warn", what, "raise SENTINEL_LIMITS__MAX_COST_BPS above the pool's fee")
    what = f"at {_gwei(price)} gwei the smallest sensible trade is {_money(ceil(smallest), terms)} ({parts})"
    sizes = {"SENTINEL_LIMITS__MAX_TRADE": settings.limits.max_trade}
    if order is not None and (bought := _smallest_purchase(order)) is not None:
        sizes = {"the order's purchase": float(bought), **sizes}
    low = {name: size for name, size in sizes.items() if size < whole_quote(ceil(smallest), network)}
    if not low:
        return Finding("trade size", "ok", what)
    below = " and ".join(f"{name}={size:g}" for name, size in low.items())
    hint = (
        f"raise {' and '.join(low)}, or SENTINEL_LIMITS__MAX_COST_BPS if trades may cost more, or wait for cheaper gas"
    )
    return Finding("trade size", "warn", f"{what}; {below} is below it, so policy refuses each purchase now", hint)


def _smallest_purchase(order: Order) -> Decimal | None:
    """Quote tokens of the order's smallest purchase of a fixed size; None if it has none."""
    purchases = tuple(clause for clause in order.clauses if isinstance(clause.action, Buy))
    return min(fixed_sizes(replace(order, clauses=purchases)), default=None) if purchases else None


def _gwei(price: int) -> str:
    """Wei per gas as gwei, to three digits."""
    return f"{price / GWEI:.3g}" if price < 1000 * GWEI else f"{price / GWEI:,.0f}"


def _money(amount: int, terms: Terms) -> str:
    """Base units of the quote token as '19.20 USDC', and without cents from 1,000 on."""
    size = whole_quote(amount, terms.network)
    return f"{size:,.0f} {terms.network.quote}" if size >= 1000 else f"{size:,.2f} {terms.network.quote}"
