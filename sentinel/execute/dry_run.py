"""The executor of a dry run: it has the live executor's interface, but no key, and sends nothing."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable

from sentinel.core.actions import Approve, Swap
from sentinel.core.decision import Act
from sentinel.core.errors import Refused
from sentinel.core.market_state import Head, MarketState
from sentinel.core.transaction import Intent, Settled
from sentinel.journal.journal import Journal
from sentinel.journal.states import State


class DryRunExecutor:
    def __init__(self, journal: Journal, clock: Callable[[], float] = time.time) -> None:
        self._journal = journal
        self._clock = clock

    @property
    def open_intent(self) -> Intent | None:
        return None

    async def prepare(self, decision: Act, state: MarketState) -> Intent:
        """An intent with the screened bytes, without a signed permit. Raises Refused if there is no transaction."""
        simulation = decision.simulation
        action = simulation.candidate.action
        if simulation.tx is None or not isinstance(action, Swap | Approve):
            raise Refused("action", f"{type(action).__name__} is no transaction")
        return Intent(
            id=secrets.token_hex(16),
            decision=decision,
            tx=simulation.tx,
            signed=False,
            env=simulation.env,
            deadline=action.deadline if isinstance(action, Swap) else action.expiry,
            created_at=int(self._clock()),
        )

    async def execute(self, intent: Intent) -> None:
        """Record the intent as `dry` in the journal."""
        self._journal.transition(intent.id, State.DRY)

    async def on_head(self, head: Head) -> Settled | None:
        return None
