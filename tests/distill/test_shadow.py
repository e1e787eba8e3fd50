"""A student in shadow, on a running daemon: it decides on the same blocks, is scored, and changes nothing."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from eth_utils.address import to_checksum_address

from sentinel.agent.action_format import THOUGHT, render_action
from sentinel.agent.episode import Sampler
from sentinel.cli import common
from sentinel.config import settings
from sentinel.core.actions import Finish, Sample
from sentinel.core.errors import ModelUnavailable, SettingsError
from sentinel.core.network import NATIVE
from sentinel.core.record import CycleRecord
from sentinel.daemon.wiring import App, opened
from sentinel.distill.promotion.shadow import Shadow
from sentinel.distill.promotion.shadow_log import FILE, ShadowBlock, read, summary
from sentinel.distill.teaching.order_teacher import OrderTeacher
from sentinel.market import Devnet
from tests.daemon.running import ORDER

WALLET = to_checksum_address("0x" + "5e" * 20)
PURSE = {"WETH": 10**18, "USDC": 10_000 * 10**6, NATIVE: 10**18}  # far from half and half
PATIENCE = 60.0  # seconds


class Timid:
    """The live one: its programs never trade."""

    source = "student:timid"

    async def sample(
        self, messages: Sequence[Mapping[str, str]], n: int, prefill: str, *, after: int = 0
    ) -> list[Sample]:
        text = render_action(prefill.removeprefix(THOUGHT), "wait()")
        return [Sample(0, index, text, 7, Finish.STOP) for index in range(n)]


class Stuck(Timid):
    """It answers once it is let go."""

    def __init__(self) -> None:
        self.go, self.asked = asyncio.Event(), 0

    async def sample(
        self, messages: Sequence[Mapping[str, str]], n: int, prefill: str, *, after: int = 0
    ) -> list[Sample]:
        self.asked += 1
        await self.go.wait()
        return await super().sample(messages, n, prefill, after=after)


class Down(Timid):
    def __init__(self, error: Exception) -> None:
        self.error = error

    async def sample(
        self, messages: Sequence[Mapping[str, str]], n: int, prefill: str, *, after: int = 0
    ) -> list[Sample]:
        raise self.error


@dataclass
class Run:
    net: Devnet
    app: App
    shadow: Shadow
    path: Path
    records: list[CycleRecord]

    async def cycle(self) -> CycleRecord:
        """One more block, decided on by the live student."""
        before = len(self.records)
        await self.net.market.step()
        await self.until(lambda: len(self.records) > before)
        return self.records[-1]

    async def until(self, seen: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE):
            while not seen():
                await self.net.rpc.call("eth_chainId")

    async def recorded(self, blocks: int) -> list[ShadowBlock]:
        await self.until(lambda: self.shadow.blocks >= blocks)
        return [*read(self.path, "new")]

    def fates(self) -> dict[str, float]:
        (metric,) = self.app.parts.metrics.shadowed.collect()
        return {one.labels["fate"]: one.value for one in metric.samples}


@contextlib.asynccontextmanager
async def running(net: Devnet, folder: Path, sampler: Sampler) -> AsyncIterator[Run]:
    await net.fund(WALLET, PURSE)
    await net.allow_permit2(WALLET, {"WETH": 10**19, "USDC": 20_000 * 10**6})
    explicit = {
        "state_dir": folder / "state",
        "rpc": {"url": net.rpc_url, "ws_url": net.ws_url},
        "fork": {"port": 0},
        "web": {"port": 0},
        "wallet": {"address": WALLET},
        "strategy": {"order": ORDER, "exits": "vote"},
        "model": {"samples": 3},
        "shadow": {"url": "http://127.0.0.1:1/v1", "name": "new"},
    }
    made: list[Shadow] = []

    def shadow(parts, log):  # type: ignore[no-untyped-def]
        made.append(Shadow(parts, log, contextlib.nullcontext(sampler)))
        return made[0]

    with (folder / "log").open("w") as log:
        records: list[CycleRecord] = []
        given = settings.load(None, **explicit)
        async with opened(given, trader_model=Timid(), log_to=log, shadow=shadow, on_cycle=records.append) as app:
            run = Run(net, app, made[0], folder / "state" / FILE, records)
            daemon = asyncio.create_task(app.daemon.run())
            try:
                await run.until(lambda: bool(run.records))  # the block that was there at the start
                yield run
            finally:
                app.daemon.stop()
                assert await asyncio.wait_for(daemon, PATIENCE) == 0


async def test_it_decides_on_the_live_blocks_is_scored_and_sends_nothing(devnet: Devnet, tmp_path: Path) -> None:
    """The teacher of orders beside one whose programs never trade: the journal has the live decisions alone. (That what
    signs is out of its reach is a rule of the imports.)"""
    async with running(devnet, tmp_path, OrderTeacher()) as run:
        for number in range(1, 3):
            await run.recorded(number)
            await run.cycle()
        blocks = await run.recorded(3)
        by_hash = {str(record.head.hash): record for record in run.records}
        for block in blocks:
            assert by_hash[block.hash].head.number == block.block
            assert (block.live, block.decision, block.failed, block.agrees) == ("student:timid", "act", "", False)
            assert (block.right, block.live_right) == (True, False)
        assert run.fates() == {"differed": 3.0}
        found = summary(blocks)
        assert (found["blocks"], found["failed"], found["right"], found["live_right"]) == (3, 0, 3, 0)
        assert found["difference"]["low"] > 0
        assert run.app.parts.journal.summary().acts == 0


async def test_the_live_orders_player_is_never_asked_about_an_old_block(devnet: Devnet, tmp_path: Path) -> None:
    """It writes what it sees to the journal, so it must see each block in its turn."""
    stuck = Stuck()
    async with running(devnet, tmp_path, stuck) as run:
        await run.until(lambda: stuck.asked > 0)
        order = run.app.parts.force.value.order
        assert order is not None
        await run.cycle()
        seen = order.now()
        stuck.go.set()
        await run.recorded(2)
        assert order.now() == seen
        looked = order.play.__self__._last[0]  # type: ignore[attr-defined]
        assert looked == run.records[-1].head.hash


async def test_no_cycle_waits_for_it_and_what_came_meanwhile_is_left_out(devnet: Devnet, tmp_path: Path) -> None:
    """Live cycles end while it thinks; then it takes the newest of them."""
    stuck = Stuck()
    async with running(devnet, tmp_path, stuck) as run:
        await run.until(lambda: stuck.asked > 0)
        first = run.records[0]
        later = [await run.cycle() for _ in range(3)]
        assert run.shadow.blocks == 0
        stuck.go.set()
        blocks = await run.recorded(2)
        assert [one.hash for one in blocks] == [first.head.hash, later[-1].head.hash]
        assert run.fates() == {"agreed": 2.0, "skipped": 2.0}
        assert [one.right for one in blocks] == [False, False]  # the order wants a trade


@pytest.mark.parametrize("error", [ModelUnavailable("down"), ZeroDivisionError()])
async def test_its_failure_is_a_count_and_a_record(devnet: Devnet, tmp_path: Path, error: Exception) -> None:
    async with running(devnet, tmp_path, Down(error)) as run:
        await run.recorded(1)
        assert (await run.cycle()).decision.asked == 3
        blocks = await run.recorded(2)
        assert [one.failed for one in blocks] == [type(error).__name__] * 2
        assert summary(blocks) == {"blocks": 0, "failed": 2}
        assert run.fates() == {"failed": 2.0}


def test_without_an_address_there_is_none_and_half_of_it_is_a_mistake() -> None:
    assert common.shadow(settings.load(None)) is None
    assert common.shadow(settings.load(None, shadow={"url": "http://x/v1", "name": "new"})) == Shadow.of
    with pytest.raises(SettingsError, match="needs both"):
        settings.load(None, shadow={"url": "http://x/v1"})
