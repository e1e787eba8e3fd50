"""The parts of a running daemon that an order reaches, on a journal of its own, for tests."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

from sentinel.config.settings import Settings, load
from sentinel.config.terms import Terms
from sentinel.daemon.approved_order import approved_order, read_order
from sentinel.daemon.latest import Latest
from sentinel.daemon.lifecycle import Lifecycle
from sentinel.daemon.operator.operations import Operator
from sentinel.daemon.operator.reload import Reloader
from sentinel.journal.journal import Journal
from sentinel.orders.playing.envelope import order_hash
from tests.attack.edges import Caught
from tests.decide import fair_market
from tests.decide.fair_market import HEAD, NETWORK

EARLIER = "Buy 100 USDC worth of WETH, every 1 hour. Keep 500 USDC."


@dataclass
class Daemon:
    """The parts of a running daemon that an order reaches, with EARLIER in force and journaled."""

    folder: Path
    journal: Journal
    caught: Caught
    given: Settings
    built: int = 0

    def __post_init__(self) -> None:
        order = read_order(EARLIER, NETWORK)
        self.journal.orders.order_set(EARLIER, EARLIER, order_hash(order), fair_market.NOW, {}, "operator")
        self.journal.orders.approved(order_hash(order), "operator", fair_market.NOW)
        force = self._build(self.given)
        parts: Any = SimpleNamespace(
            settings=self.given,
            lifecycle=Lifecycle(),
            force=Latest(force),
            journal=self.journal,
            network=NETWORK,
            latest=Latest(HEAD),
            market=SimpleNamespace(closes=SimpleNamespace(at=lambda head: {})),
            metrics=self.caught.metrics,
            trader=force.trader,
            build=self._build,
        )
        runner = cast(Any, SimpleNamespace())
        self.reloader = Reloader(
            parts, lambda: load(None), lambda _: runner, self.caught.errors.log, self.caught.errors
        )
        self.operator = Operator(parts, self.reloader, cast(Any, SimpleNamespace()), self.caught.errors.log)
        self.records = self.journal.verify()

    def _build(self, new: Settings) -> Any:
        order = approved_order(new, NETWORK, self.journal, cast(Any, None))
        self.built += 1
        trader = SimpleNamespace(source="oracle")
        return SimpleNamespace(terms=Terms.of(new, NETWORK), order=order, trader=trader, thought="none")

    def require_unchanged(self) -> None:
        """Nothing was journaled, nothing was built, and the earlier order stands."""
        assert self.journal.verify() == self.records
        assert self.built == 1
        assert self.reloader._next is None
        current = self.journal.orders.current()
        assert current is not None
        assert current.reading == EARLIER
        standing = self.operator.parts.force.value.order
        assert standing is not None
        assert standing.hash == current.hash
