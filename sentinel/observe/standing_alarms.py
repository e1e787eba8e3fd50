"""Which alarms stand, so that each is reported when it begins or changes, at a slow repeat, and when it ends. Pure.

The detail of an alarm about an intent begins with the intent's id and ': '. Such an alarm stands until the intent ends.
Any other alarm is an event: it is reported each time, unless the same text was reported within `REPEAT`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

REPEAT = 3600.0  # seconds until an alarm that still stands is reported again
CHANGES = 300.0  # seconds between two reports of one alarm whose text changes: a node's words may differ each time
EVENTS = frozenset({"paused", "signer_day", "nonce_held", "reopened", "halted"})  # nothing of them stands afterwards
UNSENT = frozenset({"unsent", "held", "nonce_gap", "nonce_disputed"})  # over once the intent's bytes are sent
INTENT = re.compile(r"[0-9a-f]{32}")
MAX_ALARMS = 256  # the oldest are forgotten first


@dataclass(slots=True)
class _Report:
    detail: str
    began: float
    at: float  # of the last report


@dataclass(frozen=True, slots=True)
class Ended:
    what: str
    intent_id: str
    seconds: float  # that it stood


class StandingAlarms:
    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._reports: dict[tuple[str, str], _Report] = {}  # by name, and intent or text

    def raised(self, what: str, detail: str) -> bool:
        """Whether to report it now."""
        now = self._clock()
        subject = detail.partition(": ")[0]
        stands = INTENT.fullmatch(subject) is not None and what not in EVENTS
        key = (what, subject if stands else detail)
        report = self._reports.get(key)
        if report is None:
            if len(self._reports) >= MAX_ALARMS:
                del self._reports[next(iter(self._reports))]
            self._reports[key] = _Report(detail, now, now)
            return True
        if now - report.at < (REPEAT if report.detail == detail else CHANGES):
            return False
        report.detail, report.at = detail, now
        return True

    def sent(self, intent_id: str) -> list[Ended]:
        """The intent's bytes were sent: what kept them back is over."""
        return self._ended(intent_id, lambda what: what in UNSENT)

    def settled(self, intent_id: str) -> list[Ended]:
        """The intent has ended, and so has every alarm about it."""
        return self._ended(intent_id, lambda _: True)

    def _ended(self, intent_id: str, over: Callable[[str], bool]) -> list[Ended]:
        keys = [key for key in self._reports if key[1] == intent_id and over(key[0])]
        return [Ended(key[0], intent_id, self._clock() - self._reports.pop(key).began) for key in keys]
