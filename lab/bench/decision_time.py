"""Time from a head to signed, durable bytes, by stage, with the daemon's own parts on a local market.

The clock starts when a cycle gets its head. It stops when the signed transaction is committed, just before it is sent.
Each head sets new balances, so that there is a trade to make. The sizes alternate from head to head, so that noise
affects all alike. `own` is the processor time of this process (all threads). It leaves out the model, the sandbox's
workers, the chain and the fork, which are other processes, and all waiting.
"""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from typing import Any

from eth_account import Account

from lab.bench.quantiles import summary
from sentinel.agent.vllm_server import served
from sentinel.chain.heads import latest_head
from sentinel.chain.prefetch import PrefetchingReader
from sentinel.config.settings import load
from sentinel.core.decision import Act
from sentinel.core.host.places import student_folder
from sentinel.core.market_state import Head
from sentinel.core.network import NATIVE
from sentinel.core.record import CycleRecord
from sentinel.core.transaction import Attempt, Intent
from sentinel.cycle import Cycle
from sentinel.daemon import garbage_collection
from sentinel.daemon.flatten.sale_cycle import SaleCycle
from sentinel.daemon.serve import run as run_loop
from sentinel.daemon.wiring import App, opened
from sentinel.distill.teaching.order_teacher import OrderTeacher
from sentinel.execute.dry_run import DryRunExecutor
from sentinel.market import Devnet

STAGES = ("market", "prompt", "model", "sandbox", "simulate", "policy", "vote", "permit", "confirm", "accept", "sign")
SETTLE = 20  # max blocks until a transaction is settled; after them the run fails
# Limits for many trades per minute, with blocks that come faster than the second that each adds to the chain's time.
OPEN = {
    "max_trade": 5000.0,
    "max_daily_loss": 1e9,
    "max_daily_volume": 1e12,
    "max_head_age": 3_600,
    "max_deadline": 600,
}

# Traded at nearly every head. Its programs come from the teacher, each with a text and so a run of its own.
ORDER = (
    "Rebalance to 50% WETH and 50% USDC when off by more than 1%. Trade at most 4,000 USDC at a time. "
    "Pay at most 50% of a trade in costs."
)
KEPT = 1_000_000  # blocks

Say = Callable[[str], None]
Progress = Callable[[int], None]


@dataclass(slots=True)
class StageTimes:
    """Seconds by stage for one n, over the heads whose trade was signed."""

    seconds: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    decisions: Counter[str] = field(default_factory=Counter)

    def as_json(self, n: int) -> dict[str, Any]:
        stages = {name: summary(self.seconds[name]) for name in STAGES}
        whole = {name: summary(self.seconds[name]) for name in ("head_to_signed", "but_the_model", "own")}
        return {"n": n, "decisions": dict(self.decisions), **whole, "stages": stages}


@dataclass(slots=True)
class DurableTimes:
    """When acceptance and signed bytes became durable (performance counter, seconds); None until they are."""

    accepted: float | None = None
    signed: float | None = None
    busy: float = 0.0  # processor seconds of this process at that time
    accept: float = 0.0  # seconds that the acceptance took


def measure(sizes: Sequence[int], heads: int, proposer: str, seed: int, say: Say, progress: Progress) -> dict[str, Any]:
    """Measure `heads` decisions per size. Starts all parts that it needs and always stops them."""
    return run_loop(_measure(sizes, heads, proposer, seed, say, progress))


async def _measure(
    sizes: Sequence[int], heads: int, proposer: str, seed: int, say: Say, progress: Progress
) -> dict[str, Any]:
    tallies = {n: StageTimes() for n in sizes}
    async with _bench(proposer, seed, say) as bench:
        for n in sizes:
            await bench.decide(n)  # warm-up, not counted
        garbage_collection.freeze_heap()  # as the daemon does before its first cycle
        done = 0
        for _ in range(heads):
            for n in sizes:
                await bench.counted(n, tallies[n])
                progress(done := done + 1)
        overlap = await bench.overlap(min(sizes, key=lambda n: abs(n - 8)), max(4, heads // 4))
        prices = bench.net.market.source
    return {
        "proposer": proposer,
        "prices": prices,
        "heads": heads,
        "unit": "ms",
        "sizes": [tally.as_json(n) for n, tally in tallies.items()],
        "next_market": overlap,
    }


@dataclass(slots=True)
class _Bench:
    """A daemon's parts on a local market, driven head by head."""

    net: Devnet
    app: App
    wallet: str
    draw: Random
    marks: DurableTimes = field(default_factory=DurableTimes)

    async def head(self) -> Head:
        """Set new balances and mine a block. No intent may be open."""
        share = self.draw.choice((0.1, 0.2, 0.8, 0.9))
        bar = self.net.market.block.bar
        value = self.draw.uniform(5_000, 20_000)
        purse = {
            "WETH": int(share * value / bar.weth * 10**18),
            "USDC": int((1 - share) * value * 10**6),
            NATIVE: 10**18,
        }
        await self.net.fund(self.wallet, purse)
        return await self.block()

    async def block(self) -> Head:
        await self.net.market.step()
        head = await latest_head(self.app.parts.rpc)
        self.app.parts.latest.put(head)
        return head

    async def settle(self) -> None:
        """Mine blocks until no intent is open. Raises TimeoutError after SETTLE blocks."""
        for _ in range(SETTLE):
            if self.follower.open_intent is None:
                return
            await self.follower.on_head(await self.block())
        raise TimeoutError(f"a transaction did not settle within {SETTLE} blocks")

    @property
    def follower(self) -> Any:
        return self.app.daemon.loop.follower

    @property
    def cycle(self) -> Cycle:
        runs = self.app.reloader.runner
        assert isinstance(runs, SaleCycle)
        return runs.trade

    async def decide(self, n: int) -> tuple[CycleRecord, float, float]:
        """Run one cycle. Returns its record, and its start by the performance counter and by processor time."""
        head = await self.head()
        self.marks = DurableTimes()
        began, busy = time.perf_counter(), time.process_time()
        record = await replace(self.cycle, samples=n).run(head)
        await self.settle()
        return record, began, busy

    async def counted(self, n: int, tally: StageTimes) -> None:
        """Run one cycle and add it to `tally`."""
        record, began, busy = await self.decide(n)
        decision, marks = record.decision, self.marks
        tally.decisions["act" if isinstance(decision, Act) else decision.reason] += 1
        if marks.signed is None or marks.accepted is None:
            return
        times = dict(record.timings)
        times |= {"permit": times["prepare"], "accept": marks.accept, "sign": marks.signed - marks.accepted}
        times["head_to_signed"] = marks.signed - began
        times["but_the_model"] = times["head_to_signed"] - times["model"]
        times["own"] = marks.busy - busy
        for name in (*STAGES, "head_to_signed", "but_the_model", "own"):
            tally.seconds[name].append(times.get(name, 0.0))

    async def overlap(self, n: int, heads: int) -> dict[str, Any]:
        """How long a cycle waits for its market state without and with a prefetch during the cycle before it."""
        waits: dict[str, list[float]] = {"not_ahead": [], "ahead": []}
        for _ in range(heads):
            for name, seconds in waits.items():
                ahead = PrefetchingReader(self.app.parts.market)
                dry = replace(self.cycle, samples=n, market=ahead, executor=DryRunExecutor(self.app.parts.journal))
                running = asyncio.create_task(dry.run(await self.head()))
                await asyncio.sleep(0.05)
                head = await self.block()
                if name == "ahead":
                    ahead.begin(head)
                await running
                started = time.perf_counter()
                state = await ahead.read(head)
                seconds.append(time.perf_counter() - started)
                assert state.head == head
        return {"n": n, **{name: summary(seconds) for name, seconds in waits.items()}}


@contextlib.asynccontextmanager
async def _bench(proposer: str, seed: int, say: Say) -> AsyncIterator[_Bench]:
    account = Account.create()
    async with contextlib.AsyncExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sentinel-bench-")))
        log = stack.enter_context((home / "log").open("w"))
        net = await stack.enter_async_context(Devnet.start(seed=seed, log=home / "chain.log"))
        explicit: dict[str, Any] = {
            "network": "devnet",
            "proposer": "oracle" if proposer == "programs" else proposer,
            "state_dir": home,
            "rpc": {"url": net.rpc_url, "ws_url": net.ws_url},
            "fork": {"port": 0},
            "web": {"port": 0},
            "limits": OPEN,
            "wallet": {"dev_key_file": _key_file(home, account.key.hex())},
            "execution": {"mode": "live", "confirmations": 1},
        }
        if proposer == "student":
            say("vLLM loads the student; this takes about 40 seconds on two cores …")
            server = await stack.enter_async_context(served(student_folder(), log=home / "vllm.log"))
            explicit["model"] = {"url": server.url, "seed": seed}
        await net.allow_permit2(account.address, dict.fromkeys(net.network.tokens, 2**96))
        explicit["strategy"] = {"order": ORDER}
        if proposer == "programs":
            explicit["model"] = {"resample": KEPT}
        teacher = OrderTeacher(apart=True) if proposer == "programs" else None
        app = await stack.enter_async_context(opened(load(None, **explicit), trader_model=teacher, log_to=log))
        bench = _Bench(net, app, account.address, Random(seed))
        _stamp(app, bench)
        yield bench


def _key_file(home: Path, key: str) -> Path:
    path = home / "key"
    path.touch(mode=0o600)
    path.write_text(key)
    return path


def _stamp(app: App, bench: _Bench) -> None:
    """Note when acceptance and signed bytes are durable, which is when the journal's methods return."""
    journal = app.parts.journal
    accept, commit = journal.accept, journal.attempt

    def accepting(record: CycleRecord | None, intent: Intent) -> None:
        started = time.perf_counter()
        accept(record, intent)
        bench.marks.accepted = time.perf_counter()
        bench.marks.accept = bench.marks.accepted - started

    def attempting(attempt: Attempt) -> None:
        commit(attempt)
        bench.marks.signed, bench.marks.busy = time.perf_counter(), time.process_time()

    journal.accept = accepting  # type: ignore[method-assign]
    journal.attempt = attempting  # type: ignore[method-assign]
