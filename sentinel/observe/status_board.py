"""The status of a running daemon: counts, the last cycle, and events for open pages.

Each daemon has one board. The status page and `sentinel status` read it. It forgets at a restart: what must last is in
the journal. All values are JSON-ready.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from typing import Any

from sentinel.core import valuation
from sentinel.core.age import Age
from sentinel.core.decision import Act
from sentinel.core.market_state import Head
from sentinel.core.network import Network
from sentinel.core.record import CycleRecord
from sentinel.core.transaction import Settled
from sentinel.observe import plain_words
from sentinel.observe.web.live_events import LiveEvents


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
        self._last: tuple[int, str] | None = None  # block and decision of the last cycle
        self._equity: float | None = None
        self._positions: dict[str, dict[str, float]] = {}
        self._web: str | None = None
        self.live = LiveEvents()

    @property
    def web(self) -> str | None:
        """Address of the status page; None until it listens."""
        return self._web

    def listens(self, web: str) -> None:
        self._web = web

    def head_seen(self, head: Head) -> None:
        self._head = head
        self.live.publish("head", {"number": head.number, "timestamp": head.timestamp})

    def stage_began(self, stage: str) -> None:
        """A stage of the running cycle has begun."""
        self.live.publish("stage", {"stage": stage})

    def observe(self, record: CycleRecord) -> None:
        decided = record.decision
        self._kinds["act" if isinstance(decided, Act) else "hold"] += 1
        self._last = record.head.number, plain_words.told(record, self._network)
        if record.state is not None:
            state = record.state
            values = valuation.positions(state.balances, state.prices, self._network)
            self._positions = {
                symbol: {"amount": valuation.whole(state.balances[symbol], symbol, self._network), "worth": value}
                for symbol, value in values.items()
            }
            self._equity = sum(values.values())
        self.live.publish("cycle", {"block": record.head.number, "act": isinstance(decided, Act)})

    def observe_settled(self, settled: Settled) -> None:
        self._outcomes[settled.outcome.value] += 1
        self.live.publish("settled", {"intent": settled.intent_id, "outcome": settled.outcome.value})

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
            "equity": self._equity,
            "web": self._web,
        }

    def line(self) -> str:
        """Head, position and last decision, for `systemctl status`."""
        block, decided = self._last or (None, "")
        held = ", ".join(
            f"{item['amount']:,.6g} {symbol}" for symbol, item in self._positions.items() if item["amount"]
        )
        parts = ["no block yet" if block is None else f"block {block}", held, decided]
        return " | ".join(part for part in parts if part)
