"""Memory tells what was known before a block, the same to all who ask."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sentinel.agent import memory_interface
from sentinel.agent.memory import JournalMemory, journal_memory
from sentinel.agent.memory.journal_history import JournaledCycle, JournalPosition
from sentinel.agent.memory.window_features import AHEAD, WINDOW
from sentinel.agent.memory.window_store import REORG, WindowStore
from sentinel.agent.sandbox import Sandbox
from sentinel.agent.tools import Toolbox
from tests.agent.doubles import VIEW, PaperBuilder, PaperQuoter
from tests.agent.memory.market import Chronicle, ended, price
from tests.journal.values import NETWORK


def test_similar_windows_tell_what_followed(past: Chronicle, remembered: JournalMemory) -> None:
    """Nearest first, none overlapping another or the present, each with the return of the blocks after it."""
    past.live(range(100, 300))
    now = past.state(300)
    found = remembered.at(now).similar("WETH", 16)
    ends = ended(now, remembered)
    assert len(found) >= 8
    assert [item["distance"] for item in found] == sorted(float(item["distance"]) for item in found)
    assert all(abs(a - b) >= WINDOW for a in [*ends, 300] for b in [*ends, 300] if a != b)
    for item, end in zip(found, ends, strict=True):
        assert item["return_after"] == pytest.approx(price(end + AHEAD) / price(end) - 1, rel=1e-5)


def test_nothing_of_the_block_itself_or_after_it_is_known(past: Chronicle, remembered: JournalMemory) -> None:
    """A memory of 200 blocks, asked at each of them, says what a memory that ended just before it would say."""
    past.live(range(100, 300))
    remembered.at(past.state(300)).similar("WETH", 1)
    for number in range(140, 300, 23):
        now = past.state(number)
        assert all(end + AHEAD < number for end in ended(now, remembered))
        with_less = Chronicle(past.path.with_name(f"until{number}.sqlite3"))
        with_less.live(range(100, number))
        with_less.journal.close()
        other = JournalMemory(past.path.with_name(f"memory{number}.sqlite3"), with_less.path, NETWORK)
        assert other.at(now).similar("WETH", 16) == remembered.at(now).similar("WETH", 16)
        other.close()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.integers(-9, 4), min_size=5, max_size=40), st.integers(0, 100))
def test_no_row_is_of_the_future_or_of_a_replaced_block(tmp_path: Path, steps: list[int], asked: int) -> None:
    """Over random chains with gaps and reorgs (a step of 0 or less): what is found was known in time, and is of the
    branch that was seen last."""
    path = tmp_path / "random.sqlite3"
    path.unlink(missing_ok=True)
    store, past = WindowStore(path), Chronicle(tmp_path / "unused.sqlite3")
    number, branch, live = 200, 0, dict[int, int]()
    try:
        for seq, step in enumerate(steps, 1):
            branch += step <= 0
            number += step
            state = past.state(number, branch)
            head = state.head
            replaced = number - 1 in live and live[number - 1] != branch
            live = {at: of for at, of in live.items() if at < (number - REORG if replaced else number)}
            live[number] = branch
            store.add(
                [JournaledCycle(number, head.hash, head.parent_hash, state.history)],
                ["WETH"],
                JournalPosition(seq, head.hash),
            )
        at = past.state(150 + asked)
        now = (0.0,) * (WINDOW + 2)
        for end, after, _ in store.nearest("WETH", now, at.head.number, 16):
            assert end + AHEAD < at.head.number
            of = live[end + AHEAD]
            assert after == pytest.approx(price(end + AHEAD, of) / price(end, of) - 1)
    finally:
        store.close()
        past.journal.close()


def test_a_parent_of_another_branch_takes_what_is_doubtful_with_it(past: Chronicle, remembered: JournalMemory) -> None:
    """Where a reorg went deeper than what was read again, the blocks that it may have replaced are forgotten."""
    past.live(range(100, 300))
    past.live(range(300, 310), branch=1)
    found = ended(past.state(320, branch=1), remembered)
    assert found
    assert all(end + AHEAD < 300 - REORG or end + AHEAD >= 300 for end in found)


def test_the_answer_of_a_block_stays(past: Chronicle, remembered: JournalMemory) -> None:
    """More that is journaled meanwhile changes nothing; a new block is a new recollection."""
    past.live(range(100, 200))
    now = past.state(200)
    first = remembered.at(now)
    before = (first.similar("WETH", 16), first.recall(16))
    past.trade(150)
    assert remembered.at(now) is first
    assert (first.similar("WETH", 16), first.recall(16)) == before
    assert remembered.at(past.state(201)) is not first


def test_a_token_or_a_past_that_is_not_known_is_empty(past: Chronicle, remembered: JournalMemory) -> None:
    """The quote token, a stranger, too short a history, an empty journal."""
    assert remembered.at(past.state(99)).similar("WETH", 3) == ()
    past.live(range(100, 200))
    now = past.state(200)
    assert [remembered.at(now).similar(token, 3) for token in ("USDC", "DOGE", "ETH")] == [(), (), ()]
    short = replace(past.state(201), history={"WETH": (2000.0,) * WINDOW})
    assert remembered.at(short).similar("WETH", 3) == ()


def test_code_actions_reach_it(past: Chronicle, remembered: JournalMemory) -> None:
    """Lists of small dicts; neither counts as a look at the market."""
    past.live(range(100, 160))
    past.trade(160)
    state = replace(past.state(170), balances={"WETH": 10**18, "USDC": 0})
    tools = Toolbox(state, VIEW, NETWORK, PaperQuoter(), PaperBuilder(), remembered.at(state), "WETH")
    with Sandbox(1) as sandbox:
        run = sandbox.run_blocking('print(len(similar(2)), recall(1)[0]["pnl"], similar(1)[0]["age"] > 8)', tools)
    assert (run.error, run.observation, run.reads) == (None, "2 -2.0 True", ())


def test_many_threads_get_one_answer(past: Chronicle, remembered: JournalMemory) -> None:
    """Samples of one step ask at once, and see the same."""
    past.live(range(100, 200))
    found = remembered.at(past.state(200))
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: (found.similar("WETH", 4), found.recall(4)), range(32)))
    assert len(set(map(repr, answers))) == 1


def test_memorys_bounds_are_the_tools() -> None:
    """No tool may ask for more than is looked up."""
    assert memory_interface.MAX_ITEMS == journal_memory.MAX_ITEMS
