"""A student in shadow: a sidecar that decides on live blocks and is scored. It can neither sign nor send.

It gets a block after the live cycle has finished it. Its fork, sandbox and memory are its own, so no cycle waits for
it. A newer block replaces one that still waits. Failures are counted and recorded. Decisions are written only to a file
(shadow_log.py).
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace

from sentinel.agent.episode import Sampler
from sentinel.agent.memory import JournalMemory
from sentinel.agent.model import Sampling, StudentModel
from sentinel.agent.sandbox import Sandbox
from sentinel.agent.tools import Toolbox
from sentinel.agent.trader import ModelTrader
from sentinel.core.actions import Proposal
from sentinel.core.decision import Act, Decision
from sentinel.core.errors import OperatorError, SettingsError
from sentinel.core.mandate import Mandate, Spent
from sentinel.core.market_state import MarketState, MarketView
from sentinel.core.record import CycleRecord
from sentinel.daemon.files import JOURNAL
from sentinel.daemon.parts import Parts
from sentinel.decide.operator_controls import FLATTEN
from sentinel.dex.simulating.fork import Fork
from sentinel.dex.toolkit import DexToolkit
from sentinel.distill.promotion.shadow_log import FILE, ShadowBlock, append
from sentinel.distill.states.action_value import best, value
from sentinel.distill.states.oracle_agreement import agrees
from sentinel.observe.logs import Log

MEMORY = "shadow-memory.sqlite3"  # in the state directory; it may be deleted
BUDGET = 10.0  # seconds per block, in addition to the timeout of the episode
NOTHING_SPENT = Spent(0, 0)  # the day's totals belong to the live student


@dataclass(frozen=True, slots=True)
class _ShadowDesk:
    """The trader and the toolkit of the student in shadow."""

    trader: ModelTrader
    toolkit: DexToolkit


@dataclass(frozen=True, slots=True)
class _SeenCycle:
    """A cycle that got as far as a proposal."""

    record: CycleRecord
    state: MarketState
    view: MarketView
    proposal: Proposal


class Shadow:
    """A sidecar of the daemon that observes its cycles."""

    def __init__(self, parts: Parts, log: Log, model: AbstractAsyncContextManager[Sampler]) -> None:
        self._parts, self._log, self._model = parts, log, model
        self._path = parts.settings.state_dir.expanduser() / FILE
        self._name = parts.settings.shadow.name
        self._waiting: _SeenCycle | None = None
        self._came = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.blocks = 0  # recorded

    @classmethod
    def of(cls, parts: Parts, log: Log) -> Shadow:
        """The shadow with the live student's sampling settings. Raises SettingsError."""
        if not parts.settings.asks_model:
            raise SettingsError("SENTINEL_SHADOW__URL: the proposer asks no model to compare with")
        live, shadow = parts.settings.model, parts.settings.shadow
        sampling = Sampling(live.temperature, live.top_p, live.max_tokens, live.seed)
        model = StudentModel(shadow.url, shadow.name, sampling, timeout=live.timeout, api_key_file=shadow.api_key_file)
        return cls(parts, log, model)

    @property
    def _trader(self) -> ModelTrader:
        """The live student's trader, of the settings and the order in force. Raises OperatorError."""
        if not isinstance(trader := self._parts.trader, ModelTrader) or trader.mandate is None:
            raise OperatorError("no model proposes for the order in force")
        return trader

    @property
    def _mandate(self) -> Mandate:
        mandate = self._trader.mandate
        assert mandate is not None
        return mandate

    def cycle_done(self, record: CycleRecord) -> None:
        """Take the cycle as the next one to decide on, unless the live student did not decide in it."""
        if record.state is None or record.view is None or record.proposal is None:
            return  # the live student did not decide either
        if record.proposal.source == FLATTEN:
            return  # the live student was not asked: the daemon sold for the operator
        if not isinstance(trader := self._parts.trader, ModelTrader) or trader.mandate is None:
            return  # no model plays the order in force
        if self._waiting is not None:
            self._parts.metrics.shadow("skipped")
        self._waiting = _SeenCycle(record, record.state, record.view, record.proposal)
        self._came.set()

    async def start(self) -> None:
        self._task = asyncio.create_task(self._work(), name="shadow")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    async def _work(self) -> None:
        """Work on blocks without end. No error reaches the daemon; a failed start is tried again at the next block."""
        while True:
            await self._came.wait()
            try:
                async with self._opened() as desk:
                    while True:
                        await self._came.wait()
                        self._came.clear()
                        seen, self._waiting = self._waiting, None
                        if seen is not None:
                            await self._block(seen, desk)
            except Exception as error:
                self._came.clear()
                self._waiting = None
                self._parts.metrics.shadow("failed")
                self._log.warning("shadow.failed", error=f"{type(error).__name__}: {error}"[:300])

    @contextlib.asynccontextmanager
    async def _opened(self) -> AsyncIterator[_ShadowDesk]:
        parts, settings = self._parts, self._parts.settings
        home = settings.state_dir.expanduser()
        memory = JournalMemory(home / MEMORY, home / JOURNAL, parts.network)
        async with contextlib.AsyncExitStack() as stack:
            stack.callback(memory.close)
            sandbox = stack.enter_context(Sandbox(workers=2))
            sampler = await stack.enter_async_context(self._model)
            fork = await stack.enter_async_context(
                Fork(
                    parts.network,
                    settings.rpc.url,
                    anvil=settings.fork.anvil_path or None,
                    timeout=settings.fork.timeout,
                    log=home / "shadow-fork.log",
                )
            )
            trader = replace(self._trader, sampler=sampler, sandbox=sandbox, memory=memory)
            yield _ShadowDesk(trader, DexToolkit(parts.network, fork))

    async def _block(self, seen: _SeenCycle, desk: _ShadowDesk) -> None:
        started, failed, decision = time.perf_counter(), "", None
        try:
            async with asyncio.timeout(self._trader.timeout + BUDGET):
                decision = await self._decide(seen, desk)
        except Exception as error:  # of any part: the live cycle must never see it
            failed = type(error).__name__
            self._log.warning("shadow.failed", error=f"{failed}: {error}"[:300])
        seconds = round(time.perf_counter() - started, 3)
        block = await asyncio.to_thread(self._scored, seen, decision, failed, seconds)
        await asyncio.to_thread(append, self._path, block)
        self.blocks += 1
        self._parts.metrics.shadow("failed" if failed else "agreed" if block.agrees else "differed")

    async def _decide(self, seen: _SeenCycle, desk: _ShadowDesk) -> Decision:
        """Decide like a cycle, up to the vote."""
        proposal = await desk.trader.propose(seen.state, seen.view, self._parts.settings.model.samples)
        simulations = await desk.toolkit.simulate_all(seen.state, proposal.candidates)
        ballots, _ = self._parts.policy.screen(simulations, seen.state, NOTHING_SPENT)
        return self._parts.vote(ballots, proposal.asked, seen.state)

    def _scored(self, seen: _SeenCycle, decision: Decision | None, failed: str, seconds: float) -> ShadowBlock:
        trader, mandate, live = self._trader, self._mandate, seen.record.decision
        box = Toolbox(seen.state, seen.view, trader.network, trader.quoter, trader.builder, base=trader.base)

        def worth(what: Decision) -> float:
            return round(value(mandate, box, what.simulation), 6) if isinstance(what, Act) else 0.0

        return ShadowBlock(
            at=round(time.time(), 3),
            student=self._name,
            live=seen.proposal.source,
            block=seen.state.head.number,
            hash=seen.state.head.hash,
            playbook=mandate.playbook,
            failed=failed,
            agrees=decision is not None
            and agrees(decision, live, lambda pair, asked: self._parts.vote(pair, asked, seen.state)),
            oracle=0.0 if decision is None else round(best(mandate, box), 6),
            ours=0.0 if decision is None else worth(decision),
            theirs=0.0 if decision is None else worth(live),
            decision="" if decision is None else "act" if isinstance(decision, Act) else decision.reason,
            seconds=seconds,
        )
