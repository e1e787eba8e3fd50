"""A student in shadow: a sidecar that decides on live blocks and is scored. It can neither sign nor send.

It gets a block after the live cycle has finished it, with what the approved order saw and did there, so that it never
asks the live order's player about an old block. Its fork and sandbox are its own, so no cycle waits for it. A newer
block replaces one that still waits. Failures are counted and recorded. Decisions are written only to a file
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
from sentinel.agent.kept_programs import KeptPrograms
from sentinel.agent.model import Sampling, StudentModel
from sentinel.agent.order_code import OrderRunner
from sentinel.agent.order_program_trader import OrderProgramTrader
from sentinel.agent.order_trader import OrderTrader
from sentinel.agent.sandbox import Sandbox
from sentinel.core.actions import Proposal
from sentinel.core.decision import Act, Decision
from sentinel.core.errors import SettingsError
from sentinel.core.market_state import MarketState, MarketView
from sentinel.core.record import CycleRecord, PlayedOrder
from sentinel.core.spent import Spent
from sentinel.daemon.parts import Parts
from sentinel.decide.policy import Policy
from sentinel.dex.simulating.fork import Fork
from sentinel.dex.toolkit import DexToolkit
from sentinel.distill.promotion.agreement import agrees
from sentinel.distill.promotion.shadow_log import FILE, ShadowBlock, append
from sentinel.observe.logs import Log
from sentinel.orders.playing.situation import Situation
from sentinel.orders.playing.standing import restored

BUDGET = 10.0  # seconds per block, in addition to the timeout of the episode
NOTHING_SPENT = Spent(0, 0)  # the day's totals belong to the live student


@dataclass(frozen=True, slots=True)
class _ShadowDesk:
    """What the student in shadow decides with."""

    programs: KeptPrograms
    runner: OrderRunner
    toolkit: DexToolkit


@dataclass(frozen=True, slots=True)
class _SeenCycle:
    """A cycle in which programs of the approved order were run."""

    record: CycleRecord
    state: MarketState
    view: MarketView
    proposal: Proposal
    trader: OrderProgramTrader  # the live one
    played: PlayedOrder
    situation: Situation | None  # what the order saw


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

    def cycle_done(self, record: CycleRecord) -> None:
        """Take the cycle as the next one to decide on, unless no programs of an order were run in it."""
        state, view, proposal, trader = record.state, record.view, record.proposal, self._parts.trader
        if state is None or view is None or proposal is None or record.played is None:
            return
        if not isinstance(trader, OrderProgramTrader) or proposal.source != trader.source:
            return  # another trader, or the daemon sold for the operator
        if record.played.order_hash != trader.order.hash:
            return  # another order is in force since
        if self._waiting is not None:
            self._parts.metrics.shadow("skipped")
        situation = trader.order.situation(state)  # known: this block is the last that the order was played on
        self._waiting = _SeenCycle(record, state, view, proposal, trader, record.played, situation)
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
        async with contextlib.AsyncExitStack() as stack:
            sandbox = stack.enter_context(Sandbox(workers=2))
            sampler = await stack.enter_async_context(self._model)
            fork = await stack.enter_async_context(
                Fork(
                    parts.network,
                    settings.rpc.url,
                    anvil=settings.fork.anvil_path or None,
                    timeout=settings.fork.timeout,
                    log=settings.state_dir.expanduser() / "shadow-fork.log",
                )
            )
            programs = KeptPrograms(sampler, settings.model.resample)
            yield _ShadowDesk(programs, OrderRunner.on(sandbox), DexToolkit(parts.network, fork))

    async def _block(self, seen: _SeenCycle, desk: _ShadowDesk) -> None:
        started, failed, decision, right = time.perf_counter(), "", None, None
        try:
            async with asyncio.timeout(seen.trader.timeout + BUDGET):
                decision = await self._decide(seen, desk)
                right = await self._right(seen, desk)
        except Exception as error:  # of any part: the live cycle must never see it
            failed, decision = type(error).__name__, None
            self._log.warning("shadow.failed", error=f"{failed}: {error}"[:300])
        seconds = round(time.perf_counter() - started, 3)
        block = self._scored(seen, decision, right, failed, seconds)
        await asyncio.to_thread(append, self._path, block)
        self.blocks += 1
        self._parts.metrics.shadow("failed" if failed else "agreed" if block.agrees else "differed")

    async def _decide(self, seen: _SeenCycle, desk: _ShadowDesk) -> Decision:
        """What the student decides."""
        order = replace(seen.trader.order, situation=lambda state: seen.situation)
        trader = replace(seen.trader, order=order, programs=desk.programs, runner=desk.runner)
        proposal = await trader.propose(seen.state, seen.view, self._parts.settings.model.samples)
        return await self._voted(seen, desk, proposal)

    async def _right(self, seen: _SeenCycle, desk: _ShadowDesk) -> Decision:
        """What the order says."""
        player = OrderTrader(lambda state: restored(seen.played), seen.trader.quoter, seen.trader.builder)
        return await self._voted(seen, desk, await player.propose(seen.state, seen.view, 1))

    async def _voted(self, seen: _SeenCycle, desk: _ShadowDesk, proposal: Proposal) -> Decision:
        """The decision on a proposal like that of a cycle, up to the vote."""
        simulations = await desk.toolkit.simulate_all(seen.state, proposal.candidates)
        ballots, _ = self._policy(seen).screen(simulations, seen.state, NOTHING_SPENT)
        return self._parts.vote(ballots, proposal.asked, seen.state)

    def _policy(self, seen: _SeenCycle) -> Policy:
        """The policy in force, with what the order did at this block."""
        terms, order = self._parts.terms, seen.trader.order
        return Policy(
            terms.network,
            terms.limits,
            plays=lambda state: restored(seen.played),
            order_tolerance_bps=terms.order_tolerance_bps,
            order_cost_bps=order.cost_bps,
            order_max_trade=order.max_trade,
        )

    def _scored(
        self, seen: _SeenCycle, decision: Decision | None, right: Decision | None, failed: str, seconds: float
    ) -> ShadowBlock:
        live = seen.record.decision

        def same(one: Decision | None, other: Decision | None) -> bool:
            if one is None or other is None:
                return False
            return agrees(one, other, lambda pair, asked: self._parts.vote(pair, asked, seen.state))

        return ShadowBlock(
            at=round(time.time(), 3),
            student=self._name,
            live=seen.proposal.source,
            block=seen.state.head.number,
            hash=seen.state.head.hash,
            order=seen.played.order_hash,
            failed=failed,
            agrees=same(decision, live),
            right=same(decision, right),
            live_right=same(live, right),
            decision="" if decision is None else "act" if isinstance(decision, Act) else decision.reason,
            seconds=seconds,
        )
