"""SIGHUP and `sentinel reload`: loads the settings again, whole or not at all, for the next cycle."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sentinel.config import reloadable
from sentinel.config.reloadable import variable
from sentinel.config.settings import Settings
from sentinel.core.errors import JournalError, OperatorError, SentinelError
from sentinel.core.market_state import Head
from sentinel.core.record import CycleRecord
from sentinel.daemon.loop import CycleRunner
from sentinel.daemon.parts import InForce, Parts
from sentinel.observe.internal_errors import InternalErrors
from sentinel.observe.logs import Log

Load = Callable[[], Settings]


@dataclass(frozen=True, slots=True)
class _Requested:
    """Settings that take effect with the next cycle."""

    built: InForce
    runner: CycleRunner
    changed: dict[str, list[Any]]  # {variable: [old, new]}
    by: str  # who requested them


@dataclass(slots=True)
class Reloader:
    """Runs the daemon's cycles. Requested settings are checked and built at once and put in force before the next
    cycle, so that a cycle sees one configuration from its start to its end."""

    parts: Parts
    load: Load | None  # reads the same files again; None: this daemon was not started from files
    build: Callable[[InForce], CycleRunner]
    log: Log
    errors: InternalErrors
    generation: int = 1
    _start: Settings = field(init=False)
    _runner: CycleRunner = field(init=False)
    _next: _Requested | None = None

    def __post_init__(self) -> None:
        self._start = self.parts.settings
        self._runner = self.build(self.parts.force.value)
        self.parts.journal.configured(by="start", changed={}, values=reloadable.values(self._start))

    @property
    def runner(self) -> CycleRunner:
        """What runs with the settings in force."""
        return self._runner

    def ask(self, by: str) -> dict[str, list[Any]]:
        """The changes, {variable: [old, new]}. Raises OperatorError, and then nothing changes.

        An exception that nothing expected refuses the reload too: the daemon goes on with the settings in force.
        """
        metrics = self.parts.metrics
        try:
            self._next = self._requested(by)
        except Exception as error:
            metrics.reloads.labels("refused").inc()
            refusal = error if isinstance(error, SentinelError) else OperatorError(self.errors.report("reload", error))
            self.log.error("config.refused", by=by, error=str(refusal), meaning="the settings before it stay in force")
            raise refusal from error
        return self._next.changed

    def _requested(self, by: str) -> _Requested:
        if self.load is None:
            raise OperatorError("this daemon has nothing to load its settings from again")
        new = self.load()
        changes = reloadable.check(self._start, self.parts.settings, new)
        built = self.parts.build(new)
        changed: dict[str, list[Any]] = {change.variable: [change.old, change.new] for change in changes}
        before, after = self.parts.trader.source, built.trader.source
        if before != after:  # the file of the operator's program holds another text
            changed[variable("strategy.file")] = [before, after]
        return _Requested(built, self.build(built), changed, by)

    def rebuild(self, by: str) -> None:
        """With the settings in force, because something else that they are built from has changed: the approved order.

        Raises SettingsError, and then nothing changes.
        """
        waiting = self._next  # settings that were requested before and are not in force yet stay requested
        built = self.parts.build(self.parts.settings if waiting is None else waiting.built.terms.settings)
        self._next = _Requested(built, self.build(built), {} if waiting is None else waiting.changed, by)

    def require_buildable(self) -> None:
        """Raises SettingsError if `rebuild` could not build, before anything is journaled."""
        self.parts.build(self.parts.settings if self._next is None else self._next.built.terms.settings)

    def hang_up(self) -> None:
        """SIGHUP. A refusal is in the log."""
        with contextlib.suppress(SentinelError):
            self.ask("signal")

    async def run(self, head: Head) -> CycleRecord:
        if self._next is not None:
            requested, self._next = self._next, None
            self._put(requested)
        return await self._runner.run(head)

    def _put(self, requested: _Requested) -> None:
        """Journaled first, because a decision without a record of its settings could not be replayed."""
        terms, by, changed = requested.built.terms, requested.by, requested.changed
        try:
            self.parts.journal.configured(by=by, changed=changed, values=reloadable.values(terms.settings))
        except JournalError:
            self.parts.metrics.reloads.labels("refused").inc()
            raise
        self.parts.force.put(requested.built)
        self._runner = requested.runner
        self.generation += 1
        self.parts.metrics.config_generation.set(self.generation)
        self.parts.metrics.reloads.labels("applied").inc()
        self.parts.metrics.observe_proposer(requested.built.kind)
        self.log.warning("config.reloaded", by=by, generation=self.generation, changed=changed)
