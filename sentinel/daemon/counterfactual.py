"""What the losing candidates would have brought in place of a settled trade, journaled for distillation.

This is best effort, outside the cycles. One settlement is handled at a time, right after a cycle has ended, because the
fork is then idle until the next cycle's model has answered. A settlement that fails or takes too long is skipped.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import replace

from sentinel.chain.heads import heads_by_number
from sentinel.chain.history import BlockCloses
from sentinel.chain.market_reader import MarketReader
from sentinel.chain.rpc import JsonRpc
from sentinel.core.actions import HoldAction
from sentinel.core.decision import Act
from sentinel.core.errors import SentinelError
from sentinel.core.market_state import MarketState
from sentinel.core.network import NATIVE, Network
from sentinel.core.ports import Market, Toolkit
from sentinel.core.record import CycleRecord
from sentinel.core.simulation import Simulation
from sentinel.core.transaction import Counterfactual, Outcome, Settled
from sentinel.core.valuation import gain, reference_prices, value
from sentinel.daemon.parts import Parts
from sentinel.dex.venues.registry import READERS
from sentinel.journal.journal import Journal
from sentinel.observe.logs import Log

MAX_QUEUED = 4  # settlements that may wait; a new one then replaces the oldest
MAX_LOSERS = 16  # distinct losing actions
BUDGET = 2.0  # seconds for one settlement


class Counterfactuals:
    """A service of the daemon that observes its settlements and cycles."""

    def __init__(
        self, rpc: JsonRpc, network: Network, market: Market, toolkit: Toolkit, journal: Journal, log: Log
    ) -> None:
        """`market` must be a separate reader: it reads past blocks, which must not enter the daemon's price history."""
        self._rpc = rpc
        self._network = network
        self._market = market
        self._toolkit = toolkit
        self._journal = journal
        self._log = log
        self.waiting: deque[Settled] = deque(maxlen=MAX_QUEUED)
        self.busy = False
        self._idle = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @classmethod
    def of(cls, parts: Parts, log: Log) -> Counterfactuals:
        floor, cap = parts.terms.fee_floor, parts.limits.max_priority_fee
        history = BlockCloses(1)
        market = MarketReader(
            parts.rpc, parts.network, parts.wallet, READERS, history, min_priority_fee=floor, max_priority_fee=cap
        )
        return cls(parts.rpc, parts.network, market, parts.toolkit, parts.journal, log)

    def settled(self, settled: Settled) -> None:
        if settled.outcome in (Outcome.CONFIRMED, Outcome.REVERTED) and settled.block_number:
            self.waiting.append(settled)

    def cycle_done(self, _: CycleRecord) -> None:
        self._idle.set()

    async def start(self) -> None:
        self._task = asyncio.create_task(self._work(), name="counterfactuals")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    async def _work(self) -> None:
        while True:
            await self._idle.wait()
            self._idle.clear()
            if not self.waiting:
                continue
            settled, self.busy = self.waiting.popleft(), True
            try:
                async with asyncio.timeout(BUDGET):
                    counterfactual = await self.weigh(settled)
                if counterfactual is not None:
                    self._journal.counterfactual(counterfactual)
            except (SentinelError, TimeoutError) as error:
                self._log.warning("counterfactual.failed", intent=settled.intent_id, error=str(error) or "too slow")
            finally:
                self.busy = False

    async def weigh(self, settled: Settled) -> Counterfactual | None:
        """Simulate the losers on the parent of the settled trade's block.

        Returns None if there was no other candidate, or if no cycle decided the intent. Raises Unavailable.
        """
        try:
            record = self._journal.get_cycle(settled.intent_id)
        except KeyError:  # an approval
            return None
        losers = _losers(record)
        if not losers or not settled.block_number or not isinstance(record.decision, Act):
            return None
        (parent,) = await heads_by_number(self._rpc, [settled.block_number - 1])
        state = await self._market.read(parent)
        winner, *simulations = await self._toolkit.simulate_all(
            state, [record.decision.simulation.candidate, *(losing.candidate for losing in losers)]
        )
        prices = reference_prices(state)
        realised = dict(settled.realised)
        realised[NATIVE] = realised.get(NATIVE, 0) - settled.gas_cost
        return Counterfactual(
            intent_id=settled.intent_id,
            block_number=settled.block_number,
            parent_hash=parent.hash,
            simulations=tuple(replace(simulation, logs=()) for simulation in simulations),
            values=tuple(self._value(simulation, state) for simulation in simulations),
            winner=self._value(winner, state),
            realised=value(realised, prices, self._network),
        )

    def _value(self, simulation: Simulation, state: MarketState) -> int | None:
        """The gain in base units of the quote token, gas paid at base fee plus priority fee; None if it reverts."""
        if simulation.revert is not None:
            return None
        return gain(simulation, reference_prices(state), self._network)


def _losers(record: CycleRecord) -> list[Simulation]:
    """One simulation for each distinct action that was not taken, in the order of the candidates.

    Holds are left out, because their value is known without a simulation.
    """
    if not isinstance(record.decision, Act):
        return []
    seen = {record.decision.simulation.candidate.action}
    losers = []
    for simulation in record.simulations:
        action = simulation.candidate.action
        if action not in seen and not isinstance(action, HoldAction):
            seen.add(action)
            losers.append(simulation)
    return losers[:MAX_LOSERS]
