"""What `sentinel signer show` prints: the signer's answer in whole tokens, as JSON or as lines."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from sentinel.core.errors import SettingsError
from sentinel.core.network import Network
from sentinel.core.units import COIN_DECIMALS, GWEI_DECIMALS


def readable(answer: Mapping[str, Any], network: Network) -> dict[str, Any]:
    """The signer's answer in whole tokens and coins by symbol, with rates in gwei."""
    if answer["chain_id"] != network.chain_id:
        raise SettingsError(f"the signer signs for chain {answer['chain_id']}, the settings name {network.name}")
    symbols = {token.address.lower(): token for token in network.tokens.values()}

    def tokens(amounts: Mapping[str, int]) -> dict[str, Decimal]:
        known = {token: symbols[token] for token in amounts if token in symbols}
        return {
            **{token.symbol: _whole(amounts[address], token.decimals) for address, token in known.items()},
            **{address: Decimal(amount) for address, amount in amounts.items() if address not in known},
        }

    def quote(amount: int | None) -> Decimal | None:
        return None if amount is None else _whole(amount, network.tokens[network.quote].decimals)

    def symbol(address: str) -> str:
        return symbols[address].symbol if address in symbols else address

    caps, today, order = answer["caps"], answer["today"], answer["order"]
    return {
        **{name: answer[name] for name in ("address", "chain_id", "pid", "open_caps", "own_endpoint")},
        "quote": network.quote,
        "caps": {
            **{name: tokens(caps[name]) for name in ("trades", "approvals", "daily")},
            **{name: _whole(caps[name], COIN_DECIMALS) for name in ("max_cost", "daily_gas")},
            **{name: _whole(caps[name], GWEI_DECIMALS) for name in ("max_fee", "max_priority_fee")},
            **{name: caps[name] for name in ("gas_limit", "daily_signatures", "price_tolerance_bps")},
            "daily_loss": quote(caps["daily_loss"]),
        },
        "order": None
        if order is None
        else {
            **order,
            "pairs": [[symbol(sold), symbol(bought)] for sold, bought in order["pairs"]],
            **{name: quote(order[name]) for name in ("max_trade", "max_day", "reserve")},
        },
        "today": {
            **today,
            "volume": tokens(today["volume"]),
            "gas": _whole(today["gas"], COIN_DECIMALS),
            **{name: quote(today[name]) for name in ("loss", "order_bought")},
        },
    }


def _whole(amount: int, decimals: int) -> Decimal:
    """Base units as whole tokens, exact and without trailing zeros."""
    whole = Decimal(amount).scaleb(-decimals)
    return whole.quantize(Decimal(1)) if whole == whole.to_integral_value() else whole.normalize()


def lines(report: Mapping[str, Any], now: float | None = None) -> Iterator[str]:
    caps, today, order, quote = report["caps"], report["today"], report["order"], report["quote"]
    yield f"signer       {report['address']}, chain {report['chain_id']}, pid {report['pid']}"
    if report["open_caps"]:
        yield "caps         the daemon has not set them yet; nothing is signed"
    yield f"a trade      {_amounts(caps['trades'])}"
    yield f"an approval  {_amounts(caps['approvals'])}"
    yield f"fees         {caps['max_fee']:f} gwei, {caps['gas_limit']:,} gas, {caps['max_cost']:f} in all"
    prices = "read at an endpoint of its own" if report["own_endpoint"] else "given, near its own"
    yield f"prices       {prices}; tolerance {caps['price_tolerance_bps']} bps"
    yield from _order_lines(order, today, quote, time.time() if now is None else now)
    yield f"today        {_amounts(today['volume']) or 'nothing'} of {_amounts(caps['daily'])}"
    yield f"             possible losses {today['loss']:,f} of {caps['daily_loss']:,f} {quote}"
    yield f"             gas {today['gas']:f} of {caps['daily_gas']:f}"
    yield f"             signatures {today['signatures']} of {caps['daily_signatures']}, {today['refusals']} refusals"


def _order_lines(order: Mapping[str, Any] | None, today: Mapping[str, Any], quote: str, now: float) -> Iterator[str]:
    if order is None:
        yield "order        none: the caps alone bind"
        return
    yield f"order        {order['hash']}"
    yield f"             {order['reading']}"
    yield f"  pairs      {', '.join(f'{sold} for {bought}' for sold, bought in order['pairs']) or 'none'}"
    trade, day = (
        "no bound" if most is None else f"{most:,f} {quote}" for most in (order["max_trade"], order["max_day"])
    )
    yield f"  a trade    {trade}"
    yield f"  a day      {today['order_bought']:,f} bought of {day}"
    last = today["order_last_trade"]
    ago = "none in the last day" if last is None else f"the last one {now - last:.0f} s ago"
    yield f"  time       {order['min_gap']} s between two trades; {ago}"
    unchecked = (
        " (not checked: the signer has no endpoint)" if order["reserve"] and not order["reserve_checked"] else ""
    )
    yield f"  reserve    {order['reserve']:,f} {quote}{unchecked}"


def _amounts(amounts: Mapping[str, Decimal]) -> str:
    return ", ".join(f"{amount:,f} {token}" for token, amount in amounts.items())
