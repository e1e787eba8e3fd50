"""Keeps a settled block in the journal, and checks the endpoints against it after each reconnect (I30).

The known block is at or below the finalized block, so that no reorg that a chain allows makes it another chain.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from sentinel.chain import replies
from sentinel.chain.chain_identity import KnownBlock
from sentinel.chain.replies import Reply
from sentinel.chain.rpc import JsonRpc, quantity
from sentinel.core.errors import RpcError, Unavailable
from sentinel.core.network import HexHash
from sentinel.daemon.execution_reporter import Alarm
from sentinel.daemon.parts import Parts
from sentinel.execute.finality import finality_depth
from sentinel.observe.internal_errors import InternalErrors

LOOK = 1.0  # seconds between two looks at what needs no request
EVERY = 30.0  # seconds between two moves of the known block, and between two counts of a standing alarm


@dataclass(slots=True)
class ChainWatch:
    """A service of the daemon. An alarm is raised while no endpoint serves our chain; nothing is decided meanwhile."""

    parts: Parts
    alarm: Alarm
    reconnects: Callable[[], int]  # subscriptions that had to be renewed, ever
    errors: InternalErrors
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
            try:
                await self.look(advance=due)
            except Unavailable:  # it holds meanwhile, and the next look tries again
                pass
            except Exception as error:  # the watch itself must go on
                self.errors.report("chain", error)
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
        """Move the known block if every endpoint answers and all agree.

        Silence is no agreement: a block that one endpoint invents must not condemn the others.
        """
        rpc, chain, head = self.parts.rpc, self.parts.journal.chain, self.parts.latest.value.number
        depth, known = finality_depth(self.parts.network.block_time), chain.settled_block
        if known is not None and head - known.number <= depth:
            return
        numbers = await rpc.everywhere(lambda one: _final(one, head, depth))
        if len(numbers) < rpc.members or (number := min(numbers)) <= (known.number if known is not None else 0):
            return
        hashes = await rpc.everywhere(lambda one: _hash(one, number))
        if len(hashes) == rpc.members and len(set(hashes)) == 1 and rpc.disputed is None:
            block = KnownBlock(number, hashes[0])
            chain.settle_at(block)
            rpc.expect(block)


async def _final(rpc: JsonRpc, head: int, depth: int) -> int:
    """The number of the newest block that no reorg replaces; 0 or less if there is none yet.

    Raises RpcError if the node refuses to say which that is. One that has no finalized block does not refuse.
    """
    (block,) = await rpc.batch([("eth_getBlockByNumber", ["finalized", False])])
    if isinstance(block, RpcError) and replies.classify(block) not in (Reply.UNSUPPORTED, Reply.MISSING):
        raise block
    if not isinstance(block, dict):  # the chain has another consensus
        return head - depth
    return min(head - depth, quantity(block.get("number"), 63))


async def _hash(rpc: JsonRpc, number: int) -> HexHash:
    block = await rpc.call("eth_getBlockByNumber", hex(number), False)
    if not isinstance(block, dict) or not isinstance(block.get("hash"), str):
        raise RpcError(f"the endpoint does not have block {number}")
    return HexHash(block["hash"])
