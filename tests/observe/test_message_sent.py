"""What is to be repeated after a restart until somebody has it: its sender learns when a target got it."""

from __future__ import annotations

from sentinel.observe.metrics import Metrics
from tests.daemon import values
from tests.observe.test_messages import Slow, messenger, soon


async def test_a_message_counts_as_sent_once_a_target_has_it() -> None:
    """Not while it waits or after it failed, and not if a stop dropped it."""
    refusing, good, sent = Slow(ok=False), Slow(seconds=0.2), list[str]()
    told = messenger(Metrics(values.NETWORK), refusing, good)
    await told.start()
    told.tell("summary", "order complete", "first", lambda: sent.append("first"))
    await soon(lambda: refusing.sent == ["first"])
    assert sent == []
    await soon(lambda: sent == ["first"])
    good.seconds = 1.0
    told.tell("summary", "order complete", "second", lambda: sent.append("second"))
    await told.stop()
    assert sent == ["first"]


async def test_what_nobody_is_to_have_counts_as_sent() -> None:
    """An event that the settings leave out would be repeated at every start."""
    channel, sent = Slow(), list[str]()
    told = messenger(Metrics(values.NETWORK), channel)
    told.tell("fills", "order complete", "it is", lambda: sent.append("left out"))
    messenger(Metrics(values.NETWORK)).tell("summary", "order complete", "it is", lambda: sent.append("no target"))
    assert (sent, channel.sent) == (["left out", "no target"], [])
