"""Keeps a settled block in the journal, and checks the endpoints against it after each reconnect (I30).

The known block is at or below the finalized block, so that no reorg that a chain allows makes it another chain.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import dataclass

from sentinel.chain.chain_identity import KnownBlock
from sentinel.chain.rpc import JsonRpc, quantity
from sentinel.core.errors import RpcError, Unavailable
from sentinel.core.network import HexHash
from sentinel.daemon.execution_reporter import Alarm
from sentinel.daemon.parts import Parts
from sentinel.execute.finality import FINALITY_DEPTH

LOOK = 1.0  # seconds between two looks at what needs no request
EVERY = 30.0  # seconds between two moves of the known block, and between two counts of a standing alarm
UNTOLD = 4 * FINALITY_DEPTH  # blocks below the head that count as final for a node that refuses to tell which are


@dataclass(slots=True)
class ChainWatch:
    """A service of the daemon. An alarm is raised while no endpoint serves our chain; nothing is decided meanwhile."""

    parts: Parts
    alarm: Alarm
    reconnects: Callable[[], int]  # subscriptions that had to be renewed, ever
    _seen: int = 0
    _watching: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._seen = self.reconnects()
        self._watching = asyncio.create_task(self._watch(), name="chain")

    async def stop(self) -> None:
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.wait({self._watching})

    async def _watch(self) -> None:
        looks = 0
        while True:
            due = looks % round(EVERY / LOOK) == 0
            with contextlib.suppress(Unavailable):  # it holds meanwhile, and the next look tries again
                await self.look(advance=due)
            if due and (why := self.parts.rpc.another_chain) is not None:
                self.alarm("other_chain", why)
            looks += 1
            await asyncio.sleep(LOOK)

    async def look(self, *, advance: bool) -> None:
        """Check all endpoints after a reconnect; with `advance` also move the known block. Raises Unavailable."""
        rpc = self.parts.rpc
        if (reconnects := self.reconnects()) != self._seen:
            self._seen = reconnects
            rpc.recheck()
            await rpc.everywhere(lambda one: one.call("eth_chainId"))
        if advance and rpc.disputed is None:
            await self._advance()

    async def _advance(self) -> None:
        """Only endpoints that agree move it: a block that one of them invents must not condemn the others."""
        chain, head = self.parts.journal.chain, self.parts.latest.value.number
        known = chain.settled_block
        if known is not None and head - known.number <= FINALITY_DEPTH:
            return
        number = min(await self.parts.rpc.everywhere(lambda one: _final(one, head)))
        if number <= (known.number if known is not None else 0):
            return
        hashes = set(await self.parts.rpc.everywhere(lambda one: _hash(one, number)))
        if len(hashes) == 1:
            block = KnownBlock(number, hashes.pop())
            chain.settle_at(block)
            self.parts.rpc.expect(block)


async def _final(rpc: JsonRpc, head: int) -> int:
    """The number of the newest block that no reorg replaces; 0 or less if there is none yet."""
    (block,) = await rpc.batch([("eth_getBlockByNumber", ["finalized", False])])
    if isinstance(block, RpcError):
        return head - UNTOLD
    if not isinstance(block, dict):  # the chain has another consensus
        return head - FINALITY_DEPTH
    return min(head - FINALITY_DEPTH, quantity(block.get("number"), 63))


async def _hash(rpc: JsonRpc, number: int) -> HexHash:
    block = await rpc.call("eth_getBlockByNumber", hex(number), False)
    if not isinstance(block, dict) or not isinstance(block.get("hash"), str):
        raise RpcError(f"the endpoint does not have block {number}")
    return HexHash(block["hash"])
