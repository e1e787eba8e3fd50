"""What waits for one target: no kind starves another, and a halt is sent within its time whatever came before it."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentinel.observe.messages.outbox import BURST, KEPT, KINDS, LONGEST_PAUSE, ROOM, Message, Outbox

LOOK = 1.0  # seconds between two looks of the delivery
EVERY = 30.0


class Bench:
    """An outbox, its clock, and a server that refuses until `answers_at`."""

    def __init__(self, answers_at: float = 0.0) -> None:
        self.now, self.answers_at = 0.0, answers_at
        self.dropped: Counter[str] = Counter()
        self.heard: list[tuple[float, str, str]] = []
        self.box = Outbox(EVERY, lambda: self.now, lambda why: self.dropped.update([why]))

    def put(self, kind: str, text: str = "text") -> None:
        self.box.put(Message(kind, kind, text))

    def look(self) -> None:
        while (message := self.box.due()) is not None:
            text = self.box.noted(message)
            if self.now < self.answers_at:
                self.box.failed(message)
            else:
                self.box.sent()
                self.heard.append((self.now, message.kind, text))

    def run(self, seconds: float) -> None:
        end = self.now + seconds
        while self.now < end:
            self.look()
            self.now += LOOK


@pytest.mark.attack("starving", "contained")
@settings(max_examples=50)
@given(
    st.lists(
        st.tuples(st.floats(0.0, 10.0), st.sampled_from([kind for kind in KINDS if kind != "pauses"])), max_size=60
    ),
    st.integers(0, 60),
    st.floats(0.0, 300.0),
)
def test_a_halt_among_any_number_of_messages_is_sent_within_its_time(
    others: list[tuple[float, str]], place: int, refuses: float
) -> None:
    """At the next look if the server answers then, else within the longest pause after it answers again."""
    bench = Bench(answers_at=refuses)
    halted_at = None
    for number, (wait, kind) in enumerate(others):
        if number == place:
            bench.put("pauses", "halted")
            halted_at = bench.now
        bench.put(kind)
        bench.run(wait)
    if halted_at is None:
        bench.put("pauses", "halted")
        halted_at = bench.now
    bench.run(refuses + LONGEST_PAUSE + 2 * LOOK)
    (sent_at,) = [at for at, kind, _ in bench.heard if kind == "pauses"]
    assert sent_at <= max(halted_at + LOOK, bench.answers_at + LONGEST_PAUSE + LOOK)
    if bench.answers_at <= halted_at:
        assert sent_at <= halted_at + LOOK


@settings(max_examples=30)
@given(st.lists(st.tuples(st.floats(0.0, 10.0), st.sampled_from(KINDS)), max_size=80), st.floats(0.0, 300.0))
def test_every_message_is_sent_or_counted(messages: list[tuple[float, str]], refuses: float) -> None:
    """What was put is heard, or stands in the notes and in the metrics, exactly once."""
    bench = Bench(answers_at=refuses)
    for wait, kind in messages:
        bench.put(kind)
        bench.run(wait)
    bench.run(refuses + (ROOM + 5) * EVERY)
    bench.put("service", "last")
    bench.run(LOOK)
    noted = sum(int(word) for _, _, text in bench.heard for word in text.split() if word.isdigit())
    assert len(bench.heard) + noted == len(messages) + 1
    assert sum(bench.dropped.values()) == noted


def test_alarms_wait_for_their_budget_and_take_nobody_elses() -> None:
    """Five at once, then one each 30 s; a fill among a hundred alarms is sent at once."""
    bench = Bench()
    for number in range(100):
        bench.put("alarms", f"alarm-{number}")
    bench.put("fills", "filled")
    bench.look()
    assert [kind for _, kind, _ in bench.heard] == ["alarms"] * BURST + ["fills"]
    assert bench.heard[0][2] == f"alarm-0\n(not sent before this: {100 - ROOM} alarms)"
    assert [text for _, _, text in bench.heard[1:]] == [*(f"alarm-{number}" for number in range(1, BURST)), "filled"]
    bench.run(EVERY + 2 * LOOK)
    assert len(bench.heard) == BURST + 2


def test_the_last_pauses_are_kept() -> None:
    """The newest state is the one that holds."""
    bench = Bench(answers_at=1e9)
    for number in range(ROOM + 5):
        bench.put("pauses", f"state-{number}")
    bench.look()
    bench.answers_at = 0.0
    bench.run(EVERY * (ROOM + 1))
    assert bench.heard[-1][2] == f"state-{ROOM + 4}"


def test_an_urgent_message_is_given_up_after_hours_and_counted() -> None:
    """An alarm of last night is no news, but that it was lost is."""
    bench = Bench(answers_at=KEPT + 60.0)
    bench.put("alarms")
    bench.run(KEPT + 120.0)
    bench.put("fills", "filled")
    bench.look()
    assert bench.dropped == {"lost": 1}
    assert bench.heard[-1][2] == "filled\n(not sent before this: 1 alarms)"


def test_what_is_not_urgent_is_tried_once() -> None:
    """A fill that failed is counted as lost; the next message waits out the pause."""
    bench = Bench(answers_at=1.0)
    bench.put("fills", "first")
    bench.look()
    bench.now = 1.0
    bench.put("fills", "second")
    bench.look()
    assert not bench.heard
    bench.now = 2.0
    bench.look()
    assert [text for _, _, text in bench.heard] == ["second\n(not sent before this: 1 fills)"]
