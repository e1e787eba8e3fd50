"""SIGHUP and `sentinel reload`: new settings, whole or not at all, in force from one cycle to the next."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sentinel.config import reloadable
from sentinel.config.reloadable import Change
from sentinel.config.settings import Settings
from sentinel.core.errors import JournalError, OperatorError, SentinelError
from sentinel.core.market_state import Head
from sentinel.core.record import CycleRecord
from sentinel.daemon.loop import CycleRunner
from sentinel.daemon.parts import InForce, Parts
from sentinel.observe.logs import Log

Load = Callable[[], Settings]


@dataclass(slots=True)
class Reloader:
    """The daemon's runner. What was asked for is checked and built at once, and put in force before the next cycle: a
    cycle sees one configuration from its start to its end."""

    parts: Parts
    load: Load | None  # reads the same files again; None: this daemon was not started from any
    build: Callable[[InForce], CycleRunner]  # what runs by that
    log: Log
    generation: int = 1
    _start: Settings = field(init=False)
    _runner: CycleRunner = field(init=False)
    _next: tuple[InForce, tuple[Change, ...], str] | None = None

    def __post_init__(self) -> None:
        self._start = self.parts.settings
        self._runner = self.build(self.parts.force.value)
        self.parts.journal.configured(by="start", changed={}, values=reloadable.values(self._start))

    @property
    def runner(self) -> CycleRunner:
        """What runs by the settings in force."""
        return self._runner

    def ask(self, by: str) -> dict[str, list[Any]]:
        """What will change, {variable: [old, new]}. Raises SettingsError or OperatorError, and then nothing does."""
        metrics = self.parts.metrics
        try:
            if self.load is None:
                raise OperatorError("this daemon has nothing to load its settings from again")
            new = self.load()
            found = reloadable.check(self._start, self.parts.settings, new)
            built = self.parts.build(new)
        except SentinelError as error:
            metrics.reloads.labels("refused").inc()
            self.log.error("config.refused", by=by, error=str(error), meaning="the settings before it stay in force")
            raise
        self._next = (built, found, by)
        return {change.variable: [change.old, change.new] for change in found}

    def hang_up(self) -> None:
        """SIGHUP. What is wrong is in the log."""
        try:
            self.ask("signal")
        except SentinelError:
            pass
        except Exception as error:  # a fault of ours must not end a daemon that has something in flight
            self.log.error("config.failed", error=type(error).__name__, exc_info=error)

    async def run(self, head: Head) -> CycleRecord:
        if self._next is not None:
            built, found, by = self._next
            self._next = None
            self._put(built, found, by)
        return await self._runner.run(head)

    def _put(self, built: InForce, found: tuple[Change, ...], by: str) -> None:
        """Journaled first: a decision that no record of its settings goes before could not be replayed."""
        changed = {change.variable: [change.old, change.new] for change in found}
        try:
            self.parts.journal.configured(by=by, changed=changed, values=reloadable.values(built.terms.settings))
        except JournalError:
            self.parts.metrics.reloads.labels("refused").inc()
            raise
        self.parts.force.put(built)
        self._runner = self.build(built)
        self.generation += 1
        self.parts.metrics.config_generation.set(self.generation)
        self.parts.metrics.reloads.labels("applied").inc()
        self.parts.metrics.observe_mandate(built.terms.mandate.playbook, built.thought)
        self.log.warning("config.reloaded", by=by, generation=self.generation, changed=changed)
