"""The model analyst as a service of the daemon: it analyzes the market between cycles and gives each cycle its view.

An analysis starts when a cycle ends. It is cancelled if the next cycle starts before it is done, so that no cycle waits
for it or shares the model with it. A view is valid until the block that it names, and its successor is requested when a
quarter of that time is left. If no view is valid, the cycle uses the operator's target weights or holds, as the
operator chose.
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
    """A service of the daemon that also observes its cycles."""

    look: Callable[[MarketState], Awaitable[MarketView]]  # raises Unavailable
    standing: SettingsAnalyst  # the operator's target weights
    bounds: ViewBounds
    every: int  # blocks that a view is valid
    hold_without: bool = False  # without a valid view, raise NoView instead of using the operator's weights
    min_confidence: float = 0.0  # a view with less confidence is not used
    observer: Callable[[str], None] = lambda fate: None  # "taken", "bounded", "unsure", "failed"
    _latest: MarketView | None = None
    _failure: str = ""  # why the last analysis gave no view; empty if it gave one
    _task: asyncio.Task[None] | None = None
    _stopped: bool = field(default=False)

    def view(self, state: MarketState) -> MarketView:
        """The view for a cycle, without waiting. Raises NoView if none is valid and `hold_without` is set.

        A running analysis is cancelled because the trader uses the model now: vLLM's CPU build garbles a base model's
        answer that shares a batch with an adapter's.
        """
        if self._task is not None:
            self._task.cancel()
        if (view := self._in_force(state.head.number)) is not None:
            return view
        if self.hold_without:
            end = self._latest.valid_until if self._latest is not None else None
            why = "none was given yet" if end is None else f"the last one was valid until block {end}"
            raise NoView(f"{why}; {self._failure}" if self._failure else why)
        return self.standing.view(state)

    def cycle_done(self, record: CycleRecord) -> None:
        """Start an analysis of the cycle's state if one is due and none is running."""
        if record.state is None or self._stopped or (self._task is not None and not self._task.done()):
            return
        view = self._in_force(record.head.number)
        if view is None or record.head.number >= view.valid_until - max(1, self.every // 4):
            self._task = asyncio.create_task(self._look(record.state), name="analyst")

    async def start(self) -> None:
        pass

    async def stop(self) -> None:
        self._stopped = True
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    async def _look(self, state: MarketState) -> None:
        """Analyze `state`. An error is logged and never stops the daemon; the last view stays valid until its block."""
        try:
            view = await self.look(state)
        except Unavailable as error:
            self._failed(state, error)
            log.warning("analyst.no_view", block=state.head.number, error=f"{type(error).__name__}: {error}"[:300])
            return
        except Exception as error:
            self._failed(state, error)
            log.exception("analyst.failed", block=state.head.number, error=type(error).__name__)
            return
        if view.confidence < self.min_confidence:
            self._failure = (
                f"the view of block {state.head.number} has confidence {view.confidence:g}, "
                f"at least {self.min_confidence:g} is needed (SENTINEL_ANALYST__MIN_CONFIDENCE)"
            )
            self.observer("unsure")
            log.info("analyst.low_confidence", block=state.head.number, regime=view.regime, confidence=view.confidence)
            return
        before = self._in_force(state.head.number) or self.standing.view(state)
        weights = self.bounds.clamp(view.target_weights, before.target_weights)
        bounded = any(weights.get(name, 0) != share for name, share in view.target_weights.items())
        self.observer("bounded" if bounded else "taken")
        log.info(
            "analyst.view",
            block=state.head.number,
            valid_until=view.valid_until,
            regime=view.regime,
            confidence=view.confidence,
            weights=weights,
            bounded=bounded,
            source=view.source,
        )
        self._latest, self._failure = replace(view, target_weights=weights), ""

    def _failed(self, state: MarketState, error: Exception) -> None:
        detail = f": {error}" if isinstance(error, Unavailable) else ""  # any other error may quote anything
        self._failure = f"the analysis of block {state.head.number} failed: {type(error).__name__}{detail}"[:300]
        self.observer("failed")

    def _in_force(self, block: int) -> MarketView | None:
        """The latest view if it is valid at `block`."""
        view = self._latest
        return view if view is not None and block <= view.valid_until else None


def analyst_model(settings: Settings) -> StudentModel:
    """The analyst's client. The trader's endpoint serves the analyst too, under another model name.

    NOTE: its requests are not observed, because the model's metrics describe the cycles. Raises SettingsError for live
    trading: the effect of an adapter in the server on the base model's answers is not understood (docs/roles.md).
    """
    if settings.execution.mode == "live":
        raise SettingsError(
            "SENTINEL_ANALYST__SOURCE=model works only in dry runs: a server with adapters was seen to change the "
            "trader's answers. Set it to `settings`, or SENTINEL_EXECUTION__MODE to `dry`"
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
    """The service of a model analyst. It shares the trader's sandbox, builder and memory, but uses every venue.

    Raises SettingsError if the operator's target weights are outside the bounds for views.
    """
    given, standing = settings.analyst, SettingsAnalyst(settings.strategy.target_weights)
    min_weights, max_weights = terms.weight_bounds(settings, network)
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
        ViewBounds(given.max_step_bps, min_weights, max_weights),
        given.valid_blocks,
        hold_without=given.fallback == "hold",
        min_confidence=given.min_confidence,
        observer=observer,
    )
