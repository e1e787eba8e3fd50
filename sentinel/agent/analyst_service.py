"""The analyst's seat in the daemon: a model looks at the market beside the cycles, and a cycle takes what it has.

An analysis begins when a cycle is done and is given up when the next one begins before it ends, so that no cycle waits
for it or shares the model with it. A view is in force until the block that it names; a new one is asked for a quarter
of that time before. Where none is in force the operator's own shares stand in, or the cycle holds, as the operator
chose.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace

import structlog

from sentinel.agent.analyst import ModelAnalyst, SettingsAnalyst
from sentinel.agent.dex_interface import Builder, Quoter
from sentinel.agent.episode import CodeRunner, Sampler
from sentinel.agent.memory_interface import Memory
from sentinel.agent.model import Sampling, StudentModel
from sentinel.agent.view_bounds import ViewBounds
from sentinel.config import terms
from sentinel.config.settings import Settings
from sentinel.core.errors import NoView, SettingsError, Unavailable
from sentinel.core.market_state import MarketState, MarketView
from sentinel.core.network import Network
from sentinel.core.record import CycleRecord

log = structlog.get_logger("sentinel.analyst")


@dataclass(slots=True)
class AnalystService:
    """A service of the daemon, and an observer of its cycles."""

    look: Callable[[MarketState], Awaitable[MarketView]]  # raises Unavailable
    standing: SettingsAnalyst
    bounds: ViewBounds
    every: int  # blocks that a view is valid
    hold_without: bool = False  # no view in force: raise NoView; else the standing shares
    min_confidence: float = 0.0  # a view below it is not taken
    observer: Callable[[str], None] = lambda fate: None  # "taken", "bounded", "unsure", "failed"
    _latest: MarketView | None = None
    _task: asyncio.Task[None] | None = None
    _stopped: bool = field(default=False)

    def view(self, state: MarketState) -> MarketView:
        """At once; an analysis that is still under way is given up, for the model is the trader's now: vLLM's CPU build
        garbles a base's answer that shares a batch with an adapter's. Raises NoView."""
        if self._task is not None:
            self._task.cancel()
        if (held := self._in_force(state.head.number)) is not None:
            return held
        if self.hold_without:
            last = self._latest.valid_until if self._latest is not None else None
            raise NoView("none was given yet" if last is None else f"the last one was valid until block {last}")
        return self.standing.view(state)

    def cycle_done(self, record: CycleRecord) -> None:
        """Begins an analysis of the cycle's own state where one is due and none is under way."""
        if record.state is None or self._stopped or (self._task is not None and not self._task.done()):
            return
        held = self._in_force(record.head.number)
        if held is None or record.head.number >= held.valid_until - max(1, self.every // 4):
            self._task = asyncio.create_task(self._look(record.state), name="analyst")

    async def start(self) -> None:
        pass

    async def stop(self) -> None:
        self._stopped = True
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    async def _look(self, state: MarketState) -> None:
        """Whatever fails, the daemon does not: the last view stays in force as long as it said."""
        try:
            found = await self.look(state)
        except Unavailable as error:
            self.observer("failed")
            log.warning("analyst.no_view", block=state.head.number, error=f"{type(error).__name__}: {error}"[:300])
            return
        except Exception as error:
            self.observer("failed")
            log.exception("analyst.failed", block=state.head.number, error=type(error).__name__)
            return
        if found.confidence < self.min_confidence:
            self.observer("unsure")
            log.info(
                "analyst.low_confidence", block=state.head.number, regime=found.regime, confidence=found.confidence
            )
            return
        before = self._in_force(state.head.number) or self.standing.view(state)
        weights = self.bounds.clamp(found.target_weights, before.target_weights)
        bounded = any(weights.get(name, 0) != share for name, share in found.target_weights.items())
        self.observer("bounded" if bounded else "taken")
        log.info(
            "analyst.view",
            block=state.head.number,
            valid_until=found.valid_until,
            regime=found.regime,
            confidence=found.confidence,
            weights=weights,
            bounded=bounded,
            source=found.source,
        )
        self._latest = replace(found, target_weights=weights)

    def _in_force(self, block: int) -> MarketView | None:
        held = self._latest
        return held if held is not None and block <= held.valid_until else None


def analyst_model(settings: Settings) -> StudentModel:
    """One endpoint serves both roles: the analyst is another model name there. NOTE: its requests are not observed,
    since the metrics of the model are those of the cycles. Raises SettingsError for live trading: what an adapter in
    the server does to the base's answers is not understood (docs/roles.md)."""
    if settings.execution.mode == "live":
        raise SettingsError(
            "SENTINEL_ANALYST__SOURCE=model is for dry runs: a server with adapters was seen to change the trader's "
            "answers. Set it to `settings`, or SENTINEL_EXECUTION__MODE to `dry`"
        )
    given, role = settings.model, settings.analyst
    sampling = Sampling(0.0 if role.samples == 1 else given.temperature, given.top_p, given.max_tokens, given.seed)
    return StudentModel(given.url, role.name, sampling, timeout=role.timeout, api_key_file=given.api_key_file)


def analyst_service(
    settings: Settings,
    network: Network,
    sampler: Sampler,
    sandbox: CodeRunner,
    quoter: Quoter,
    builder: Builder,
    memory: Memory,
    observer: Callable[[str], None],
) -> AnalystService:
    """A model analyst on the trader's sandbox, builder and memory, with every venue and a prompt of its own.

    Raises SettingsError where the operator's bounds leave the standing weights no place.
    """
    given, standing = settings.analyst, SettingsAnalyst(settings.strategy.target_weights)
    least, most = terms.weight_bounds(settings, network)
    analyst = ModelAnalyst(
        sampler=sampler,
        sandbox=sandbox,
        network=network,
        quoter=quoter,
        builder=builder,
        brief=terms.brief(settings),
        standing=standing,
        valid_for=given.valid_blocks,
        n=given.samples,
        max_steps=settings.model.max_steps,
        timeout=given.timeout,
        memory=memory,
    )
    return AnalystService(
        analyst.look,
        standing,
        ViewBounds(given.max_step_bps, least, most),
        given.valid_blocks,
        hold_without=given.fallback == "hold",
        min_confidence=given.min_confidence,
        observer=observer,
    )
