"""Which endpoint is asked for which kind of request, and which may be used at all. Pure, with an injected clock.

Failures in a row are counted by what was asked for, and only a success of the same request clears them. An endpoint
that fails rests for that kind of request and may serve the other kinds. One that lags is left out until it has caught
up, one of another chain for good.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from sentinel.chain.endpoints.request_kinds import READS, Kind, kind_of


@dataclass(frozen=True, slots=True)
class FailoverRules:
    failures: int = 3  # requests in a row without an answer until an endpoint rests
    rest: float = 60.0  # seconds that it rests for
    min_rest: float = 1.0  # bounds in seconds if the endpoint says itself when to ask again
    max_rest: float = 600.0
    lag: int = 5  # blocks behind the best at which it is dropped until it has caught up
    dispute_after: float = 12.0  # seconds that endpoints may disagree on a head before nothing is decided


@dataclass(slots=True)
class _EndpointState:
    failures: dict[str, int] = field(default_factory=dict)  # in a row, by the name of the request
    rests_until: dict[Kind, float] = field(default_factory=dict)
    behind: bool = False
    refused: str = ""  # why it is never used again
    checked: bool = False  # it has shown our chain once
    proved: bool = False  # it has shown our chain since it failed
    due: bool = True  # its chain must be checked before it is read from (I10)


class EndpointHealth:
    """Endpoints are numbers in the order of the settings: the first that serves a kind of request is asked for it."""

    def __init__(self, count: int, rules: FailoverRules, clock: Callable[[], float]) -> None:
        if count < 1:
            raise ValueError("there is no endpoint")
        self._states = [_EndpointState() for _ in range(count)]
        self._rules = rules
        self._clock = clock
        self._current = dict.fromkeys(Kind, 0)
        self.switches = 0  # fail-overs of any kind, ever

    # ------------------------------------------------------------ whom to ask

    def healthy(self, kind: Kind) -> list[int]:
        """Endpoints of our chain that keep up, do not rest for this kind, and can show their chain if they must."""
        return [i for i, s in enumerate(self._states) if not (s.refused or s.behind or self._out(s, kind))]

    def awake(self) -> list[int]:
        """Endpoints whose heads are compared, the lagging ones included."""
        return [i for i, s in enumerate(self._states) if not (s.refused or self._rests(s, Kind.HEADS))]

    def usable(self, kind: Kind) -> list[int]:
        """The healthy endpoints; if there are none, all of our chain, because nothing else can answer."""
        return self.healthy(kind) or self.members()

    def members(self) -> list[int]:
        """All endpoints but those of another chain."""
        return [i for i, state in enumerate(self._states) if not state.refused]

    def current(self, kind: Kind) -> int:
        """The endpoint that this kind of request goes to.

        It changes if it is not usable any more, or if an earlier one is healthy again and has shown our chain since it
        failed. The chain of the one that takes over is checked anew.
        """
        usable, now = self.usable(kind), self._current[kind]
        back = [i for i in self.healthy(kind) if i < now and self._states[i].proved]
        if usable and (back or now not in usable):
            self._current[kind] = (back or usable)[0]
            self._states[self._current[kind]].due = True
            self.switches += 1
        return self._current[kind]

    def order(self, kind: Kind) -> Sequence[int]:
        """Whom to ask, one after the other; empty if every endpoint is of another chain."""
        current, usable = self.current(kind), self.usable(kind)
        return [i for i in usable if i == current] + [i for i in usable if i != current]

    # ------------------------------------------------------------ what is known of one endpoint

    def state(self, endpoint: int) -> str:
        """One of: current (it is read from), healthy, resting (others are read in its place), behind, refused."""
        state = self._states[endpoint]
        if state.refused:
            return "refused"
        mine = [self.current(kind) == endpoint for kind in READS]
        if any(self._rests(state, kind) and not own for kind, own in zip(READS, mine, strict=True)):
            return "resting"
        return "current" if any(mine) else "behind" if state.behind else "healthy"

    def rests(self, endpoint: int) -> Mapping[Kind, Sequence[str]]:
        """The kinds that the endpoint rests for, with the requests that failed."""
        state = self._states[endpoint]
        return {kind: self._failing(state, kind) for kind in Kind if self._rests(state, kind)}

    def refused(self) -> dict[int, str]:
        return {i: state.refused for i, state in enumerate(self._states) if state.refused}

    def due(self, endpoint: int) -> bool:
        return self._states[endpoint].due

    def checked(self, endpoint: int) -> bool:
        return self._states[endpoint].checked

    # ------------------------------------------------------------ what happened

    def passed(self, endpoint: int) -> None:
        """It has shown our chain."""
        state = self._states[endpoint]
        state.due, state.checked, state.proved = False, True, True

    def recheck(self) -> None:
        """Another node may answer at any address now: each must show our chain again before it is read from."""
        for state in self._states:
            state.due = True

    def refuse(self, endpoint: int, why: str) -> None:
        self._states[endpoint].refused = why

    def answered(self, endpoint: int, names: Collection[str]) -> None:
        """It answered these requests. A rest that they caused ends; other failures stay."""
        for name in names:
            self._states[endpoint].failures.pop(name, None)

    def failed(
        self,
        endpoint: int,
        names: Collection[str],
        *,
        same_node: bool = False,
        at_once: bool = False,
        rest: float | None = None,
    ) -> set[Kind]:
        """These requests got no answer. Returns the kinds that the endpoint rests for from now on.

        Another node may answer there next, so its chain is checked, unless `same_node`: it only lags by a block.
        `at_once`: it rests at this failure, not only at the last of the allowed ones. `rest`: seconds, if the endpoint
        said when to ask again. After a rest its first failure is enough.
        """
        state, rules, now = self._states[endpoint], self._rules, self._clock()
        if not same_node:
            state.due, state.proved = True, False
        rested = set(self.rests(endpoint))
        seconds = rules.rest if rest is None else min(max(rest, rules.min_rest), rules.max_rest)
        for name in names:
            count = state.failures.get(name, 0) + 1
            state.failures[name] = max(count, rules.failures) if at_once or rest is not None else count
            if state.failures[name] >= rules.failures:
                kind = kind_of(name)
                state.rests_until[kind] = max(now + seconds, state.rests_until.get(kind, now))
        return set(self.rests(endpoint)) - rested

    def lags(self, behind: Collection[int], compared: Collection[int]) -> set[int]:
        """`behind`: the lagging ones of those that were `compared`. Returns which of them did not lag before."""
        news = {i for i in behind if not self._states[i].behind}
        for i in compared:
            self._states[i].behind = i in behind
        return news

    def _out(self, state: _EndpointState, kind: Kind) -> bool:
        unproven = kind is not Kind.SEND and state.due and self._rests(state, Kind.HEADS)
        return unproven or self._rests(state, kind)

    def _rests(self, state: _EndpointState, kind: Kind) -> bool:
        return self._clock() < state.rests_until.get(kind, float("-inf")) and bool(self._failing(state, kind))

    def _failing(self, state: _EndpointState, kind: Kind) -> list[str]:
        return [name for name, n in state.failures.items() if n >= self._rules.failures and kind_of(name) is kind]
