"""Intents that ended as unknown are watched on: a receipt that comes late opens them again, and they end by it."""

from __future__ import annotations

from collections.abc import Callable

from sentinel.core.market_state import Head
from sentinel.core.network import HexHash
from sentinel.execute.chain_reader import ChainReader
from sentinel.journal.journal import Journal

OFTEN = 3600.0  # seconds after an intent ended as unknown in which each head is looked at
SELDOM = 60.0  # seconds between two looks later
MOST = 16  # of the newest unknown intents


class LateReceipts:
    def __init__(self, journal: Journal, watch: ChainReader, clock: Callable[[], float]) -> None:
        self._journal = journal
        self._watch = watch
        self._clock = clock
        self._unknown: dict[str, tuple[HexHash, ...]] | None = None  # by intent, hashes of its attempts; None: not read
        self._often_until = self._looked_at = float("-inf")

    def ended(self) -> None:
        """An intent ended as unknown."""
        self._unknown = None
        self._often_until = self._clock() + OFTEN

    async def look(self, head: Head) -> tuple[str, ...]:
        """The ids of unknown intents that have an attempt in a block; these are no longer watched. Raises RpcError."""
        now = self._clock()
        if self._unknown is None:
            newest = self._journal.unknown()[-MOST:]
            self._unknown = {id_: tuple(one.tx_hash for one in self._journal.attempts(id_)) for id_ in newest}
        if not self._unknown or (now > self._often_until and 0 <= now - self._looked_at < SELDOM):
            return ()
        hashes = [tx_hash for mine in self._unknown.values() for tx_hash in mine]
        self._looked_at = now
        receipts, _, _ = await self._watch.look_up_receipts(hashes, head, 0)
        mined = {tx_hash for tx_hash, receipt in receipts.items() if receipt.canonical}
        found = tuple(id_ for id_, mine in self._unknown.items() if mined & set(mine))
        self._unknown = {id_: mine for id_, mine in self._unknown.items() if id_ not in found}
        return found
