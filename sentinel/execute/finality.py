"""What has ended is watched until the chain's finalized block is past it: a reorg deeper than our confirmations opens
it again.

Each head asks for one block: the newest that holds something of ours. While that one is canonical so is every block
below it. All else is asked only where it is not, or where something becomes final.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sentinel.core.market_state import Head
from sentinel.core.network import HexHash
from sentinel.core.transaction import Settled
from sentinel.execute.chain_reader import ChainReader
from sentinel.journal.journal import Journal

FINALITY_DEPTH = 64  # blocks; final where the node knows no finalized block


@dataclass(frozen=True, slots=True)
class EndedIntent:
    """An ended intent, with the block that it ended in and every hash that may have taken its place."""

    intent_id: str
    nonce: int
    block_number: int
    block_hash: str  # empty in journals of before it was kept
    hashes: tuple[HexHash, ...]

    def moved(self, blocks: Mapping[int, HexHash]) -> bool:
        """Another block stands there now. Without a hash of its own it is final by its number alone."""
        return bool(self.block_hash) and blocks[self.block_number] != self.block_hash


class Finality:
    def __init__(self, journal: Journal, watch: ChainReader, depth: int = FINALITY_DEPTH) -> None:
        self._journal = journal
        self._watch = watch
        self._depth = depth
        self._past: list[EndedIntent] | None = None  # lowest nonce first; None: not yet read from the journal

    def ended(self, settled: Settled) -> None:
        """Something was settled; watched from now on where it was mined."""
        if self._past is not None and settled.block_number is not None:
            self._past.append(self._of(settled))

    async def look(self, head: Head) -> tuple[str, ...]:
        """Mark what has become final; the ids of what a reorg has taken back, lowest nonce first.

        Those are forgotten here: they are open again. Raises RpcError.
        """
        if self._past is None:
            self._past = [self._of(settled) for settled in self._journal.not_final()]
        if not self._past:
            return ()
        newest = self._past[-1]
        if head.number < newest.block_number:  # seen from below, by a node that lags or in the middle of a reorg
            return ()
        final, blocks = await self._watch.finalized(head, self._depth, [newest.block_number])
        done = [past for past in self._past if past.block_number <= final]
        if suspects := self._past if newest.moved(blocks) else done:
            _, blocks = await self._watch.finalized(head, self._depth, [past.block_number for past in suspects])
            if moved := [past for past in suspects if past.moved(blocks)]:
                return await self._lost(moved, head)
            self._journal.finalise([past.intent_id for past in done], final)
            self._past = self._past[len(done) :]
        return ()

    def beside(self, block_hash: HexHash) -> bool:
        """Something else of ours was settled from this very block."""
        return any(past.block_hash == block_hash for past in self._past or ())

    async def _lost(self, suspects: Sequence[EndedIntent], head: Head) -> tuple[str, ...]:
        """Those that the chain does not show where they were settled, and all of a higher nonce: they ended on it."""
        hashes = [tx_hash for past in suspects for tx_hash in past.hashes]
        receipts, _, _ = await self._watch.look_up_receipts(hashes, head, 0)
        kept = {
            past.intent_id
            for past in suspects
            if any(
                (receipt := receipts.get(tx_hash)) is not None
                and receipt.canonical
                and past.block_hash in ("", receipt.block_hash)
                for tx_hash in past.hashes
            )
        }
        gone = [past.nonce for past in suspects if past.intent_id not in kept]
        if not gone or self._past is None:
            return ()
        lost = tuple(past.intent_id for past in self._past if past.nonce >= min(gone))
        self._past = [past for past in self._past if past.nonce < min(gone)]
        return lost

    def _of(self, settled: Settled) -> EndedIntent:
        attempts = self._journal.attempts(settled.intent_id)
        hashes = tuple(attempt.tx_hash for attempt in attempts)
        return EndedIntent(
            settled.intent_id, attempts[0].nonce, settled.block_number or 0, settled.block_hash or "", hashes
        )
