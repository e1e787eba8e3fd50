"""What the running signer enforces, as `sentinel signer show` asks for it. Amounts are base units and wei. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sentinel.core.units import DAY
from sentinel.signing.order_rules import OrderBounds, OrderTrades
from sentinel.signing.process.daily_caps import DayCaps, SignedToday
from sentinel.signing.signer_limits import SignerLimits

LOOK_BACK = DAY  # seconds in which the last trade of the order is looked for


def enforced(
    limits: SignerLimits,
    caps: DayCaps,
    spent: SignedToday,
    refusals: int,
    *,
    order: OrderBounds | None,
    traded: OrderTrades,
    reads_balances: bool,
) -> dict[str, Any]:
    return {
        "caps": {
            "approvals": _lower(limits.amounts),
            "trades": _lower(limits.trades or limits.amounts),
            "daily": _lower(caps.volume),
            "daily_gas": caps.gas,
            "daily_loss": caps.loss,
            "daily_signatures": caps.signatures,
            "gas_limit": limits.max_gas,
            "max_fee": limits.max_fee,
            "max_priority_fee": limits.max_priority_fee,
            "max_cost": limits.max_cost,
            "price_tolerance_bps": limits.tolerance_bps,
        },
        "own_endpoint": reads_balances,
        "order": None if order is None else _order(order, reads_balances),
        "today": {
            "volume": dict(spent.volume),
            "gas": spent.gas,
            "loss": spent.loss,
            "signatures": spent.signatures,
            "refusals": refusals,
            "order_bought": traded.bought,
            "order_last_trade": None if traded.last is None else int(traded.last),  # Unix seconds, of the last day
        },
    }


def _order(order: OrderBounds, reads_balances: bool) -> dict[str, Any]:
    return {
        "hash": order.hash,
        "reading": order.reading,
        "pairs": sorted([sold, bought] for sold, bought in order.pairs),
        "max_trade": order.max_trade,
        "max_day": order.max_day,
        "min_gap": order.min_gap,
        "reserve": order.reserve,
        "reserve_checked": bool(order.reserve) and reads_balances,
    }


def _lower(amounts: Mapping[str, int]) -> dict[str, int]:
    return {token.lower(): amount for token, amount in amounts.items()}
