"""The executor of a dry run with a paper wallet: it sends nothing, and measures each trade at the next head.

The trade is simulated once more upon the next head, as a real one would be mined after its decision. What that gives,
its gas included, is what the paper wallet gains and loses.
"""

from __future__ import annotations

from collections.abc import Callable

from sentinel.core import gas
from sentinel.core.decision import Act
from sentinel.core.errors import Refused
from sentinel.core.market_state import Head, MarketState
from sentinel.core.ports import Toolkit
from sentinel.core.simulation import Simulation
from sentinel.core.transaction import Intent, Outcome, Settled
from sentinel.execute.dry_run import DryRunExecutor
from sentinel.journal.journal import Journal

Filled = Callable[[Intent, Settled], None]


class PaperExecutor(DryRunExecutor):
    """NOTE: a trade whose next head does not come before the process ends is not filled."""

    def __init__(self, journal: Journal, toolkit: Toolkit, filled: Filled) -> None:
        super().__init__(journal)
        self._toolkit = toolkit
        self._filled = filled
        self._state: MarketState | None = None  # that the last intent was decided on
        self._open: Intent | None = None

    @property
    def open_intent(self) -> Intent | None:
        return self._open

    async def prepare(self, decision: Act, state: MarketState) -> Intent:
        self._state = state
        return await super().prepare(decision, state)

    async def execute(self, intent: Intent) -> None:
        await super().execute(intent)
        self._open = intent

    async def on_head(self, head: Head) -> Settled | None:
        """Fill the open trade at the first head after its decision. Raises Unavailable: the next head tries again.

        Returns None always: nothing was mined, so nobody is told that a transaction has settled.
        """
        intent, state = self._open, self._state
        if intent is None or state is None or head.number <= state.head.number:
            return None
        try:
            measured, *_ = await self._toolkit.confirm(intent, head, state)
        except Refused:  # a contract of the trade has changed: no such trade would be signed
            self._open = None
            return None
        settled = measured_at(intent, head, measured)
        self._journal.paper.fill(intent, settled)
        self._open = None
        self._filled(intent, settled)
        return None


def measured_at(intent: Intent, head: Head, simulation: Simulation) -> Settled:
    """The settlement that this simulation upon `head` amounts to. It counts as of `head`."""
    cost = gas.cost(simulation.gas_used, gas.price(simulation.env), simulation.data_fee)
    reverted = simulation.revert is not None
    return Settled(
        intent_id=intent.id,
        outcome=Outcome.REVERTED if reverted else Outcome.CONFIRMED,
        tx_hash=None,
        block_number=head.number,
        gas_used=simulation.gas_used,
        gas_cost=cost,
        realised={} if reverted else {symbol: change for symbol, change in simulation.deltas.items() if change},
        block_hash=head.hash,
        mined_at=head.timestamp,
    )
