"""Which endpoint is used: dropped after failures, back after its rest, never again where it is of another chain."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sentinel.chain.endpoints.disputes import Dispute, behind, best, disagreement
from sentinel.chain.endpoints.endpoint_health import EndpointHealth, FailoverRules
from sentinel.core.network import HexHash
from sentinel.daemon.connections import lag_blocks


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


def test_three_failures_drop_an_endpoint_for_a_minute() -> None:
    """Two are borne, an answer between them forgets them; after the third the next endpoint is read from."""
    health, clock = made()
    for _ in range(2):
        assert not health.failed(0)
    health.answered(0)
    assert [health.failed(0) for _ in range(3)] == [False, False, True]
    assert (health.state(0), health.current, health.switches) == ("resting", 1, 1)
    clock.now = 59.9
    assert health.healthy == [1, 2]
    clock.now = 60.0
    assert health.healthy == [0, 1, 2]
    assert health.current == 1  # nobody has seen yet that the first one answers again
    health.passed(0)
    assert (health.current, health.switches) == (0, 2)
    assert health.due(0)  # I10: it takes over


def test_the_chain_is_checked_after_each_failure_and_fail_over() -> None:
    """I10: who failed may be another node now, and who takes over must show the chain again."""
    health, _ = made()
    assert not any(health.due(i) for i in range(3))
    health.failed(0)
    assert health.due(0)
    health.failed(0)
    health.failed(0)
    assert health.current == 1
    assert health.due(1)


def test_an_endpoint_of_another_chain_never_comes_back() -> None:
    """Refused is for good; with all refused there is nobody to ask."""
    health, clock = made(2)
    health.refuse(0, "chain 1")
    clock.now = 1e9
    assert (health.healthy, health.order, health.refused()) == ([1], [1], {0: "chain 1"})
    health.refuse(1, "chain 1")
    assert health.order == []


def test_one_endpoint_is_never_left_alone() -> None:
    """Where no endpoint is healthy those of our chain are asked all the same: nothing else could answer."""
    health, _ = made(1)
    for _ in range(10):
        health.failed(0)
    assert (health.healthy, health.usable, health.current) == ([], [0], 0)


def test_who_lags_is_out_until_it_has_caught_up() -> None:
    """Five blocks behind the best is too many, four are not."""
    assert behind({0: 100, 1: 95, 2: 96, 3: 100}, 5) == {1}
    health, _ = made(2)
    assert health.lags({0}) == {0}
    assert (health.state(0), health.current) == ("behind", 1)
    assert health.lags({0}) == set()
    health.lags(set())
    assert health.healthy == [0, 1]
    assert health.current == 0  # the preferred one


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


@given(st.lists(st.tuples(st.integers(0, 2), st.sampled_from(["fail", "answer", "refuse", "wait", "lag", "level"]))))
def test_whatever_happens_reads_go_to_someone_of_our_chain(events: list[tuple[int, str]]) -> None:
    """The current endpoint is usable and first in the order, which has nobody twice and nobody refused."""
    health, clock = made()
    for endpoint, event in events:
        if event == "fail":
            health.failed(endpoint)
        elif event == "answer":
            health.answered(endpoint)
        elif event == "refuse":
            health.refuse(endpoint, "another chain")
        elif event == "wait":
            clock.now += 25.0
        else:
            health.lags({endpoint} if event == "lag" else set())
        order, refused = health.order, set(health.refused())
        assert len(set(order)) == len(order)
        assert not refused & set(order)
        assert bool(order) == (len(refused) < 3)
        assert not order or order[0] == health.current
        assert set(health.healthy) <= set(order)
