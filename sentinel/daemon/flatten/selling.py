"""The cycle that runs while everything is being sold (`stop --flatten`), in place of the one that trades.

The same market, toolkit, policy, executor and journal; only who proposes and how one proposal is voted for differ. When
nothing more can be sold the sale is over, which is journaled with a pause, and the daemon stops.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sentinel.core import valuation
from sentinel.core.decision import Decision
from sentinel.core.market_state import Head, MarketState
from sentinel.core.network import Network
from sentinel.core.ports import Executor, Market
from sentinel.core.record import CycleRecord
from sentinel.core.simulation import Simulation
from sentinel.core.transaction import Outcome, Settled
from sentinel.cycle import Cycle
from sentinel.daemon.assemble import builder
from sentinel.daemon.daemon import Runner
from sentinel.daemon.flatten.flatten import Seller
from sentinel.daemon.parts import Parts
from sentinel.decide.controls import FLATTEN, Purpose
from sentinel.decide.vote import vote
from sentinel.journal.journal import Journal
from sentinel.observe.logs import Log

SHOWN = 500  # sales that a report holds at most


@dataclass(slots=True)
class Selling:
    """A `Runner` of the daemon; `settled` is one of its observers."""

    trade: Runner  # while nothing is to be sold
    sell: Runner
    seller: Seller
    journal: Journal
    log: Log
    stop: Callable[[], None]
    _since: int | None = None  # the order that the seller works on

    @classmethod
    def of(
        cls, parts: Parts, market: Market, executor: Executor, trade: Runner, log: Log, stop: Callable[[], None]
    ) -> Selling:
        seller = Seller(
            parts.network,
            builder(parts.settings, parts.network, {}),
            parts.limits,
            lambda: parts.journal.spent_today(time.time()),
        )
        sell = Cycle(
            market=market,
            analyst=seller,
            trader=seller,
            toolkit=parts.toolkit,
            policy=parts.policy,
            vote=_alone,
            executor=executor,
            journal=parts.journal,
            samples=lambda: 1,
            newest=lambda: parts.latest.value,
            disputed=lambda: parts.rpc.disputed,
            stopping=lambda: parts.health.stopping,
            purpose=Purpose.SALE,
        )
        return cls(trade, sell, seller, parts.journal, log, stop)

    async def run(self, head: Head) -> CycleRecord:
        standing = self.journal.standing
        if not standing.orders.flatten:
            return await self.trade.run(head)
        if standing.since != self._since:
            self._since = standing.since
            self.seller.begin()
        record = await self.sell.run(head)
        self.seller.judged(record)
        if self.seller.finished and standing.orders.flatten:
            left = {symbol: (self.seller.held[symbol], left.why) for symbol, left in self.seller.left.items()}
            standing.flattened(left, clean=self.seller.clean)
            self.log.warning("flatten.done", left=left, meaning="trading stays paused until it is resumed")
            self.stop()
        return record

    def settled(self, settled: Settled) -> None:
        self.seller.settled(settled)


def _alone(ballots: Sequence[Simulation], asked: int, state: MarketState) -> Decision:
    """One proposal, of no sampling: it goes on where policy let it through."""
    return vote(ballots, asked=asked, quorum_bps=0)


def report(journal: Journal, network: Network) -> dict[str, Any] | None:
    """The last sale, JSON-ready, from the journal alone; None where there never was one. Whole tokens."""
    standing = journal.standing
    if (since := standing.since) is None:
        return None
    sales: list[dict[str, Any]] = []
    for trade in reversed(journal.trades(SHOWN, after=since)):
        if trade.source != FLATTEN:
            continue
        done = trade.settled if trade.settled and trade.settled.outcome is Outcome.CONFIRMED else None
        got = done.realised.get(trade.token_out, 0) if done else 0
        sales.append(
            {
                "intent": trade.intent_id,
                "state": trade.state,
                "ended": trade.settled is not None,
                "token": trade.token_in,
                "sold": valuation.whole(trade.gross if done else 0, trade.token_in, network),
                "for": valuation.whole(got, trade.token_out, network),
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
        "state": "selling" if standing.orders.flatten else "called off" if ended is None else "done",
        "clean": ended is not None and ended["clean"],
        "quote": network.quote,
        "sold": totals,
        "left": {
            token: {"amount": valuation.whole(int(amount), token, network), "why": why}
            for token, (amount, why) in left.items()
        },
        "sales": sales,
    }
