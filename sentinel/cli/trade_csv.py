"""Trades as a table for a tax tool: exact amounts, fees, gas in native coin and in the quote token, hashes. Pure."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from sentinel.core.network import COIN_LEGS, NATIVE
from sentinel.core.transaction import Outcome
from sentinel.core.units import PIPS
from sentinel.core.valuation import decimals

if TYPE_CHECKING:
    from sentinel.core.actions import Route
    from sentinel.core.network import Network, Symbol
    from sentinel.journal.reports import Trade

COLUMNS = (
    "time_utc",  # of the block if it was mined, else of the decision
    "kind",
    "state",
    "pair",  # SOLD/BOUGHT
    "sold",
    "sold_token",
    "bought",
    "bought_token",
    "pool_fee",  # in the sold token, contained in what was sold
    "pool_fee_token",
    "gas",
    "gas_token",
    "gas_quote",
    "quote_token",
    "profit_quote",  # at the reference prices of the decision, gas included
    "block",
    "transaction",
    "intent",
)


def table(trades: Iterable[Trade], network: Network) -> str:
    """CSV with a head line, oldest trade first, without dry runs. What did not happen, such as an output, is empty."""
    text, real = io.StringIO(), [trade for trade in trades if trade.state != "dry"]
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(_row(trade, network) for trade in sorted(real, key=lambda trade: trade.at))
    return text.getvalue()


def _row(trade: Trade, network: Network) -> Sequence[str]:
    settled = trade.settled
    swapped = settled is not None and settled.outcome is Outcome.CONFIRMED and trade.kind == "swap"
    realised = settled.realised if settled is not None and swapped and not settled.unread else {}
    sold, bought = -realised.get(trade.token_in, 0), realised.get(trade.token_out, 0)
    at = settled.mined_at if settled is not None and settled.mined_at is not None else trade.at
    fee = _pool_fee(trade.routes, network) if swapped else None
    return (
        datetime.fromtimestamp(int(at), UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        trade.kind,
        trade.state,
        f"{trade.token_in}/{trade.token_out}" if trade.kind == "swap" else trade.token_in,
        _whole(sold, trade.token_in, network) if realised else "",
        trade.token_in if realised else "",
        _whole(bought, trade.token_out, network) if realised else "",
        trade.token_out if realised else "",
        "" if fee is None else _whole(fee, trade.token_in, network),
        "" if fee is None else trade.token_in,
        "" if settled is None else _whole(settled.gas_cost, NATIVE, network),
        "" if settled is None else NATIVE,
        "" if trade.gas_quote is None else _whole(trade.gas_quote, network.quote, network),
        network.quote,
        "" if trade.pnl_quote is None else _whole(trade.pnl_quote, network.quote, network),
        "" if settled is None or settled.block_number is None else str(settled.block_number),
        "" if settled is None or settled.tx_hash is None else settled.tx_hash,
        trade.intent_id,
    )


def _whole(amount: int, symbol: Symbol, network: Network) -> str:
    """Exact, in whole tokens, without an exponent."""
    return f"{Decimal(amount).scaleb(-decimals(symbol, network)):f}"


def _pool_fee(routes: Sequence[Route], network: Network) -> int | None:
    """What the pools kept, in base units of the token that was sold. None if a pool is not in the network file now."""
    total = Decimal(0)
    for route in routes:
        kept = Decimal(1)
        for leg in route.legs:
            if leg.pool in network.pools:
                kept *= 1 - Decimal(network.pools[leg.pool].fee_pips) / PIPS
            elif leg.pool not in COIN_LEGS:
                return None
        total += route.amount_in * (1 - kept)
    return round(total)
