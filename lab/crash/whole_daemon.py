"""Crash test of the whole daemon: `sentinel run --live` plays an order on a local market.

Each start is a real process with settings, fork, journal, reconciliation and cycles. The wallet's transactions on the
chain, block by block, are compared with the attempts in the journal, and the order's fills with both: each is there
once, and none comes before its interval is over, whatever kill lies between. At each block, the entry price, the
high since entry and the cooldown that the order's player said are compared with the chain's closes and transfers.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import secrets
import signal
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from eth_account import Account

from lab.crash.crash_tally import EVERY, CrashTally, EndedLife, require_ended
from lab.crash.order_state import INTERVAL, ORDER
from lab.crash.order_watch import OrderWatch
from sentinel.chain.rpc import Call
from sentinel.core.errors import JournalError, RpcError, Unavailable
from sentinel.core.network import NATIVE, Symbol
from sentinel.core.transaction import Outcome
from sentinel.daemon.files import JOURNAL
from sentinel.journal.journal import Journal
from sentinel.market import Devnet
from sentinel.orders.language.reading_parser import parse
from sentinel.orders.playing.envelope import order_hash
from sentinel.orders.typed.order import Order

PURSE = {"USDC": 4_000 * 10**6, NATIVE: 10**18}  # and no WETH: coins from elsewhere have no entry price
BLOCK_TIME = 1.0  # seconds; with less, the chain's time would run ahead of the clock
PATIENCE = 60.0  # seconds for a start, and for a clean stop
MOMENTS = ("exec.random", "exec.started", "exec.sent", "exec.later")
_EVENTS = {"exec.started": "daemon.started", "exec.sent": "transaction.sent", "exec.later": "daemon.started"}
_DELAYS = {"exec.started": 0.3, "exec.sent": 0.05, "exec.later": 15 * BLOCK_TIME}  # seconds that the kill waits at most
_UNLIMITED = "1e9"


@dataclass
class CrashedDaemon:
    """One wallet with its state folder. One process runs at a time."""

    net: Devnet
    folder: Path
    chance: random.Random
    wallet: str
    settings: dict[str, str]
    watch: OrderWatch
    usual: float = 5.0  # seconds from the start to the first cycle
    left_open: int = 0  # kills that left an open intent
    _mining: asyncio.Event = field(default_factory=asyncio.Event)
    _scanned: int = 0
    _chain: dict[str, bool] = field(
        default_factory=dict
    )  # mined transactions of the wallet by hash: True if it succeeded

    @classmethod
    @contextlib.asynccontextmanager
    async def on(cls, folder: Path, seed: int) -> AsyncIterator[CrashedDaemon]:
        async with Devnet.start() as net:
            key = folder / "key"
            key.touch(mode=0o600)
            key.write_text("0x" + secrets.token_hex(32))
            settings = {
                "SENTINEL_RPC__URL": net.rpc_url,
                "SENTINEL_RPC__WS_URL": net.ws_url,
                "SENTINEL_STATE_DIR": str(folder / "state"),
                "SENTINEL_FORK__PORT": "0",
                "SENTINEL_WEB__PORT": "0",
                "SENTINEL_WALLET__DEV_KEY_FILE": str(key),
                "SENTINEL_PROPOSER": "oracle",
                "SENTINEL_STRATEGY__ORDER": ORDER,
                "SENTINEL_EXECUTION__CONFIRMATIONS": "1",
                "SENTINEL_LIMITS__MAX_HEAD_AGE": "3600",
                "SENTINEL_LIMITS__MAX_DAILY_VOLUME": _UNLIMITED,
                "SENTINEL_LIMITS__MAX_DAILY_LOSS": _UNLIMITED,
                "SENTINEL_LIMITS__MAX_SHORTFALL_BPS": "10000",  # because we change the balances
                "SENTINEL_LIMITS__MAX_MEAN_SHORTFALL_BPS": "10000",
                "SENTINEL_LIMITS__MAX_COST_BPS": "10000",
            }
            wallet = Account.from_key(key.read_text()).address
            watch = OrderWatch(net, wallet, folder / "state")
            daemon = cls(net, folder, random.Random(seed), wallet, settings, watch)
            await net.fund(daemon.wallet, PURSE)
            ticking = asyncio.create_task(daemon._tick())
            try:
                yield daemon
            finally:
                ticking.cancel()
                await asyncio.wait({ticking})

    async def kill_once(self) -> EndedLife:
        """Start the daemon, kill it at one of MOMENTS, and note what it left in the journal and on the chain."""
        moment = self.chance.choice(MOMENTS)
        self._mining.set()
        process = await self._start()
        stderr = b""
        try:
            started = time.monotonic()
            if moment == "exec.random":
                await asyncio.sleep(self.chance.uniform(0, self.usual + BLOCK_TIME))
            else:
                await _until(process, moment)
                self.usual += 0.2 * (time.monotonic() - started - self.usual)
                await asyncio.sleep(self.chance.uniform(0, _DELAYS[moment]))
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGKILL)
            _, stderr = await process.communicate()
        self._mining.clear()
        await self._note_transactions()
        self.watch.compare()
        self.left_open += self._unfinished()
        if self.chance.random() < 0.8:
            await self._refill()
        if process.returncode == -signal.SIGKILL:
            return EndedLife(moment)
        return EndedLife(None, f"`sentinel run` ended with {process.returncode}: {stderr.decode()[-500:]}")

    async def tally(self) -> CrashTally:
        """Run the daemon until no intent is open, let it stop cleanly, and compare chain and journal."""
        self._mining.set()
        process = await self._start("--blocks", "12")
        try:
            _, stderr = await asyncio.wait_for(process.communicate(), PATIENCE)
        except TimeoutError:
            process.kill()
            raise Unavailable("the last `sentinel run` has not ended") from None
        if process.returncode:
            raise Unavailable(f"the last `sentinel run` ended with {process.returncode}: {stderr.decode()[-500:]}")
        self._mining.clear()
        await self.net.market.step()  # mines a transaction that may still wait in the pool
        await self._note_transactions()
        self.watch.compare()
        journal = self._journal()
        try:
            return self._compare(journal)
        finally:
            journal.close()

    # ---------------------------------------------------------------- parts

    async def _start(self, *more: str) -> asyncio.subprocess.Process:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("SENTINEL_")}
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "sentinel", "run", "--live", *more),
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            env=environment | self.settings,
            cwd=self.folder,
            start_new_session=True,  # so that Ctrl-C reaches only this process
        )

    async def _tick(self) -> None:
        while True:
            await self._mining.wait()
            await self.net.market.step()
            await asyncio.sleep(BLOCK_TIME)

    async def _refill(self) -> None:
        """Give the wallet its money again, when the pool is empty."""
        for _ in range(2):
            await self.net.market.step()
        await self._note_transactions()
        await self.net.fund(self.wallet, PURSE)
        await self.net.market.step()

    async def _note_transactions(self) -> None:
        newest = self.net.market.block.number
        numbers = range(self._scanned + 1, newest + 1)
        calls: list[Call] = [("eth_getBlockReceipts", [hex(number)]) for number in numbers]
        for number, receipts in zip(numbers, await self.net.rpc.batch(calls), strict=True):
            if isinstance(receipts, RpcError):
                raise receipts
            for receipt in receipts:
                if receipt["from"].lower() == self.wallet.lower():
                    self._chain[receipt["transactionHash"]] = int(receipt["status"], 16) == 1
            await self.watch.note_block(number, receipts)
        self._scanned = newest

    def _journal(self) -> Journal:
        network = self.net.network
        return Journal.open(self.folder / "state" / JOURNAL, network, None, None, read_only=True)

    def _unfinished(self) -> int:
        """Number of open intents in the journal."""
        try:
            journal = self._journal()
        except JournalError:  # killed before the journal existed
            return 0
        try:
            return len(journal.open_intents())
        finally:
            journal.close()

    def _compare(self, journal: Journal) -> CrashTally:
        require_ended(journal)
        unknown = set(self._chain)
        accepted = double = lost = disagree = bought = 0
        for trade in journal.trades(EVERY):
            accepted += 1
            attempts = journal.attempts(trade.intent_id)
            mined = [a for a in attempts if a.tx_hash in self._chain]
            unknown -= {attempt.tx_hash for attempt in mined}
            effects = [self._chain[a.tx_hash] for a in mined if not a.cancel]
            double += len(effects) > 1
            bought += trade.kind == "swap" and any(effects)
            ended = trade.state in (Outcome.EXPIRED, Outcome.CANCELLED)  # ended by its deadline or by policy
            lost += not effects and not ended
            expected = {Outcome.CONFIRMED: [True], Outcome.REVERTED: [False]}.get(Outcome(trade.state), [])
            disagree += effects != expected
        fills = journal.order_fills.fills(order_hash(_order(self.net.network.quote)))
        buys = [fill.time for fill in fills if fill.clause == 1]
        early = sum(later - earlier < INTERVAL for earlier, later in pairwise(buys))
        disagree += len(fills) != bought
        return CrashTally(
            accepted, double, lost, disagree + len(unknown), early, self.watch.looks, len(self.watch.forgotten)
        )


def _order(quote: Symbol) -> Order:
    order = parse(ORDER, quote)
    assert isinstance(order, Order)
    return order


async def _until(process: asyncio.subprocess.Process, moment: str) -> None:
    """Wait until the log has the event of `moment` or of two cycles, or until the process ends."""
    assert process.stderr is not None
    seen: Counter[str] = Counter()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE):
            while line := await process.stderr.readline():
                with contextlib.suppress(ValueError):
                    event = json.loads(line)
                    seen[event.get("event", "") if isinstance(event, dict) else ""] += 1
                if seen[_EVENTS[moment]] or seen["cycle.done"] == 2:
                    return
