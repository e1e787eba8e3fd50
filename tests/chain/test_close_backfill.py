"""Gaps of the closes are filled from past blocks; what was lived and what was filled in are the same."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from sentinel.chain.close_backfill import CloseBackfill, drop_orphans, gaps
from sentinel.chain.close_history import FULL, CloseHistory
from sentinel.chain.market_reader import MarketReader
from sentinel.core.closes import WEEK
from sentinel.core.errors import HeadGone, RpcError, RpcTimeout
from sentinel.core.market_state import Head
from sentinel.core.network import HexHash
from sentinel.market import Devnet
from tests.chain.test_market import moved, reader_of

START = 1_700_000_000


def chain_of(times: Sequence[int], branch: str = "a") -> list[Head]:
    """Blocks 0, 1, … at these seconds after START."""
    return [
        Head(
            *(number, _hash(branch, number), _hash(branch, number - 1), START + time),
            *(0, 30_000_000, "0x" + "00" * 20, "0x" + "00" * 32),
        )
        for number, time in enumerate(times)
    ]


def _hash(branch: str, number: int) -> HexHash:
    return HexHash("0x" + (f"{ord(branch):02x}{number + 1:062x}"))


def steady(seconds: int, blocks: int) -> list[Head]:
    return chain_of([number * seconds for number in range(blocks)])


def uneven(seed: int, seconds: int) -> list[Head]:
    """Missed slots, and times without any block; a fast chain has several blocks in a second."""
    rng, time, times = random.Random(seed), 0, []
    while time < seconds:
        times.append(time)
        time += rng.choice((0, 0, 0, 1)) if seed % 3 == 0 else rng.choice((12, 12, 12, 12, 24, 36))
        time += rng.choice((200, 2400)) if rng.random() < 0.002 else 0
    return chain_of(times)


class Node:
    """A node that serves headers of all its blocks, and state of the last `states`."""

    def __init__(self, chain: Sequence[Head], states: int = 10**9) -> None:
        self.chain, self.states = list(chain), states
        self.requests = self.reads = 0
        self.failure: Exception | None = None
        self.history = CloseHistory()

    async def batch(self, calls: Sequence[tuple[str, Sequence[Any]]], timeout: float | None = None) -> list[Any]:
        self.requests += 1
        return [self._block(int(parameters[0], 16)) for _, parameters in calls]

    def _block(self, number: int) -> Any:
        if number >= len(self.chain):
            return None
        block = self.chain[number]
        return {
            "number": hex(number),
            "hash": block.hash,
            "parentHash": block.parent_hash,
            "timestamp": hex(block.timestamp),
            "gasLimit": hex(block.gas_limit),
            "miner": block.coinbase,
        }

    async def add_past(self, head: Head) -> bool:
        self.reads += 1
        if self.failure is not None:
            raise self.failure
        if head.number <= len(self.chain) - 1 - self.states:
            raise HeadGone(f"missing trie node of {head.number}")
        return self.history.insert(head, {"WETH": float(head.number)}, self.history.reorgs)

    def lived(self, blocks: Sequence[Head]) -> CloseHistory:
        history = CloseHistory()
        for block in blocks:
            history.record(block, {"WETH": float(block.number)})
        return history

    def backfill(self, **options: Any) -> CloseBackfill:
        return CloseBackfill(self, self.add_past, self.history, pause=0.0, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("seed", range(6))
async def test_a_filled_history_equals_one_that_was_lived(seed: int) -> None:
    """From an empty file, and around closes that are there; minutes beyond the first block of the chain are none."""
    node = Node(uneven(seed, 6_000 if seed % 3 == 0 else 30_000))
    lived, rng = node.lived(node.chain[1:]), random.Random(seed)
    kept = sorted(rng.sample(range(1, len(node.chain) - 1), 5)) if seed % 2 else []
    for number in (*kept, len(node.chain) - 1):
        block = node.chain[number]
        node.history.record(block, {"WETH": float(number)})
    filled = await node.backfill().run()
    assert filled.error == ""
    newest = node.chain[-1].timestamp
    for close in lived.closes:
        if close.time > newest - FULL:
            assert close.time in {known.time for known in node.history.closes}
        elif close.time // 60 > START // 60:
            assert close.time // 60 in {known.time // 60 for known in node.history.closes}
    if not kept:
        assert [close for close in node.history.closes if close.time // 60 > START // 60] == [
            close for close in lived.closes if close.time // 60 > START // 60
        ]
    again = await node.backfill().run()
    assert again.added == 0
    assert again.reads <= 16


async def test_a_week_of_an_archive_node_is_bounded_and_one_a_minute() -> None:
    """A request for each read, and fewer than three for each 8 minutes to find their blocks."""
    node = Node(steady(20, (WEEK + 86_400) // 20))
    node.history.record(node.chain[-1], {"WETH": 1.0})
    filled = await node.backfill().run()
    assert filled.error == ""
    assert 10_080 + 30 <= filled.reads <= 10_080 + 50
    assert node.requests < 10_080 * 3 / 8
    times = [close.time for close in node.history.closes]
    assert times[-1] - times[0] >= WEEK
    assert {b - a for a, b in pairwise(times[:-46])} == {60}
    assert {b - a for a, b in pairwise(times[-45:])} == {20}
    bounded = Node(node.chain)
    bounded.history.record(node.chain[-1], {"WETH": 1.0})
    assert (await bounded.backfill(max_reads=100).run()).reads <= 100


async def test_a_full_node_gives_what_it_has_and_is_not_asked_again() -> None:
    """128 blocks of state: the run ends at the first block without, and names it."""
    node = Node(steady(12, 5_000), states=128)
    node.history.record(node.chain[-1], {"WETH": 1.0})
    filled = await node.backfill().run()
    assert 75 <= filled.added <= 128
    assert 0 < filled.pruned_below <= len(node.chain) - 128
    assert "no endpoint has the state of block" in filled.error
    reads = node.reads
    assert (await node.backfill().run(above=filled.pruned_below)).added == 0
    assert node.reads <= reads + 1


async def test_an_error_of_the_node_ends_a_run_and_is_not_raised() -> None:
    """What was read stays, and the next run goes on."""
    node = Node(steady(12, 300))
    node.history.record(node.chain[-1], {"WETH": 1.0})
    node.failure = RpcTimeout("late")
    failed = await node.backfill().run()
    assert (failed.added, failed.pruned_below, failed.error) == (0, 0, "late")
    node.failure = None
    assert (await node.backfill().run()).error == ""
    assert len(node.history.closes) > 100


async def test_a_gap_on_another_branch_is_not_filled() -> None:
    """The newest close is of a block that the node no longer has: nothing is added below it."""
    node = Node(steady(12, 300))
    node.history.record(replace(node.chain[-1], hash=_hash("b", 299)), {"WETH": 1.0})
    filled = await node.backfill().run()
    assert filled.added == 0
    assert "replaced by a reorg" in filled.error


@pytest.mark.parametrize(("fork", "left"), [(None, 100), (90, 90), (1, 1), (0, 0)])
async def test_orphans_of_a_reorg_while_nothing_ran_are_dropped(fork: int | None, left: int) -> None:
    """By hash, at 12 s blocks in about seven requests; with the newest close on the chain in one."""
    node = Node(steady(12, 120))
    history = node.lived(node.chain[1:101])
    if fork is not None:
        other = chain_of([number * 12 for number in range(120)], "b")
        node.chain[fork + 1 :] = other[fork + 1 :]
    before = len(history.closes)
    dropped = await drop_orphans(node, history, node.chain[-1])  # type: ignore[arg-type]
    assert dropped == before - len(history.closes)
    assert all(close.number <= left for close in history.closes)
    assert all(close.hash == node.chain[close.number].hash for close in history.closes)
    assert node.requests == 1 if fork is None else node.requests <= 8
    if fork is None:
        assert dropped == 0


async def test_closes_above_the_head_are_dropped_and_an_error_is_raised() -> None:
    """A chain that was set back; and what cannot be compared is not taken on trust."""
    node = Node(steady(12, 50))
    history = node.lived(node.chain[1:])
    assert await drop_orphans(node, history, node.chain[40]) == 9  # type: ignore[arg-type]

    async def broken(calls: object, timeout: float | None = None) -> list[Any]:
        return [RpcError("no")]

    node.batch = broken  # type: ignore[method-assign]
    with pytest.raises(RpcError):
        await drop_orphans(node, history, node.chain[40])  # type: ignore[arg-type]


def test_a_quiet_chain_has_no_gap() -> None:
    """Two blocks in a row with an hour between them."""
    quiet = CloseHistory()
    for block in chain_of([0, 12, 3_612, 3_624]):
        quiet.record(block, {"WETH": 1.0})
    assert [before for before, _ in gaps(quiet.closes, quiet.closes[-1].time)] == [None]  # before the first
    assert quiet.holes == 0


async def test_a_reader_that_starts_later_sees_the_closes_that_were_lived(devnet: Devnet) -> None:
    """On a real chain, with the pools' own prices, and without the quote token."""
    lived: MarketReader = reader_of(devnet)
    for _ in range(6):
        state = await lived.read(await moved(devnet, 1))
    late = reader_of(devnet)
    first = (await late.read(state.head)).closes
    assert len(first["WETH"].times) == 1
    await CloseBackfill(devnet.rpc, late.add_past, late.closes, pause=0.0).run()
    assert late.closes.closes[-6:] == lived.closes.closes[-6:]
    assert set(state.closes) == {"WETH", "WBTC"}
    assert state.closes["WETH"].at(state.head.timestamp) == (state.head.timestamp, state.prices["WETH"])
    late.rewind(state.head.number)
    assert late.closes.closes[-1].number == state.head.number - 1
