"""A small daemon that is killed at a named point: takes up what is unfinished, makes one new trade, follows it."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path
from typing import Any

from sentinel.execute.broadcast import Broadcaster
from sentinel.execute.reconcile import reconcile
from sentinel.execute.sender import Executor
from sentinel.execute.signer import SignedTx
from sentinel.journal.journal import Journal
from sentinel.journal.states import State
from sentinel.rpc import Rpc
from sentinel.signer.local import DevSigner
from sentinel.types import Attempt, Fees, Intent, Settled, TxRequest
from tests.execute import rig

POINTS = ("accepted", "picked", "signed", "committed", "sent", "marked", "receipt", "settled")
RUN_SECONDS = 30.0


class SendThenSave(Executor):
    """The mutant: broadcasts first and writes it down afterwards."""

    async def _commit_and_send(self, intent: Intent, attempt: Attempt) -> None:
        await self._broadcast.send(attempt.raw, attempt.way)
        self.journal.attempt(attempt)
        self._attempts = (*self._attempts, attempt)


def run(url: str, folder: str, genesis: str, tag: int, point: str, mutant: bool) -> None:
    """Blocks until done, or until killed at `point` ('' for never). `tag` 0 makes no new trade."""
    asyncio.run(asyncio.wait_for(_run(url, Path(folder), genesis, tag, point, mutant), RUN_SECONDS))


async def _run(url: str, folder: Path, genesis: str, tag: int, point: str, mutant: bool) -> None:
    def here(name: str) -> None:
        if name == point:
            os.kill(os.getpid(), signal.SIGKILL)

    class KilledRpc(Rpc):
        async def call(self, method: str, *params: Any, timeout: float | None = None) -> Any:
            result = await super().call(method, *params, timeout=timeout)
            if method == "eth_sendRawTransaction":
                here("sent")
            if method == "eth_call":
                here("receipt")  # the receipt was read, the balances too, nothing is settled
            return result

    class KilledSigner(DevSigner):
        async def sign_transaction(self, chain_id: int, nonce: int, tx: TxRequest, fees: Fees) -> SignedTx:
            here("picked")
            signed = await super().sign_transaction(chain_id, nonce, tx, fees)
            here("signed")
            return signed

    class KilledJournal(Journal):
        def accept(self, record: Any, intent: Intent) -> None:
            super().accept(record, intent)
            here("accepted")

        def attempt(self, attempt: Attempt) -> None:
            super().attempt(attempt)
            here("committed")

        def transition(self, intent_id: str, state: State, **facts: str | int | float | None) -> None:
            super().transition(intent_id, state, **facts)
            here("marked")

        def settle(self, settled: Settled) -> int:
            pnl = super().settle(settled)
            here("settled")
            return pnl

    own = rig.signer(folder)
    killed = KilledSigner(own._key, own._limits, own._clock)
    journal = KilledJournal.open(folder / "journal.sqlite", rig.network(), genesis, own.address)
    async with KilledRpc(url) as rpc:
        made = SendThenSave if mutant else Executor
        executor = made(rpc, Broadcaster(rpc), journal, killed, rig.network(), genesis, rig.finalise, rig.rules())
        await reconcile(executor, await rig.read_head(rpc))
        await _follow(executor, rpc)
        if tag:
            act = rig.decision(tag, int(executor.clock()) + 300, await rig.read_head(rpc))
            intent = await executor.prepare(act, None)  # type: ignore[arg-type]  # our finalise asks for no state
            journal.accept(None, intent)
            await executor.execute(intent)
            await _follow(executor, rpc)
    journal.close()


async def _follow(executor: Executor, rpc: Rpc) -> None:
    while executor.in_flight is not None:
        await rpc.call("evm_mine")
        await executor.on_head(await rig.read_head(rpc))
