"""Endpoints that show different heads: one that stands still is left, and what stays different is disputed."""

from __future__ import annotations

from typing import Any

import pytest

from lab.faults import HttpStatus, lies
from tests.chain.endpoints.bench import HEAD, Bench
from tests.execute.rig import until


async def test_a_frozen_endpoint_is_left(two: Bench) -> None:
    """Four blocks behind it may stay, five behind the other is read from, until it has caught up."""
    frozen = two.proxies[0].add(HEAD, lies.frozen())
    await two.pool.look()
    await two.rig.mine(4)
    await two.pool.look()
    assert two.states() == ["current", "healthy"]
    await two.rig.mine(1)
    await two.pool.look()
    assert two.states() == ["behind", "current"]
    assert two.pool.disputed is None
    two.proxies[0].remove(frozen)
    await two.pool.look()
    assert two.states() == ["current", "healthy"]


async def test_heads_that_differ_for_long_are_disputed(two: Bench) -> None:
    """I11: another branch at one endpoint stands after twelve seconds, whatever the heights, and ends with it."""
    await two.pool.look()
    head = await two.rig.mine(2)
    other = two.proxies[1].add(HEAD, lies.other_heads(above=head.number - 1))
    await two.pool.look()
    two.clock.now = 11.9
    await two.rig.mine(1)
    await two.pool.look()
    assert two.pool.disputed is None
    two.clock.now = 12.0
    assert two.pool.disputed is not None
    assert f"block {head.number + 1}" in two.pool.disputed
    two.proxies[1].remove(other)
    await two.pool.look()
    assert two.pool.disputed is None


@pytest.mark.attack("a node that lies", "contained")
async def test_an_endpoint_that_fails_now_and_then_ends_no_dispute(two: Bench) -> None:
    """Silence is no agreement: a comparison that an endpoint did not answer leaves the dispute as it is."""
    await two.pool.look()
    head = await two.rig.mine(2)
    two.proxies[1].add(HEAD, lies.other_heads(above=head.number - 1))
    for second in range(12):
        two.clock.now = float(second)
        silent = two.proxies[1].add(HEAD, HttpStatus(503)) if second % 2 else None
        await two.pool.look()
        if silent is not None:
            two.proxies[1].remove(silent)
    two.clock.now = 12.0
    assert two.pool.disputed is not None


async def test_who_runs_ahead_is_compared_with_who_lags(two: Bench) -> None:
    """I11: of two, one on a branch of its own that is far ahead makes the other late, and is disputed all the same."""
    frozen = two.proxies[1].add(HEAD, lies.frozen())
    await two.pool.look()
    fork = await two.rig.head()
    await two.rig.mine(6)
    await two.pool.look()
    assert (two.states(), two.pool._heads._dispute._why) == (["current", "behind"], None)
    two.proxies[0].add(HEAD, lies.other_heads(above=fork.number))
    await two.pool.look()
    assert two.pool._heads._dispute._why is None  # they agree as far as the honest one has come
    two.proxies[1].remove(frozen)
    two.proxies[1].add(HEAD, lies.frozen())
    await two.pool.look()
    await two.rig.mine(6)
    await two.pool.look()
    two.clock.now = 12.0
    assert two.states() == ["current", "behind"]
    assert two.pool.disputed is not None
    assert f"block {fork.number + 6}" in two.pool.disputed


async def test_a_fault_in_a_look_ends_no_look(two: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Heads that nobody compares are as good as disputed, and the looks go on: once one is whole that is over."""

    def fault(*_: Any) -> str | None:
        raise KeyError("oops")

    monkeypatch.setattr(two.pool._heads, "_every", 0.02)
    async with two.pool:
        with monkeypatch.context() as broken:
            broken.setattr("sentinel.chain.endpoints.disputes.disagreement", fault)
            await until(lambda: two.pool._heads._dispute._why is not None)
            two.clock.now = 12.0
            assert two.pool.disputed is not None
        await until(lambda: two.pool.disputed is None)
