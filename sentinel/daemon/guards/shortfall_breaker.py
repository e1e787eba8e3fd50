"""The shortfall breaker: halts trading durably if trades realise too little of what was simulated.

It decides from the journal alone, so a crash between a settlement and this check loses nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sentinel.config.limits import Limits
from sentinel.decide.shortfall import breach
from sentinel.journal.journal import Journal


@dataclass(frozen=True, slots=True)
class ShortfallBreaker:
    journal: Journal
    limits: Limits
    alarm: Callable[[str, str], None]  # kind, and one sentence with the detail

    def look(self) -> None:
        """Halt trading if a limit on the shortfall is exceeded. Raises JournalError.

        Call it after each settlement, and at the start before the first cycle.
        """
        if self.journal.halt_reason is not None:
            return
        if (why := breach(self.journal.shortfalls(self.limits.shortfall_trades), self.limits)) is not None:
            self.journal.halt(why, by="shortfall breaker")
            self.alarm("shortfall", why)
