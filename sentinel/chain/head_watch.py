"""When to poll for heads, and when a subscription is silent: in block times, by a clock of its own. Pure.

Nothing but heads restarts that clock. Pings do not, nor do repeated heads or heads that a poll showed earlier:
the subscription is silent until it gives a head in time.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

UNKNOWN_BLOCK_TIME = 1.0  # seconds; assumed if the network file names none
MAX_FAILURE_PAUSE = 5.0  # seconds between polls that fail


@dataclass(frozen=True, slots=True)
class HeadTimes:
    """All in seconds."""

    poll_every: float  # between polls while there is no subscription that gives heads
    bridge_after: float  # without a head of the subscription until polls take its place
    deaf_after: float  # that the subscription may owe a head which a poll has shown, before it is replaced
    check_every: float  # between polls while the subscription gives heads
    stall_after: float  # without any new head until that is logged
    reconnect_every: float = 15.0  # at least, from one connection to the next
    connect_within: float = 10.0  # until a connection counts as failed

    @classmethod
    def of(cls, block_time: float) -> HeadTimes:
        """The times of a chain with a block every `block_time` seconds."""
        block = block_time or UNKNOWN_BLOCK_TIME
        return cls(
            poll_every=min(1.0, max(0.1, block / 4)),
            bridge_after=1.5 * block,
            deaf_after=max(1.0, 2 * block),
            check_every=max(15.0, 5 * block),
            stall_after=max(60.0, 10 * block),
        )


class HeadWatch:
    """Records what the two sources of heads show, and decides when to poll, when to connect, and what to log once."""

    def __init__(self, times: HeadTimes, clock: Callable[[], float] = time.monotonic) -> None:
        self._times = times
        self._clock = clock
        self._subscribed = False
        self._connected_at = float("-inf")  # the start of the last connection
        self._heard_at = self._moved_at = clock()  # the last head of the subscription; the last new head of any source
        self._polled_at = float("-inf")
        self._polled_since_subscribed = False
        self._missed_since: float | None = None  # since when a poll has shown a head that the subscription owes
        self._failed_polls = 0  # in a row
        self._silence_told = self._stall_told = False

    # ------------------------------------------------------------ the subscription

    def connect_in(self) -> float:
        """Seconds until a new connection may be made."""
        return max(0.0, self._connected_at + self._times.reconnect_every - self._clock())

    def connecting(self) -> None:
        self._connected_at = self._clock()

    def subscribed(self) -> None:
        """A subscription stands. A poll is due, for the head that came before it."""
        self._subscribed, self._polled_since_subscribed, self._missed_since = True, False, None
        self._polled_at = float("-inf")

    def ended(self) -> None:
        self._subscribed = False

    def heard(self) -> None:
        """The subscription gave a head that is new, or that is the newest."""
        self._heard_at, self._missed_since, self._silence_told = self._clock(), None, False

    @property
    def deaf(self) -> bool:
        """Whether the chain goes on without the subscription. A chain that stands still makes no subscription deaf."""
        owes = self._missed_since
        return self._subscribed and owes is not None and self._clock() - owes >= self._times.deaf_after

    def tell_silence(self) -> bool:
        """True once for each silence of the subscription, however many connections it lasts."""
        told, self._silence_told = self._silence_told, True
        return not told

    # ------------------------------------------------------------ polls

    def poll_in(self) -> float:
        """Seconds until a poll is due."""
        now, times = self._clock(), self._times
        pause = times.poll_every
        if self._failed_polls:
            pause = min(MAX_FAILURE_PAUSE, pause * 2.0 ** min(self._failed_polls, 10))
        elif now - self._moved_at > 4 * times.bridge_after:  # the chain stands still: poll it more calmly
            pause = max(pause, 1.0)
        due = self._polled_at + pause
        if self._subscribed:
            due = min(self._polled_at + times.check_every, max(due, self._heard_at + times.bridge_after))
        return max(0.0, due - now)

    def polled(self) -> None:
        """A poll was answered."""
        self._polled_at, self._failed_polls = self._clock(), 0

    def showed(self, new: bool) -> None:
        """Record the head of a poll. `new`: no source had given this head before.

        The first poll of a subscription may show a head from before it, which the subscription does not owe.
        """
        if new and self._subscribed and self._polled_since_subscribed and self._missed_since is None:
            self._missed_since = self._clock()
        self._polled_since_subscribed = self._subscribed

    def poll_failed(self) -> bool:
        """A poll had no answer; True for the first in a row."""
        self._polled_at = self._clock()
        self._failed_polls += 1
        return self._failed_polls == 1

    # ------------------------------------------------------------ the chain

    def moved(self) -> None:
        """A new head came, from any source."""
        self._moved_at, self._stall_told = self._clock(), False

    def tell_stall(self) -> float | None:
        """The seconds without a new head, once for each time that the chain stands still; else None."""
        still = self._clock() - self._moved_at
        if self._stall_told or still < self._times.stall_after:
            return None
        self._stall_told = True
        return still
