"""The signed difference between a clock and a time: positive if the time is old, negative if it is in the future."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Age:
    """Of a block or an answer. A block that lies ahead is as wrong as an old one: one of the two clocks is."""

    seconds: float  # the clock minus the time that is judged; negative: it lies ahead of the clock

    @classmethod
    def at(cls, now: float, then: float) -> Age:
        """Of what happened at `then`, as the clock shows `now`; both in Unix seconds."""
        return cls(now - then)

    def within(self, limit: float) -> bool:
        """Whether it is at most `limit` seconds away, on either side."""
        return abs(self.seconds) <= limit

    @property
    def ahead(self) -> bool:
        return self.seconds < 0

    def __str__(self) -> str:
        return f"{-self.seconds:.0f} s ahead of this clock" if self.ahead else f"{self.seconds:.0f} s old"


NTP = "set this machine's clock by NTP (`timedatectl set-ntp true`)"


def clock_fault(age: Age, moving: bool = False) -> str:
    """What is wrong if the newest block is this far away, by how much, and what to do. `moving`: new blocks come."""
    if age.ahead:
        return f"this machine's clock is {-age.seconds:.0f} s behind the chain: {NTP}"
    if moving:
        return f"new blocks come, so this machine's clock is {age.seconds:.0f} s ahead, or the node lags: {NTP}"
    return f"the node lags, the chain stands still, or this machine's clock is {age.seconds:.0f} s ahead: {NTP}"
