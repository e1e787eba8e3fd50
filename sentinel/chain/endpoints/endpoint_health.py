"""Which endpoint is read from, and which may be used at all. Pure, the clock injected.

One that fails is left alone for a while, one that lags until it has caught up, one of another chain for good.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FailoverRules:
    failures: int = 3  # requests in a row without an answer until an endpoint is dropped
    rest: float = 60.0  # seconds that it is dropped for
    lag: int = 5  # blocks behind the best at which it is dropped until it has caught up
    dispute_after: float = 12.0  # seconds that endpoints may disagree on a head before nothing is decided


@dataclass(slots=True)
class _EndpointState:
    failures: int = 0  # in a row
    rests_until: float = float("-inf")
    behind: bool = False
    refused: str = ""  # why it is never used again
    checked: bool = False  # it has shown our chain once
    due: bool = True  # its chain must be checked before it is read from (I10)


class EndpointHealth:
    """Endpoints are numbers here, in the order of the settings: of those that do their work the first is read from."""

    def __init__(self, count: int, rules: FailoverRules, clock: Callable[[], float]) -> None:
        if count < 1:
            raise ValueError("there is no endpoint")
        self._states = [_EndpointState() for _ in range(count)]
        self._rules = rules
        self._clock = clock
        self._current = 0
        self.switches = 0  # fail-overs, ever

    def state(self, endpoint: int) -> str:
        """One of: current, healthy, resting, behind, refused."""
        state = self._states[endpoint]
        if state.refused:
            return "refused"
        if endpoint == self.current:
            return "current"
        if self._rests(state):
            return "resting"
        return "behind" if state.behind else "healthy"

    def refused(self) -> dict[int, str]:
        return {i: state.refused for i, state in enumerate(self._states) if state.refused}

    @property
    def healthy(self) -> list[int]:
        return [i for i, s in enumerate(self._states) if not (s.refused or s.behind or self._rests(s))]

    @property
    def awake(self) -> list[int]:
        """Worth a look at their heads: those that lag too."""
        return [i for i, s in enumerate(self._states) if not (s.refused or self._rests(s))]

    @property
    def usable(self) -> list[int]:
        """The healthy ones. Where none is, all that are of our chain: a tired endpoint may do, and nothing else can."""
        return self.healthy or [i for i, state in enumerate(self._states) if not state.refused]

    @property
    def current(self) -> int:
        """The one that reads go to; another one once this one is not usable any more, or an earlier one is again and
        has shown our chain since it failed. The chain of who takes over is checked anew."""
        usable = self.usable
        back = [i for i in self.healthy if i < self._current and not self._states[i].due]
        if usable and (back or self._current not in usable):
            self._current = (back or usable)[0]
            self._states[self._current].due = True
            self.switches += 1
        return self._current

    @property
    def order(self) -> Sequence[int]:
        """Whom to ask, one after the other; empty where every endpoint is of another chain."""
        current, usable = self.current, self.usable
        return [i for i in usable if i == current] + [i for i in usable if i != current]

    def due(self, endpoint: int) -> bool:
        return self._states[endpoint].due

    def checked(self, endpoint: int) -> bool:
        return self._states[endpoint].checked

    def passed(self, endpoint: int) -> None:
        """It has shown our chain."""
        self._states[endpoint].due, self._states[endpoint].checked = False, True

    def recheck(self) -> None:
        """Another node may answer at any address now: each must show our chain again before it is read from."""
        for state in self._states:
            state.due = True

    def refuse(self, endpoint: int, why: str) -> None:
        self._states[endpoint].refused = why

    def answered(self, endpoint: int) -> None:
        self._states[endpoint].failures = 0

    def failed(self, endpoint: int) -> bool:
        """One request without an answer; whether that dropped the endpoint. Another node may answer there next."""
        state = self._states[endpoint]
        state.due = True
        state.failures += 1
        if state.failures < self._rules.failures:
            return False
        state.failures = 0
        state.rests_until = self._clock() + self._rules.rest
        return True

    def lags(self, behind: Collection[int]) -> set[int]:
        """Of those that were looked at these lag; which of them did not before."""
        news = {i for i in behind if not self._states[i].behind}
        for i in self.awake:
            self._states[i].behind = i in behind
        return news

    def _rests(self, state: _EndpointState) -> bool:
        return self._clock() < state.rests_until
