"""Memory tells what was known before a block, of this journal, and only what came true."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sentinel.agent import recollection
from sentinel.agent.sandbox import Sandbox
from sentinel.agent.tools import Toolbox
from sentinel.memory import Memory, memory, windows
from sentinel.memory.past import Past, Place, Seen
from sentinel.memory.shape import AHEAD, WINDOW
from sentinel.memory.windows import MOST_WINDOWS, REORG, Windows
from sentinel.types import MarketState, Outcome
from tests.agent.doubles import VIEW, PaperBuilder, PaperQuoter
from tests.journal.values import NETWORK
from tests.memory.market import Chronicle, block_hash, price


@pytest.fixture
def past(tmp_path: Path) -> Iterator[Chronicle]:
    written = Chronicle(tmp_path / "journal.sqlite3")
    yield written
    written.journal.close()


@pytest.fixture
def remembered(tmp_path: Path) -> Iterator[Memory]:
    opened = Memory(tmp_path / "memory.sqlite3", tmp_path / "journal.sqlite3", NETWORK)
    yield opened
    opened.close()


def ended(state: MarketState, memory: Memory) -> list[int]:
    """The blocks that the windows similar to now ended at."""
    return [state.head.number - int(item["age"]) for item in memory.at(state).similar("WETH", 16)]


# ---------------------------------------------------------------- what followed, and nothing that was still to come


def test_similar_windows_tell_what_followed(past: Chronicle, remembered: Memory) -> None:
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


def test_nothing_of_the_block_itself_or_after_it_is_known(past: Chronicle, remembered: Memory) -> None:
    """A memory of 200 blocks, asked at each of them, says what a memory that ended just before it would say."""
    past.live(range(100, 300))
    remembered.at(past.state(300)).similar("WETH", 1)
    for number in range(140, 300, 23):
        now = past.state(number)
        assert all(end + AHEAD < number for end in ended(now, remembered))
        with_less = Chronicle(past.path.with_name(f"until{number}.sqlite3"))
        with_less.live(range(100, number))
        with_less.journal.close()
        other = Memory(past.path.with_name(f"memory{number}.sqlite3"), with_less.path, NETWORK)
        assert other.at(now).similar("WETH", 16) == remembered.at(now).similar("WETH", 16)
        other.close()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.integers(-9, 4), min_size=5, max_size=40), st.integers(0, 100))
def test_no_row_is_of_the_future_or_of_a_replaced_block(tmp_path: Path, steps: list[int], asked: int) -> None:
    """Over random chains with gaps and reorgs (a step of 0 or less): what is found was known in time, and is of the
    branch that was seen last."""
    path = tmp_path / "random.sqlite3"
    path.unlink(missing_ok=True)
    store, past = Windows(path), Chronicle(tmp_path / "unused.sqlite3")
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
            store.add([Seen(number, head.hash, head.parent_hash, state.history)], ["WETH"], Place(seq, head.hash))
        at = past.state(150 + asked)
        now = (0.0,) * (WINDOW + 2)
        for end, after, _ in store.nearest("WETH", now, at.head.number, 16):
            assert end + AHEAD < at.head.number
            of = live[end + AHEAD]
            assert after == pytest.approx(price(end + AHEAD, of) / price(end, of) - 1)
    finally:
        store.close()
        past.journal.close()


def test_a_parent_of_another_branch_takes_what_is_doubtful_with_it(past: Chronicle, remembered: Memory) -> None:
    """Where a reorg went deeper than what was read again, the blocks that it may have replaced are forgotten."""
    past.live(range(100, 300))
    past.live(range(300, 310), branch=1)
    found = ended(past.state(320, branch=1), remembered)
    assert found
    assert all(end + AHEAD < 300 - REORG or end + AHEAD >= 300 for end in found)


def test_the_answer_of_a_block_stays(past: Chronicle, remembered: Memory) -> None:
    """More that is journaled meanwhile changes nothing; a new block is a new recollection."""
    past.live(range(100, 200))
    now = past.state(200)
    first = remembered.at(now)
    before = (first.similar("WETH", 16), first.recall(16))
    past.trade(150)
    assert remembered.at(now) is first
    assert (first.similar("WETH", 16), first.recall(16)) == before
    assert remembered.at(past.state(201)) is not first


def test_a_token_or_a_past_that_is_not_known_is_empty(past: Chronicle, remembered: Memory) -> None:
    """The quote token, a stranger, too short a history, an empty journal."""
    assert remembered.at(past.state(99)).similar("WETH", 3) == ()
    past.live(range(100, 200))
    now = past.state(200)
    assert [remembered.at(now).similar(token, 3) for token in ("USDC", "DOGE", "ETH")] == [(), (), ()]
    short = replace(past.state(201), history={"WETH": (2000.0,) * WINDOW})
    assert remembered.at(short).similar("WETH", 3) == ()


# ---------------------------------------------------------------- own trades


def test_recall_tells_how_own_trades_ended(past: Chronicle, remembered: Memory) -> None:
    """Newest first, in whole tokens; the playbook is the request's, whatever a model wrote after it."""
    past.trade(100, playbook="momentum")
    past.trade(103)
    newest, older = remembered.at(past.state(110)).recall(16)
    assert (newest["playbook"], older["playbook"]) == ("rebalance", "momentum")
    assert (newest["age"], older["age"]) == (6, 9)
    assert older == {
        "age": 9,
        "playbook": "momentum",
        "token_in": "USDC",
        "token_out": "WETH",
        "amount": 500.0,
        "notional": 500.0,
        "pnl": -2.0,  # a quarter WETH at 2000 for 500, and 0.001 ETH of gas
        "votes": 5,
        "asked": 8,
        "drift_bps": 0.0,
    }
    assert remembered.at(past.state(110)).recall(1) == (newest,)


@pytest.mark.parametrize("outcome", [one for one in Outcome if one is not Outcome.CONFIRMED])
def test_what_was_not_confirmed_is_not_recalled(past: Chronicle, remembered: Memory, outcome: Outcome) -> None:
    """Neither another outcome nor a trade that is still in flight; the confirmed one beside them is."""
    past.trade(100)
    past.trade(101, outcome)
    past.accept(past.state(102))
    assert [trade["age"] for trade in remembered.at(past.state(110)).recall(16)] == [9]


def test_a_trade_is_known_after_the_block_and_the_cycle_it_settled_behind(past: Chronicle, remembered: Memory) -> None:
    """Mined in 101, but found after the cycle at 120: it is recalled from 121 on, not at 120 and not at 102."""
    one = past.accept(past.state(100))
    past.live(range(101, 121))
    past.settle(one, 101)
    past.live(range(121, 130))
    known = [number for number in range(95, 130) if remembered.at(past.state(number)).recall(16)]
    assert known == list(range(121, 130))


def test_trades_of_the_future_are_not_recalled(past: Chronicle, remembered: Memory) -> None:
    """Asked at an earlier block, later trades are not there."""
    for number in range(100, 130, 2):
        past.trade(number)
    for number in range(100, 130):
        for trade in remembered.at(past.state(number)).recall(16):
            assert 0 < int(trade["age"]) <= number - 101
        assert len(remembered.at(past.state(number)).recall(16)) == max(0, (number - 100) // 2)


def test_a_changed_record_is_not_recalled(past: Chronicle, remembered: Memory, tmp_path: Path) -> None:
    """A profit written into the journal's file by other hands does not fit its hash: nothing is told."""
    past.trade(100)
    assert len(remembered.at(past.state(110)).recall(16)) == 1
    with sqlite3.connect(past.path) as other:
        changed = other.execute('UPDATE records SET body = replace(body, \'"pnl":"-\', \'"pnl":"9\')').rowcount
    other.close()
    assert changed
    assert remembered.at(past.state(111)).recall(16) == ()


def test_the_record_counts_not_the_index(past: Chronicle, remembered: Memory) -> None:
    """An outcome that was changed in the index alone makes no trade of one that was reverted."""
    past.trade(100, Outcome.REVERTED)
    with sqlite3.connect(past.path) as other:
        assert other.execute("UPDATE settled SET outcome = 'confirmed'").rowcount == 1
    other.close()
    assert remembered.at(past.state(110)).recall(16) == ()


def test_a_changed_cycle_is_not_remembered(past: Chronicle, remembered: Memory) -> None:
    """Closes written into the journal's file by other hands leave the memory empty: it cannot tell which are true."""
    past.live(range(100, 200))
    with sqlite3.connect(past.path) as other:
        assert other.execute("UPDATE records SET body = replace(body, '2000', '3000') WHERE seq = 60").rowcount == 1
    other.close()
    assert remembered.at(past.state(200)).similar("WETH", 16) == ()


# ---------------------------------------------------------------- the file is a cache


def test_it_survives_a_restart(past: Chronicle, tmp_path: Path) -> None:
    """What was read is there again, and reading goes on where it ended."""
    past.live(range(100, 200))
    now, answers = past.state(200), []
    for _ in range(2):
        opened = Memory(tmp_path / "m.sqlite3", past.path, NETWORK)
        answers.append(opened.at(now).similar("WETH", 16))
        opened.close()
    assert answers[0] == answers[1] != ()
    store = Windows(tmp_path / "m.sqlite3")
    assert store.place.seq == 101  # the opening note and 100 cycles
    store.close()


@pytest.mark.parametrize("damage", ["missing", "noise", "cut", "version"])
def test_a_lost_file_is_read_from_the_journal_anew(past: Chronicle, tmp_path: Path, damage: str) -> None:
    """Deleted, overwritten, cut short or of another version: the answers are the same as before."""
    past.live(range(100, 200))
    path, now = tmp_path / "m.sqlite3", past.state(200)
    opened = Memory(path, past.path, NETWORK)
    before = opened.at(now).similar("WETH", 16)
    opened.close()
    if damage == "missing":
        path.unlink()
    elif damage == "noise":
        path.write_bytes(b"\x5a" * 8192)
    elif damage == "cut":
        path.write_bytes(path.read_bytes()[:5000])
    else:
        with sqlite3.connect(path) as other:
            other.execute("PRAGMA user_version=99")
        other.close()
    opened = Memory(path, past.path, NETWORK)
    assert opened.at(now).similar("WETH", 16) == before != ()
    opened.close()


def test_a_file_that_breaks_while_it_is_open_is_filled_anew(past: Chronicle, remembered: Memory) -> None:
    """The block that finds it broken answers nothing; the next one answers as if nothing had been."""
    past.live(range(100, 200))
    before = remembered.at(past.state(200)).similar("WETH", 16)
    code = "import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute('DROP TABLE windows')"
    subprocess.run([sys.executable, "-c", code, str(past.path.with_name("memory.sqlite3"))], check=True)
    past.live([200])
    assert remembered.at(past.state(201)).similar("WETH", 16) == ()
    again = remembered.at(replace(past.state(200), head=past.state(202).head)).similar("WETH", 16)
    assert [item["return_after"] for item in again] == [item["return_after"] for item in before] != []


def test_windows_of_another_journal_are_forgotten(past: Chronicle, tmp_path: Path) -> None:
    """A memory file put beside another wallet's journal tells nothing of the first one."""
    past.live(range(100, 200))
    opened = Memory(tmp_path / "m.sqlite3", past.path, NETWORK)
    assert opened.at(past.state(200)).similar("WETH", 3)
    opened.close()
    other = Chronicle(tmp_path / "other.sqlite3", genesis="0x" + "cd" * 32)
    opened = Memory(tmp_path / "m.sqlite3", other.path, NETWORK)
    assert opened.at(past.state(200)).similar("WETH", 3) == ()
    opened.close()
    other.journal.close()


def test_without_a_journal_it_is_empty_and_stays_out_of_the_way(tmp_path: Path) -> None:
    """No file, no answer, no error; and a closed memory answers nothing."""
    past = Chronicle(tmp_path / "journal.sqlite3")
    opened = Memory(tmp_path / "m.sqlite3", tmp_path / "nowhere.sqlite3", NETWORK)
    found = opened.at(past.state(100))
    assert (found.similar("WETH", 3), found.recall(3)) == ((), ())
    opened.close()
    assert opened.similar(past.state(100), "WETH") == ()
    past.journal.close()


def test_it_keeps_to_its_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The newest windows of a token stay, the oldest go; of the blocks no more than a reorg may need."""
    monkeypatch.setattr(windows, "MOST_WINDOWS", 50)
    past, store = Chronicle(tmp_path / "journal.sqlite3"), Windows(tmp_path / "m.sqlite3")
    for number in range(100, 300):
        state = past.state(number)
        seen = Seen(number, block_hash(number), block_hash(number - 1), state.history)
        store.add([seen], ["WETH"], Place(number, "0x"))
    store.close()
    past.journal.close()
    with sqlite3.connect(tmp_path / "m.sqlite3") as other:
        assert other.execute("SELECT count(*), min(known_at) FROM windows").fetchone() == (50, 250)
        assert other.execute("SELECT count(*) FROM blocks").fetchone()[0] <= REORG + 1
    other.close()


def test_a_long_journal_is_read_from_its_newest_cycles(past: Chronicle, tmp_path: Path) -> None:
    """What would be thrown away at once is not read: the place to begin is before the newest so many cycles."""
    past.live(range(100, 200))
    told = Past(past.path, NETWORK)
    seen, _ = told.seen(told.start(10), 100)
    assert [one.number for one in seen] == list(range(190, 200))
    assert told.start(MOST_WINDOWS).seq == 0
    told.close()


def test_cycles_that_read_no_market_are_passed_over(past: Chronicle, remembered: Memory) -> None:
    """A hold in flight has no state, and the memory goes on behind it."""
    past.live(range(100, 150))
    past.cycle(None)
    past.live(range(150, 200))
    assert ended(past.state(200), remembered)


# ---------------------------------------------------------------- as the code sees it


def test_code_actions_reach_it(past: Chronicle, remembered: Memory) -> None:
    """Lists of small dicts; neither counts as a look at the market."""
    past.live(range(100, 160))
    past.trade(160)
    state = replace(past.state(170), balances={"WETH": 10**18, "USDC": 0})
    tools = Toolbox(state, VIEW, NETWORK, PaperQuoter(), PaperBuilder(), remembered.at(state), "WETH")
    with Sandbox(1) as sandbox:
        run = sandbox.run_blocking('print(len(similar(2)), recall(1)[0]["pnl"], similar(1)[0]["age"] > 8)', tools)
    assert (run.error, run.observation, run.reads) == (None, "2 -2.0 True", ())


def test_many_threads_get_one_answer(past: Chronicle, remembered: Memory) -> None:
    """Samples of one step ask at once, and see the same."""
    past.live(range(100, 200))
    found = remembered.at(past.state(200))
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: (found.similar("WETH", 4), found.recall(4)), range(32)))
    assert len(set(map(repr, answers))) == 1


def test_memorys_bounds_are_the_tools() -> None:
    """No tool may ask for more than is looked up."""
    assert recollection.MOST == memory.MOST
