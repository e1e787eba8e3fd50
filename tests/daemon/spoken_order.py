"""An order in words on a running daemon: read, approved, traded as it says, over a kill -9, changed and cancelled."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sentinel.config.network_file import load_network
from sentinel.core.decision import Act
from sentinel.core.errors import NotRunning
from sentinel.core.record import CycleRecord
from sentinel.core.units import GWEI
from sentinel.daemon.operator.control import ask
from sentinel.journal.journal import Journal
from sentinel.market import Devnet
from sentinel.orders.playing.observed import gas_price
from tests.daemon.running import Cli, moving

BUYS = "every 10 seconds put 800 USDC into ETH, only while gas is under 35 gwei"
BUYS_READING = "Buy 800 USDC worth of WETH, every 10 seconds. Only while the gas price is below 35 gwei."
STOPS = "sell all of my ETH once it falls 1 % below my entry price"
STOPS_READING = "If the price of WETH is at most 99% of the entry price of WETH, sell all of WETH."
NETWORK = load_network("devnet")


@dataclass
class Spoken:
    """A live daemon as a process, whose student is served at `url`."""

    cli: Cli
    patience: float  # seconds

    @classmethod
    async def on(cls, devnet: Devnet, folder: Path, url: str, patience: float) -> Spoken:
        settings = {
            "SENTINEL_PROPOSER": "student",
            "SENTINEL_STRATEGY__ORDER": "",
            "SENTINEL_MODEL__URL": url,
            "SENTINEL_MODEL__TIMEOUT": "60",
            "SENTINEL_MODEL__EPISODE_TIMEOUT": "60",
            "SENTINEL_MODEL__RESAMPLE": "1000",
            "SENTINEL_READING__TIMEOUT": "300",
            "SENTINEL_EXECUTION__CONFIRMATIONS": "1",
            "SENTINEL_LIMITS__MAX_DAILY_LOSS": "1000000",
        }
        return cls(await Cli.on(devnet, folder, **settings), patience)

    async def say(self, words: str) -> str:
        """The reading that is approved: the first."""
        readings: dict[str, Any] = (await self._ask("read_order", words=words))["readings"]
        first = readings["groups"][0]
        await self._ask("approve_order", reading=first["reading"], hash=first["hash"], words=readings["words"])
        return str(first["reading"])

    async def until(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The status, once it is as wanted."""
        async with asyncio.timeout(self.patience):
            while True:
                with contextlib.suppress(NotRunning):  # it starts, or has just been killed
                    status: dict[str, Any] = (await self._ask("status"))["status"]
                    if wanted(status):
                        return status
                await asyncio.sleep(0.1)

    async def _ask(self, request: str, **fields: object) -> dict[str, Any]:
        state = self.cli.folder / "state"
        return dict(await asyncio.to_thread(lambda: ask(state, request, timeout=self.patience, **fields)))

    def records(self) -> list[CycleRecord]:
        """Of all cycles, the oldest first."""
        journal = Journal.open(self.cli.folder / "state" / "journal.sqlite3", NETWORK, None, None, read_only=True)
        try:
            return [journal.get_cycle(line.id) for line in reversed(journal.cycles(10_000))]
        finally:
            journal.close()


async def live(devnet: Devnet, folder: Path, url: str, *, blocks: int, patience: float, pace: float) -> None:
    """`blocks`: cycles of the first order at least. `pace`: seconds from one block to the next."""
    spoken = await Spoken.on(devnet, folder, url, patience)
    try:
        async with moving(devnet, pace):
            first = await spoken.cli.spawn("run", "--live")
            await spoken.until(lambda status: status["cycles"] > 0)
            assert await spoken.say(BUYS) == BUYS_READING
            await spoken.until(lambda status: confirmed(status) >= 1 and status["cycles"] > blocks // 2)
            first.kill()
            await first.wait()
            await spoken.cli.spawn("run", "--live")
            after = await spoken.until(lambda status: status["order"] is not None and status["cycles"] > 0)
            assert after["order"]["words"] == BUYS
            await spoken.until(lambda status: confirmed(status) > confirmed(after) and status["cycles"] > blocks)
            assert await spoken.say(STOPS) == STOPS_READING
            changed = await spoken.until(lambda status: status["order"]["reading"] == STOPS_READING)
            await spoken.until(lambda status: status["cycles"] > changed["cycles"] + blocks // 4)
            code, _, err = await spoken.cli("order", "cancel", "enough")
            assert code == 0, err
            cancelled = await spoken.until(lambda status: status["open_intent"] is None)
            await spoken.until(lambda status: status["cycles"] > cancelled["cycles"] + blocks // 4)
    finally:
        await spoken.cli.end()
    require_as_said(spoken.records(), cancelled_after=cancelled["head"]["number"])


def confirmed(status: dict[str, Any]) -> int:
    return int(status["transactions"].get("confirmed", 0)) + int(status["transactions"].get("final", 0))


def require_as_said(records: list[CycleRecord], *, cancelled_after: int) -> None:
    """Every trade is one that the approved order makes at that block, in the time and at the gas price that it says."""
    bought: list[int] = []
    for record in records:
        if not isinstance(record.decision, Act):
            continue
        played, state = record.played, record.state
        assert played is not None
        assert played.clause is not None, played.why
        assert state is not None
        assert record.head.number <= cancelled_after
        if played.bought == "WETH":
            assert gas_price(state, NETWORK) < 35 * GWEI
            bought.append(record.head.timestamp)
        else:
            assert (played.sold, played.bought) == ("WETH", "USDC")
    assert len(bought) >= 2
    assert all(later - earlier >= 10 for earlier, later in itertools.pairwise(bought))
