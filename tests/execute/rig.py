"""A real chain with a contract that counts what took effect, a funded wallet, and an executor on it."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from lab.crash import counter
from lab.crash.counter import (
    CAPS,
    COUNTER,
    COUNTER_CODE,
    LEGACY_CAPS,
    STATE,
    decision,
    finalise,
    network,
    read_head,
    rules,
)
from sentinel.chain.rpc import JsonRpc, Rpc
from sentinel.core.market_state import Head
from sentinel.core.network import NATIVE, FeeMarket, HexHash, Network
from sentinel.core.transaction import Attempt, Intent, Settled
from sentinel.core.units import GWEI
from sentinel.execute.broadcast import Broadcaster
from sentinel.execute.fee_bids import FeeCaps
from sentinel.execute.send_state import SendRules
from sentinel.execute.sender import LiveExecutor
from sentinel.journal.journal import Journal
from sentinel.market import Devnet
from sentinel.signing.client import SignerClient
from sentinel.signing.process.local_signer import DevSigner

__all__ = ["CAPS", "COUNTER", "GWEI", "KEY", "STATE", "Alone", "Notes", "Rig"]
__all__ += ["decision", "effects", "network", "rules", "signer", "until"]

T = TypeVar("T")
KEY = "0x" + "c0ffee" * 10 + "beef"  # a canary: found anywhere but in its file, it has leaked


def signer(folder: Path, clock: Callable[[], float] = time.time, *, caps: FeeCaps | None = None) -> DevSigner:
    path = folder / "dev.key"
    path.write_text(KEY)
    return counter.signer(path, clock, caps or CAPS)


async def effects(rpc: Rpc, tag: int) -> int:
    """How often the intent of this tag took effect on the chain."""
    return (await counter.effects(rpc, [tag]))[0]


class Alone:
    """What a double of an endpoint has beside `call` and `batch`."""

    failures = 0

    async def everywhere(self, ask: Callable[[Any], Awaitable[T]]) -> list[T]:
        return [await ask(self)]

    def senders(self) -> tuple[()]:
        return ()


@dataclass
class Notes:
    """An observer that remembers."""

    answers: list[str] = field(default_factory=list)
    alarms: list[str] = field(default_factory=list)
    ended: list[tuple[Settled, int]] = field(default_factory=list)

    def sent(self, intent: Intent, attempt: Attempt, answer: str) -> None:
        self.answers.append(answer)

    def settled(self, intent: Intent, settled: Settled, pnl_quote: int) -> None:
        self.ended.append((settled, pnl_quote))

    def alarm(self, what: str, detail: str) -> None:
        self.alarms.append(what)


@dataclass
class Rig:
    net: Devnet
    rpc: JsonRpc  # the executor's own way to the node; tests may put a fault proxy or a pool between
    path: Path
    genesis: HexHash
    network: Network
    signer: DevSigner | SignerClient
    journal: Journal
    executor: LiveExecutor
    notes: Notes
    offset: float = 0.0  # seconds that our clock runs ahead of the wall clock
    made: type[LiveExecutor] = LiveExecutor
    rules: SendRules = field(default_factory=rules)
    broadcast: Broadcaster | None = None  # None: to wherever is read from

    @classmethod
    @contextlib.asynccontextmanager
    async def start(
        cls,
        folder: Path,
        *,
        made: type[LiveExecutor] = LiveExecutor,
        on: contextlib.AbstractAsyncContextManager[Devnet] | None = None,
        **changes: Any,
    ) -> AsyncIterator[Rig]:
        """`on`: another kind of chain (tests/chains.py); `changes` of the rules."""
        async with on or Devnet.start() as net, Rpc(net.rpc_url) as rpc:
            chain = dataclasses.replace(net.network, universal_router=COUNTER)
            caps = LEGACY_CAPS if chain.fees is FeeMarket.LEGACY else CAPS
            own = signer(folder, caps=caps)
            changes.setdefault("caps", caps)
            await net.fund(own.address, {NATIVE: 10**20, "USDC": 10**10, "WETH": 10**19})
            await rpc.call("anvil_setCode", COUNTER, COUNTER_CODE)
            genesis = (await read_head(rpc, "0x0")).hash
            rig = cls.__new__(cls)
            rig.net, rig.rpc, rig.path, rig.genesis, rig.network = net, rpc, folder / "journal.sqlite", genesis, chain
            rig.signer, rig.offset, rig.made, rig.rules = own, 0.0, made, rules(**changes)
            rig.broadcast = None
            rig.open()
            try:
                yield rig
            finally:
                rig.journal.close()

    def clock(self) -> float:
        return time.time() + self.offset

    def open(self) -> None:
        """The journal and a new executor on it, as a start of the daemon makes them."""
        if isinstance(self.signer, DevSigner):  # one in another process has a clock of its own
            self.signer._clock = self.clock
        self.journal = Journal.open(self.path, self.network, self.genesis, self.signer.address, clock=self.clock)
        self.notes = Notes()
        self.executor = self.made(
            self.rpc,
            self.broadcast or Broadcaster(self.rpc, timeout=1.0),
            self.journal,
            self.signer,
            self.network,
            self.genesis,
            finalise,
            self.rules,
            observer=self.notes,
            clock=self.clock,
        )

    def restart(self) -> None:
        """As after a kill: nothing but the journal is left."""
        self.journal.close()
        self.open()

    async def jump(self, seconds: int) -> None:
        """Time passes, on both clocks, with no block."""
        self.offset += seconds
        await self.net.rpc.call("evm_increaseTime", seconds)

    async def head(self) -> Head:
        return await read_head(self.net.rpc)

    async def mine(self, blocks: int = 1) -> Head:
        for _ in range(blocks):
            await self.net.rpc.call("evm_mine")
        return await self.head()

    async def trade(
        self, tag: int, *, deadline_in: float = 120.0, fee: int = 100 * GWEI, tip: int = 2 * GWEI
    ) -> Intent:
        """Accept and execute; not yet mined."""
        intent = await self.accepted(tag, deadline_in=deadline_in, fee=fee, tip=tip)
        await self.executor.execute(intent)
        return intent

    async def accepted(
        self, tag: int, *, deadline_in: float = 120.0, fee: int = 100 * GWEI, tip: int = 2 * GWEI
    ) -> Intent:
        """In the journal, nothing signed."""
        act = decision(tag, int(self.clock() + deadline_in), await self.head(), fee, tip)
        intent = await self.executor.prepare(act, STATE)
        self.journal.accept(None, intent)
        return intent

    async def follow(self, blocks: int = 12) -> Settled:
        """Mine and follow until it ends."""
        for _ in range(blocks):
            if (settled := await self.executor.on_head(await self.mine())) is not None:
                return settled
        raise AssertionError(f"not settled after {blocks} blocks")

    async def effects(self, tag: int) -> int:
        return await effects(self.net.rpc, tag)


async def until(check: Callable[[], bool], seconds: float = 10.0) -> None:
    end = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < end, "waited too long"
        await asyncio.sleep(0.01)
