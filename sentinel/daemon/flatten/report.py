"""The report on the last `stop --flatten`, from the journal alone."""

from __future__ import annotations

from typing import Any

from sentinel.core import valuation
from sentinel.core.network import Network
from sentinel.core.transaction import Outcome
from sentinel.decide.operator_controls import FLATTEN
from sentinel.journal.journal import Journal

SHOWN = 500  # maximum number of trades that a report covers


def report(journal: Journal, network: Network) -> dict[str, Any] | None:
    """The last flatten in JSON types, amounts in whole tokens; None if there was none."""
    standing = journal.standing
    if (since := standing.since) is None:
        return None
    sales: list[dict[str, Any]] = []
    for trade in reversed(journal.trades(SHOWN, after=since)):
        if trade.source != FLATTEN:
            continue
        settled = trade.settled if trade.settled and trade.settled.outcome is Outcome.CONFIRMED else None
        received = settled.realised.get(trade.token_out, 0) if settled else 0
        sales.append(
            {
                "intent": trade.intent_id,
                "state": trade.state,
                "ended": trade.settled is not None,
                "token": trade.token_in,
                "sold": valuation.whole(trade.gross if settled else 0, trade.token_in, network),
                "for": valuation.whole(received, trade.token_out, network),
                "tx": trade.settled.tx_hash if trade.settled else None,
            }
        )
    totals: dict[str, dict[str, float]] = {}
    for sale in sales:
        total = totals.setdefault(sale["token"], {"sold": 0.0, "for": 0.0})
        total["sold"] += sale["sold"]
        total["for"] += sale["for"]
    ended = standing.ended
    left = ended["left"] if ended is not None else {}
    return {
        "state": "selling" if standing.controls.flatten else "called off" if ended is None else "done",
        "clean": ended is not None and ended["clean"],
        "quote": network.quote,
        "sold": totals,
        "left": {
            token: {"amount": valuation.whole(int(amount), token, network), "why": why}
            for token, (amount, why) in left.items()
        },
        "sales": sales,
    }
