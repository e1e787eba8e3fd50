"""One life of the send path: settle the open intent, make one new trade, follow it to its settlement."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lab.crash import counter
from lab.crash.points import Here, PointedJournal, PointedRpc, PointedSigner, SendThenSave
from sentinel.core.network import HexHash, Network
from sentinel.execute.broadcast import Broadcaster
from sentinel.execute.reconcile import reconcile
from sentinel.execute.sender import LiveExecutor
from sentinel.signing.process.local_signer import DevSigner

LIFETIME = 600  # seconds from the chain's time to a trade's deadline, so that none expires
RULES = counter.rules(bump_after_blocks=2)


@dataclass(frozen=True, slots=True)
class LifeContext:
    """What all lives of one wallet share."""

    url: str
    journal: Path
    genesis: HexHash
    network: Network
    signer: DevSigner
    mutant: bool = False


class ForgetfulNode(PointedRpc):
    """A node that sometimes drops an accepted transaction, so it must be sent again or replaced."""

    def __init__(self, url: str, here: Here, drops: random.Random, share: float) -> None:
        super().__init__(url, here)
        self._drops = drops
        self._share = share

    async def call(self, method: str, *params: Any, timeout: float | None = None) -> Any:
        result = await super().call(method, *params, timeout=timeout)
        if method == "eth_sendRawTransaction" and self._drops.random() < self._share:
            await super().call("anvil_dropTransaction", result)
        return result


async def live(
    context: LifeContext, tag: int, here: Here, phase: Here, drops: random.Random, share: float = 0.1
) -> None:
    """Live until no intent is open. `tag` 0 means no new trade. `phase` gets 'recovery', then 'trade'."""
    journal = PointedJournal.open(context.journal, context.network, context.genesis, context.signer.address)
    assert isinstance(journal, PointedJournal)
    journal.here = here
    signer = PointedSigner.around(context.signer, here)
    executor_class = SendThenSave if context.mutant else LiveExecutor
    async with ForgetfulNode(context.url, here, drops, share) as rpc:
        executor = executor_class(
            rpc, Broadcaster(rpc), journal, signer, context.network, context.genesis, counter.finalise, RULES
        )
        phase("recovery")
        await reconcile(executor, await counter.read_head(rpc))
        await _follow(executor, rpc)
        if tag:
            phase("trade")
            head = await counter.read_head(rpc)
            act = counter.decision(tag, max(int(executor.clock()), head.timestamp) + LIFETIME, head)
            intent = await executor.prepare(act, counter.STATE)
            journal.accept(None, intent)
            await executor.execute(intent)
            await _follow(executor, rpc)
    journal.close()


async def _follow(executor: LiveExecutor, rpc: PointedRpc) -> None:
    while executor.open_intent is not None:
        await rpc.call("evm_mine")
        await executor.on_head(await counter.read_head(rpc))
