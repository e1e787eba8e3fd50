"""The messages that wait for one target: what goes next, what is tried again and what is left out. Pure.

Each kind has a queue and a budget of its own, so that no kind starves another. Halts go before alarms, and alarms
before all else. An urgent message stays until it is sent; any other is tried once. What was left out is counted by
kind, and the next message that gets through says so.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from sentinel.observe.messages.budget import MessageBudget

URGENT = ("pauses", "alarms")  # in this order
KINDS = (*URGENT, "service", "summary", "fills", "refusals")
ROOM = 20  # messages of one kind that may wait
BURST = 5  # messages of one kind at once
FIRST_PAUSE, LONGEST_PAUSE = 2.0, 60.0  # seconds after a failure, doubled with each further one
KEPT = 6 * 3600.0  # seconds that an urgent message is tried for


@dataclass(frozen=True, slots=True)
class Message:
    kind: str
    title: str
    text: str
    sent: Callable[[], None] = field(default=lambda: None, compare=False)  # called once the target has it
    at: float = 0.0  # Unix seconds at which it was put
    tried: bool = False


class Outbox:
    """Use: `put`; then `due`, `noted`, and `sent` or `failed`, one message at a time."""

    def __init__(self, every: float, clock: Callable[[], float], dropped: Callable[[str], None]) -> None:
        """`every`: seconds between messages of one kind after a burst.

        `dropped` is called with "suppressed" for each message that is left out, and with "lost" for each that failed.
        """
        self._clock, self._dropped = clock, dropped
        self._waiting: dict[str, deque[Message]] = {kind: deque() for kind in KINDS}
        self._budgets = {kind: MessageBudget(BURST, every, clock) for kind in KINDS}
        self._left_out: Counter[str] = Counter()  # by kind, since a message last said so
        self._said: Counter[str] = Counter()  # of them, by the message that is being sent
        self._failures = 0  # in a row
        self._retry_at = float("-inf")

    def put(self, message: Message) -> None:
        queue = self._waiting[message.kind]
        if message.kind not in URGENT and not self._budgets[message.kind].take():
            self._leave_out(message.kind, "suppressed")
            return
        if len(queue) >= ROOM:
            if message.kind != "pauses":  # the first alarm is nearer to the cause; the last pause is the one that holds
                self._leave_out(message.kind, "suppressed")
                return
            queue.popleft()
            self._leave_out(message.kind, "suppressed")
        queue.append(replace(message, at=self._clock()))

    def due(self) -> Message | None:
        """The message to send now; None while there is none. Takes it out."""
        now = self._clock()
        for kind in KINDS:
            queue = self._waiting[kind]
            while kind in URGENT and queue and now - queue[0].at > KEPT:
                queue.popleft()
                self._leave_out(kind, "lost")
            if not queue:
                continue
            resting = now < self._retry_at
            if resting and (kind != "pauses" or queue[0].tried):  # a halt is tried at once, whatever failed before
                continue
            if kind in URGENT and not queue[0].tried and not self._budgets[kind].take():
                continue
            return queue.popleft()
        return None

    def noted(self, message: Message) -> str:
        """The text, with how many messages of which kinds were left out before it."""
        self._said = Counter(self._left_out)
        if not self._said:
            return message.text
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(self._said.items()))
        return f"{message.text}\n(not sent before this: {kinds})"

    def sent(self) -> None:
        """The last message that was noted got through."""
        self._left_out -= self._said
        self._failures, self._retry_at = 0, float("-inf")

    def failed(self, message: Message) -> None:
        """It did not get through. An urgent message goes back to the head of its queue."""
        pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(self._failures, 10))
        self._failures += 1
        self._retry_at = self._clock() + pause
        queue = self._waiting[message.kind]
        if message.kind not in URGENT:
            self._leave_out(message.kind, "lost")
        elif message.kind == "pauses" and len(queue) >= ROOM:
            self._leave_out(message.kind, "suppressed")
        else:
            queue.appendleft(replace(message, tried=True))

    @property
    def urgent(self) -> bool:
        """Whether a halt or an alarm waits."""
        return any(self._waiting[kind] for kind in URGENT)

    def _leave_out(self, kind: str, why: str) -> None:
        self._left_out[kind] += 1
        self._dropped(why)
