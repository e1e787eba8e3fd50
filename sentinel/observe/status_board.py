"""The status of a running daemon: counts, the last cycles in plain words, and equity over time.

Each daemon has one board. The status page, `sentinel status` and the demo's table read it. All values are JSON-ready.
"""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable
from typing import Any

from sentinel.core import valuation
from sentinel.core.age import Age
from sentinel.core.decision import Act
from sentinel.core.market_state import Head
from sentinel.core.network import Network
from sentinel.core.record import CycleRecord
from sentinel.core.simulation import Simulation
from sentinel.core.transaction import Settled
from sentinel.observe import plain_words

KEPT_CYCLES = 50  # the same number of trades
KEPT_EQUITY = 720  # points of the sparkline


class Board:
    def __init__(self, network: Network, *, clock: Callable[[], float] = time.time, **facts: object) -> None:
        """`facts` never change, such as version, mode and wallet."""
        self._network = network
        self._clock = clock
        self._facts = facts
        self._started = clock()
        self._head: Head | None = None
        self._kinds: Counter[str] = Counter()
        self._outcomes: Counter[str] = Counter()
        self._cycles: deque[dict[str, Any]] = deque(maxlen=KEPT_CYCLES)
        self._trades: deque[dict[str, Any]] = deque(maxlen=KEPT_CYCLES)
        self._equity: deque[float] = deque(maxlen=KEPT_EQUITY)
        self._positions: dict[str, dict[str, float]] = {}
        self._web: str | None = None

    @property
    def web(self) -> str | None:
        """Address of the status page; None until it listens."""
        return self._web

    def listens(self, web: str) -> None:
        self._web = web

    def head_seen(self, head: Head) -> None:
        self._head = head

    def observe(self, record: CycleRecord) -> None:
        decided = record.decision
        self._kinds["act" if isinstance(decided, Act) else "hold"] += 1
        self._cycles.append(
            {
                "block": record.head.number,
                "at": record.head.timestamp,
                "kind": "act" if isinstance(decided, Act) else "hold",
                "words": plain_words.told(record, self._network),
                "votes": decided.votes,
                "asked": decided.asked,
                "seconds": round(record.timings.get("total", 0.0), 4),
                "intent": record.intent_id,
            }
        )
        if record.state is not None:
            state = record.state
            values = valuation.positions(state.balances, state.prices, self._network)
            self._positions = {
                symbol: {"amount": valuation.whole(state.balances[symbol], symbol, self._network), "worth": value}
                for symbol, value in values.items()
            }
            self._equity.append(sum(values.values()))

    def observe_settled(self, settled: Settled, simulation: Simulation | None, shortfall_bps: float | None) -> None:
        self._outcomes[settled.outcome.value] += 1
        self._trades.append(
            {
                "intent": settled.intent_id,
                "outcome": settled.outcome.value,
                "tx": settled.tx_hash,
                "block": settled.block_number,
                "words": plain_words.action(simulation.candidate.action, self._network) if simulation else "",
                "shortfall_bps": shortfall_bps,
            }
        )

    def status(self) -> dict[str, Any]:
        """Facts and figures. The daemon adds its state, the halt, the open intent and the health checks."""
        now = self._clock()
        return {
            **self._facts,
            "network": self._network.name,
            "chain_id": self._network.chain_id,
            "quote": self._network.quote,
            "uptime_seconds": round(now - self._started, 1),
            "head": None if self._head is None else {"number": self._head.number, "hash": self._head.hash},
            "head_age_seconds": None if self._head is None else round(Age.at(now, self._head.timestamp).seconds, 1),
            "cycles": sum(self._kinds.values()),
            "acts": self._kinds["act"],
            "holds": self._kinds["hold"],
            "transactions": dict(self._outcomes),
            "positions": self._positions,
            "equity": self._equity[-1] if self._equity else None,
            "web": self._web,
        }

    def line(self) -> str:
        """Head, position and last decision, for `systemctl status`."""
        last = self._cycles[-1] if self._cycles else None
        held = ", ".join(
            f"{item['amount']:,.6g} {symbol}" for symbol, item in self._positions.items() if item["amount"]
        )
        parts = [f"block {last['block']}" if last else "no block yet", held, last["words"] if last else ""]
        return " | ".join(part for part in parts if part)

    def recent(self) -> list[dict[str, Any]]:
        """Cycles, newest first."""
        return list(reversed(self._cycles))

    def trades(self) -> list[dict[str, Any]]:
        return list(reversed(self._trades))

    def equity(self) -> list[float]:
        """Oldest first, quote tokens."""
        return list(self._equity)
