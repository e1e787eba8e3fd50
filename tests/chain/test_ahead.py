"""Reading ahead: a state is given for exactly the head that was asked for."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentinel.chain.prefetch import PrefetchingReader
from sentinel.core.errors import HeadGone
from sentinel.core.market_state import Head, MarketState
from sentinel.core.network import HexHash
from tests.decide import fair_market


def head(number: int, branch: int = 0) -> Head:
    return replace(fair_market.STATE.head, number=number, hash=HexHash(f"0x{branch:02x}{number:062x}"))


class Market:
    """Answers when `gate` opens; the first `fails` reads end in HeadGone."""

    def __init__(self, fails: int = 0) -> None:
        self.asked: list[Head] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.fails = fails

    async def read(self, head: Head) -> MarketState:
        self.asked.append(head)
        await self.gate.wait()
        if self.fails:
            self.fails -= 1
            raise HeadGone("not yet")
        return replace(fair_market.STATE, head=head)


async def test_what_was_read_ahead_is_not_read_again() -> None:
    """The cycle waits for the read that is under way, and no longer."""
    market = Market()
    market.gate.clear()
    ahead = PrefetchingReader(market)
    ahead.begin(head(7))
    ahead.begin(head(7))
    reading = asyncio.create_task(ahead.read(head(7)))
    await asyncio.sleep(0)
    assert not reading.done()
    market.gate.set()
    assert (await reading).head == head(7)
    assert market.asked == [head(7)]


async def test_a_state_is_given_out_once() -> None:
    """Whoever asks again, asks the chain again."""
    market = Market()
    ahead = PrefetchingReader(market)
    ahead.begin(head(7))
    await ahead.read(head(7))
    await ahead.read(head(7))
    assert market.asked == [head(7), head(7)]


async def test_a_read_ahead_that_failed_is_tried_anew() -> None:
    """A node that had not seen the block yet may have it now; a second failure is told."""
    market = Market(fails=1)
    ahead = PrefetchingReader(market)
    ahead.begin(head(7))
    assert (await ahead.read(head(7))).head == head(7)
    market.fails = 2
    ahead.begin(head(8))
    with pytest.raises(HeadGone):
        await ahead.read(head(8))


async def test_a_failure_that_nobody_asks_for_is_silent() -> None:
    """The next head simply replaces it; closing leaves nothing running."""
    market = Market(fails=1)
    ahead = PrefetchingReader(market)
    ahead.begin(head(7))
    await asyncio.sleep(0)
    market.gate.clear()
    ahead.begin(head(8))
    await ahead.aclose()
    await ahead.aclose()
    assert [task.get_name() for task in asyncio.all_tasks()].count("market-prefetch") == 0


STEPS = st.lists(
    st.tuples(st.sampled_from(["begin", "read", "turn"]), st.integers(1, 3), st.integers(0, 1)), max_size=30
)


@given(STEPS)
@settings(max_examples=100, deadline=None)
async def test_no_decision_is_fed_another_heads_state(steps: Sequence[tuple[str, int, int]]) -> None:
    """Whatever comes in whatever order, reorgs of the same number included."""
    ahead = PrefetchingReader(Market())
    for what, number, branch in steps:
        if what == "begin":
            ahead.begin(head(number, branch))
        elif what == "read":
            assert (await ahead.read(head(number, branch))).head == head(number, branch)
        else:
            await asyncio.sleep(0)
    await ahead.aclose()
