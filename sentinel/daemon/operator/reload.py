"""SIGHUP and `sentinel reload`: loads new settings, all or none, and uses them from the next cycle on."""

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
    """Runs the cycles under the settings in force.

    A reload is checked and built at once, and put into force before the next cycle, so each cycle uses one
    configuration from start to end.
    """

    parts: Parts
    load: Load | None  # reads the same settings files again; None: the daemon was not started from files
    build: Callable[[InForce], CycleRunner]  # makes what runs under the given settings
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
        """What runs under the settings in force."""
        return self._runner

    def ask(self, by: str) -> dict[str, list[Any]]:
        """Load, check and build the new settings. Returns what will change as {variable: [old, new]}.

        Raises SettingsError or OperatorError; nothing changes then.
        """
        metrics = self.parts.metrics
        try:
            if self.load is None:
                raise OperatorError("this daemon has nothing to load its settings from again")
            new = self.load()
            changes = reloadable.check(self._start, self.parts.settings, new)
            built = self.parts.build(new)
        except SentinelError as error:
            metrics.reloads.labels("refused").inc()
            self.log.error("config.refused", by=by, error=str(error), meaning="the previous settings stay in force")
            raise
        self._next = (built, changes, by)
        return {change.variable: [change.old, change.new] for change in changes}

    def hang_up(self) -> None:
        """Handle SIGHUP: reload. Errors are logged, not raised."""
        try:
            self.ask("signal")
        except SentinelError:
            pass
        except Exception as error:  # a programming error must not stop a daemon with an open intent
            self.log.error("config.failed", error=type(error).__name__, exc_info=error)

    async def run(self, head: Head) -> CycleRecord:
        if self._next is not None:
            built, changes, by = self._next
            self._next = None
            self._put(built, changes, by)
        return await self._runner.run(head)

    def _put(self, built: InForce, changes: tuple[Change, ...], by: str) -> None:
        """Put the settings into force. They are journaled first, because a replay needs the settings of a decision."""
        changed = {change.variable: [change.old, change.new] for change in changes}
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
