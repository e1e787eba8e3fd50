"""Which endpoint is asked for what: it rests after failures of a kind, comes back, and never if of another chain."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sentinel.chain.endpoints.disputes import Dispute, behind, best, disagreement
from sentinel.chain.endpoints.endpoint_health import EndpointHealth, FailoverRules
from sentinel.chain.endpoints.request_kinds import Kind, kind_of
from sentinel.core.network import HexHash
from sentinel.daemon.connections import lag_blocks

HEADS, STATE, SEND, SIMULATE = Kind.HEADS, Kind.STATE, Kind.SEND, Kind.SIMULATE
BLOCK, CALL, BALANCE, RAW, SIM = (
    "eth_getBlockByNumber", "eth_call", "eth_getBalance", "eth_sendRawTransaction", "eth_simulateV1",
)  # fmt: skip


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def made(count: int = 3) -> tuple[EndpointHealth, Clock]:
    clock = Clock()
    health = EndpointHealth(count, FailoverRules(), clock)
    for endpoint in range(count):
        health.passed(endpoint)
    return health, clock


def test_lag_takes_blocks_and_time() -> None:
    """Five blocks, and six seconds of them: at 250 ms an endpoint is often five blocks late for a moment."""
    assert [lag_blocks(block_time) for block_time in (0.25, 1.0, 2.0, 12.0, 0.0)] == [24, 6, 5, 5, 5]


def test_three_failures_rest_an_endpoint_for_a_minute() -> None:
    """Two are allowed, an answer clears them; after the third the next endpoint is read from."""
    health, clock = made()
    for _ in range(2):
        assert not health.failed(0, [CALL])
    health.answered(0, [CALL])
    assert [health.failed(0, [CALL]) for _ in range(3)] == [set(), set(), {STATE}]
    assert (health.state(0), health.current(STATE), health.switches) == ("resting", 1, 1)
    clock.now = 59.9
    assert health.healthy(STATE) == [1, 2]
    clock.now = 60.0
    assert health.healthy(STATE) == [0, 1, 2]
    assert health.current(STATE) == 1  # it has not shown its chain since it failed
    health.passed(0)
    assert (health.current(STATE), health.switches) == (0, 2)
    assert health.due(0)  # I10: it takes over


def test_a_kind_rests_alone() -> None:
    """Other kinds go on at an endpoint that rests for one, and their successes end nothing."""
    health, _ = made(2)
    for _ in range(3):
        health.failed(0, [CALL])
        health.answered(0, [BLOCK, SIM, RAW])
    health.passed(0)
    assert {kind: health.current(kind) for kind in Kind} == {HEADS: 0, STATE: 1, SIMULATE: 0, SEND: 0}
    assert health.rests(0) == {STATE: [CALL]}


def test_a_success_of_another_request_of_its_kind_clears_nothing() -> None:
    """Balances that answer in between do not hide that calls hang."""
    health, _ = made(2)
    for _ in range(2):
        health.failed(0, [CALL])
        health.answered(0, [BALANCE])
    assert health.failed(0, [CALL]) == {STATE}


def test_a_failed_send_rests_no_read() -> None:
    """I6: what becomes of sends decides nothing about reads, and the other way round."""
    health, _ = made(2)
    for _ in range(5):
        health.failed(0, [RAW])
    health.passed(0)
    assert (health.current(HEADS), health.current(STATE), health.usable(SEND)) == (0, 0, [1])
    for _ in range(5):
        health.failed(1, [CALL])
    assert health.usable(SEND) == [1]


def test_after_its_rest_one_failure_is_enough() -> None:
    """An endpoint that hangs for ever costs one read per rest, not three; a success makes it healthy again."""
    health, clock = made(2)
    assert health.failed(0, [CALL], at_once=True) == {STATE}
    clock.now = 61.0
    assert health.healthy(STATE) == [0, 1]
    assert health.failed(0, [CALL]) == {STATE}
    clock.now = 122.0
    health.answered(0, [CALL])
    assert health.failed(0, [CALL]) == set()


def test_an_endpoint_says_itself_when_to_ask_again() -> None:
    """Within bounds: not at once, and not after more than ten minutes."""
    for said, rest in ((0.0, 1.0), (7.0, 7.0), (1e9, 600.0)):
        health, clock = made(2)
        assert health.failed(0, [CALL], rest=said) == {STATE}
        clock.now = rest - 0.1
        assert health.healthy(STATE) == [1]
        clock.now = rest
        assert health.healthy(STATE) == [0, 1]


def test_the_only_endpoint_that_answers_again_rests_no_more() -> None:
    """With nobody else it is asked while it rests: its answer to what failed ends the rest."""
    health, _ = made(1)
    health.failed(0, [CALL], at_once=True)
    assert (health.healthy(STATE), health.usable(STATE)) == ([], [0])
    health.answered(0, [CALL])
    assert (health.healthy(STATE), health.rests(0)) == ([0], {})


def test_one_that_cannot_show_its_chain_serves_no_reads() -> None:
    """I10: it must be checked before a read, and rests for heads, by which it would be."""
    health, _ = made(2)
    health.failed(0, [BLOCK], at_once=True)
    assert [health.current(kind) for kind in (HEADS, STATE, SIMULATE, SEND)] == [1, 1, 1, 0]


def test_the_chain_is_checked_after_each_failure_and_fail_over() -> None:
    """I10: who failed may be another node now, and who takes over must show the chain again."""
    health, _ = made()
    assert not any(health.due(i) for i in range(3))
    health.failed(0, [CALL], same_node=True)  # it lacks a block
    assert not health.due(0)
    health.failed(0, [CALL])
    assert health.due(0)
    health.failed(0, [CALL])
    assert health.current(STATE) == 1
    assert health.due(1)


def test_an_endpoint_of_another_chain_never_comes_back() -> None:
    """Refused is for good; with all refused there is nobody to ask."""
    health, clock = made(2)
    health.refuse(0, "chain 1")
    clock.now = 1e9
    assert (health.healthy(STATE), health.order(STATE), health.refused()) == ([1], [1], {0: "chain 1"})
    health.refuse(1, "chain 1")
    assert health.order(STATE) == []


def test_one_endpoint_is_never_left_alone() -> None:
    """Where no endpoint is healthy those of our chain are asked all the same: nothing else could answer."""
    health, _ = made(1)
    for _ in range(10):
        health.failed(0, [CALL])
    assert (health.healthy(STATE), health.usable(STATE), health.current(STATE)) == ([], [0], 0)
    assert health.state(0) == "current"


def test_who_lags_is_out_until_it_has_caught_up() -> None:
    """Five blocks behind the best is too many, four are not."""
    assert behind({0: 100, 1: 95, 2: 96, 3: 100}, 5) == {1}
    health, _ = made(2)
    assert health.lags({0}, {0, 1}) == {0}
    assert (health.state(0), health.current(STATE), health.current(HEADS)) == ("behind", 1, 1)
    assert health.lags({0}, {0, 1}) == set()
    health.lags(set(), {1})  # it did not answer, so nothing is known of it
    assert health.state(0) == "behind"
    health.lags(set(), {0, 1})
    assert health.healthy(STATE) == [0, 1]
    assert health.current(STATE) == 0  # the preferred one


def test_one_endpoint_cannot_outrun_two() -> None:
    """A head far in the future, told by one of three, makes nobody else late."""
    assert behind({0: 100, 1: 10**9, 2: 99}, 5) == set()
    assert best([7]) == 7


@given(
    st.dictionaries(st.text(min_size=1, max_size=3), st.tuples(st.integers(0, 3), st.sampled_from("abc").map(HexHash)))
)
def test_a_disagreement_is_two_hashes_at_one_number(shown: dict[str, tuple[int, HexHash]]) -> None:
    """And nothing else: endpoints at different heights agree as far as anyone can tell."""
    split = any(one[0] == two[0] and one[1] != two[1] for one in shown.values() for two in shown.values())
    assert (disagreement(shown) is not None) == split


@given(st.lists(st.tuples(st.floats(0, 10), st.booleans()), max_size=30))
def test_a_dispute_is_a_disagreement_that_lasts(looks: list[tuple[float, bool]]) -> None:
    """It stands once the same run of disagreeing looks is twelve seconds old, and ends with the first agreement."""
    dispute, now, since = Dispute(12.0), 0.0, None
    for pause, differs in looks:
        now += pause
        dispute.seen("they differ" if differs else None, now)
        since = (since if since is not None else now) if differs else None
        assert (dispute.standing(now) is not None) == (since is not None and now - since >= 12.0)


NAMES = (BLOCK, CALL, BALANCE, RAW, SIM)
EVENTS = ("fail", "hang", "limit", "answer", "refuse", "wait", "lag", "level", "pass")


@given(st.lists(st.tuples(st.integers(0, 2), st.sampled_from(EVENTS), st.sampled_from(NAMES)), max_size=60))
def test_whatever_happens_each_kind_goes_to_someone_of_our_chain(events: list[tuple[int, str, str]]) -> None:
    """For every kind: the current endpoint is usable and first in the order, which has nobody twice or refused.

    An event of one kind changes the rests of no other, and a request that was answered last is never one of those
    that an endpoint rests for.
    """
    health, clock = made()
    for endpoint, event, name in events:
        before = [dict(health.rests(i)) for i in range(3)]
        if event in ("fail", "hang", "limit"):
            limit = event == "limit"
            health.failed(endpoint, [name], same_node=limit, at_once=event == "hang", rest=90.0 if limit else None)
            assert event == "fail" or name in health.rests(endpoint)[kind_of(name)]
        elif event == "answer":
            health.answered(endpoint, [name])
            assert name not in health.rests(endpoint).get(kind_of(name), ())
        elif event == "refuse":
            health.refuse(endpoint, "another chain")
        elif event == "wait":
            clock.now += 25.0
        elif event == "pass":
            health.passed(endpoint)
        else:
            health.lags({endpoint} if event == "lag" else set(), range(3))
        after = [dict(health.rests(i)) for i in range(3)]
        for i, kind in ((i, kind) for i in range(3) for kind in Kind):
            touched = event == "wait" or (i == endpoint and kind is kind_of(name))
            assert touched or before[i].get(kind) == after[i].get(kind)
        for kind in Kind:
            order, refused = health.order(kind), set(health.refused())
            assert len(set(order)) == len(order)
            assert not refused & set(order)
            assert bool(order) == (len(refused) < 3)
            assert not order or order[0] == health.current(kind)
            assert set(health.healthy(kind)) <= set(order) or not health.healthy(kind)
            assert not any(kind in health.rests(i) for i in health.healthy(kind))
