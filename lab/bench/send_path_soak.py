"""Soak test of the send path: one executor and journal over many blocks with random faults (I27).

The whole daemon cannot run this fast: a block of the local market adds at least a second to the chain's time, and a
deadline far ahead of the clock is refused. So this runs the parts that write or hold something per block and per
trade: executor, finality, journal, log, metrics and RPC, on a real chain at full speed.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import secrets
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import linear_regression
from typing import Any

from lab.bench.resident_memory import resident
from lab.crash import counter
from lab.crash.crash_run import on_disk
from lab.crash.crash_tally import CrashTally, compare
from lab.crash.life import LIFETIME
from sentinel.chain.rpc import Call, Rpc
from sentinel.core.errors import RpcError, Unavailable
from sentinel.core.network import NATIVE
from sentinel.core.units import GWEI
from sentinel.daemon.execution_reporter import ExecutionReporter
from sentinel.execute.broadcast import Broadcaster
from sentinel.execute.reconcile import reconcile
from sentinel.execute.sender import LiveExecutor
from sentinel.journal.journal import Journal
from sentinel.market import Devnet, PricePath
from sentinel.observe import logs
from sentinel.observe.metrics import Metrics

SAMPLES = 60
WARM_UP = 0.1  # share of the blocks that the slopes leave out
LOST = 0.01  # share of requests that are lost; the same share of replies is lost
DROPPED = 0.03  # share of sent transactions that the node drops
REORGS = 0.01  # share of blocks with a reorg of one to three blocks
SPIKES = 0.02  # share of blocks with ten times the base fee

Progress = Callable[[int, int, str], None]


class FaultyRpc(Rpc):
    """A connection that loses requests and replies, to a node that drops transactions."""

    def __init__(self, url: str, chance: random.Random) -> None:
        super().__init__(url)
        self._chance = chance
        self.faults = 0
        self.calm = False  # True stops the faults

    async def call(self, method: str, *params: Any, timeout: float | None = None) -> Any:
        self._fail("request")
        result = await super().call(method, *params, timeout=timeout)
        if method == "eth_sendRawTransaction" and not self.calm and self._chance.random() < DROPPED:
            self.faults += 1
            await super().call("anvil_dropTransaction", result)
        self._fail("reply")
        return result

    async def batch(self, calls: Sequence[Call], timeout: float | None = None) -> list[Any | RpcError]:
        self._fail("request")
        results = await super().batch(calls, timeout)
        self._fail("reply")
        return results

    def _fail(self, what: str) -> None:
        if not self.calm and self._chance.random() < LOST:
            self.faults += 1
            raise RpcError(f"the {what} was lost")


async def soak(blocks: int, *, seed: int = 1, progress: Progress) -> dict[str, Any]:
    """Run the send path over `blocks` blocks. Sizes are in KiB; slopes are per 1,000 blocks, by least squares."""
    chance = random.Random(seed)
    async with contextlib.AsyncExitStack() as stack:
        home = stack.enter_context(on_disk("soak-"))
        log = stack.enter_context((home / "log").open("w", buffering=1))
        net = await stack.enter_async_context(Devnet.start(prices=PricePath.synthetic(seed)))
        rpc = await stack.enter_async_context(FaultyRpc(net.rpc_url, chance))
        await net.rpc.call("anvil_setCode", counter.COUNTER, counter.COUNTER_CODE)
        genesis = (await counter.read_head(net.rpc, "0x0")).hash
        key = home / "dev.key"
        key.touch(mode=0o600)
        key.write_text("0x" + secrets.token_hex(32))
        signer = counter.signer(key)
        await net.fund(signer.address, {NATIVE: 10**24})
        journal = Journal.open(home / "journal.sqlite", counter.network(), genesis, signer.address)
        stack.callback(journal.close)
        reporter = ExecutionReporter(Metrics(net.network), logs.configure(stream=log))
        executor = LiveExecutor(
            *(rpc, Broadcaster(rpc), journal, signer, counter.network(), genesis),
            *(counter.finalise, counter.rules(bump_after_blocks=2)),
            observer=reporter,
        )
        await reconcile(executor, await counter.read_head(net.rpc))
        run = _SoakRun(net, rpc, journal, executor, chance)
        started = time.monotonic()
        samples: list[dict[str, float]] = []
        done = 0
        try:
            while done < blocks:
                await run.block()
                done += 1
                if done % max(1, blocks // SAMPLES) == 0:
                    progress(done, blocks, "blocks")
                    samples.append({"blocks": done} | _sizes(home))
        except asyncio.CancelledError:  # Ctrl-C: report the results so far
            if not samples or (task := asyncio.current_task()) is None:
                raise
            task.uncancel()
            blocks = done
        seconds = time.monotonic() - started
        tally = await run.end()
        return {
            "blocks": blocks,
            "prices": net.market.source,  # synthetic ones, which never end
            "seconds": round(seconds, 1),
            "blocks_per_second": round(blocks / seconds, 2),
            "trades": tally.accepted,
            "double": tally.double,
            "lost": tally.lost,
            "disagree": tally.disagree,
            "early": tally.early,
            "faults": rpc.faults + run.faults,
            "unanswered": run.unanswered,
            "slopes": {name: round(slope(samples, name), 3) for name in samples[0] if name != "blocks"},
            "samples": samples,
        }


class _SoakRun:
    def __init__(
        self, net: Devnet, rpc: FaultyRpc, journal: Journal, executor: LiveExecutor, chance: random.Random
    ) -> None:
        self._net = net
        self._rpc = rpc
        self._journal = journal
        self._executor = executor
        self._chance = chance
        self._tag = 0
        self.faults = 0
        self.unanswered = 0  # heads for which the node gave no answer

    async def block(self) -> None:
        """Mine a block, follow the open intent, and trade if there is none."""
        node = self._net.rpc
        if self._chance.random() < SPIKES:
            self.faults += 1
            await node.call("anvil_setNextBlockBaseFeePerGas", hex(150 * GWEI))
        elif self._chance.random() < SPIKES:
            await node.call("anvil_setNextBlockBaseFeePerGas", hex(10 * GWEI))
        if self._chance.random() < REORGS:
            self.faults += 1
            depth = self._chance.randint(1, 3)
            await node.call("anvil_rollback", depth)
            for _ in range(depth):
                await node.call("evm_mine")
        await node.call("evm_mine")
        head = await counter.read_head(node)
        try:
            await self._executor.on_head(head)
            if self._executor.open_intent is None:
                act = counter.decision(self._tag + 1, max(int(time.time()), head.timestamp) + LIFETIME, head)
                intent = await self._executor.prepare(act, counter.STATE)
                self._journal.accept(None, intent)
                self._tag += 1
                await self._executor.execute(intent)
        except Unavailable:
            self.unanswered += 1

    async def end(self) -> CrashTally:
        """Stop the faults, follow all intents to their settlement, and compare chain and journal."""
        node = self._net.rpc
        self._rpc.calm = True
        while self._journal.open_intents():
            await node.call("evm_mine")
            await self._executor.on_head(await counter.read_head(node))
        tags = range(1, self._tag + 1)
        return compare(self._journal, tags, await counter.effects(node, tags))


def _sizes(home: Path) -> dict[str, float]:
    files = {"database_kib": ("journal.sqlite", "journal.sqlite-wal"), "log_kib": ("log",)}
    return {
        "rss_kib": resident("self") * 1024,
        "open_files": len(os.listdir("/proc/self/fd")),
        **{name: sum((home / file).stat().st_size for file in names) / 1024 for name, names in files.items()},
    }


def slope(samples: Sequence[dict[str, float]], name: str) -> float:
    """Slope of `name` per 1,000 blocks by least squares, without the warm-up; 0 if there are fewer than two samples."""
    last = samples[-1]["blocks"] if samples else 0
    points = [(s["blocks"] / 1000, s[name]) for s in samples if s["blocks"] > WARM_UP * last]
    if len(points) < 2:
        return 0.0
    return linear_regression(*zip(*points, strict=True)).slope
