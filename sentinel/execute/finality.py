"""Settled intents are watched until their block is final, because a deep reorg may take one back.

Each head costs one request for the newest block with a settled intent. While that block is canonical, so are all blocks
below it. More is read only if that block is not canonical, or when intents become final.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sentinel.core.market_state import Head
from sentinel.core.network import HexHash
from sentinel.core.transaction import Settled
from sentinel.execute.chain_reader import ChainReader
from sentinel.journal.journal import Journal

FINALITY_DEPTH = 64  # blocks below the head that count as final if the node knows no finalized block
FINALITY_SECONDS = 900.0  # least time of these blocks, as on Ethereum


def finality_depth(block_time: float) -> int:
    """Blocks that count as final on a chain with a block every `block_time` seconds, if it knows no finalized block."""
    return max(FINALITY_DEPTH, math.ceil(FINALITY_SECONDS / block_time)) if block_time > 0 else FINALITY_DEPTH


@dataclass(frozen=True, slots=True)
class EndedIntent:
    """A settled intent, with the block that it was mined in and the hashes of all its attempts."""

    intent_id: str
    nonce: int
    block_number: int
    block_hash: str  # empty if the journal is older than this field
    hashes: tuple[HexHash, ...]

    def moved(self, blocks: Mapping[int, HexHash]) -> bool:
        """Whether another block is at its number now. Without a recorded hash the answer is always no."""
        return bool(self.block_hash) and blocks[self.block_number] != self.block_hash


class Finality:
    """Watches settled intents, marks those that are final, and reports those that a reorg took back."""

    def __init__(self, journal: Journal, watch: ChainReader, depth: int = FINALITY_DEPTH) -> None:
        self._journal = journal
        self._watch = watch
        self._depth = depth
        self._past: list[EndedIntent] | None = None  # lowest nonce first; None until it is read from the journal

    def ended(self, settled: Settled) -> None:
        """Watch a settled intent from now on, if it was mined."""
        if self._past is not None and settled.block_number is not None:
            # A receipt that came late settles a nonce below those that are watched already.
            bisect.insort(self._past, self._of(settled), key=lambda past: past.nonce)

    async def look(self, head: Head) -> tuple[str, ...]:
        """Mark intents that became final. Returns the ids of those that a reorg took back, lowest nonce first.

        The returned intents are open again and are no longer watched here. Raises RpcError.
        """
        if self._past is None:
            self._past = [self._of(settled) for settled in self._journal.not_final()]
        if not self._past:
            return ()
        newest = self._past[-1]
        if head.number < newest.block_number:  # the node lags, or a reorg is under way
            return ()
        final, blocks = await self._watch.finalized(head, self._depth, [newest.block_number])
        final_intents = [past for past in self._past if final is not None and past.block_number <= final]
        if suspects := self._past if newest.moved(blocks) else final_intents:
            _, blocks = await self._watch.finalized(head, self._depth, [past.block_number for past in suspects])
            if moved := [past for past in suspects if past.moved(blocks)]:
                return await self._lost(moved, head)
            if final is not None:
                self._journal.finalise([past.intent_id for past in final_intents], final)
            self._past = [past for past in self._past if past not in final_intents]
        return ()

    def beside(self, block_hash: HexHash) -> bool:
        """Whether another intent was settled in this block."""
        return any(past.block_hash == block_hash for past in self._past or ())

    async def _lost(self, suspects: Sequence[EndedIntent], head: Head) -> tuple[str, ...]:
        """The ids of the intents that are no longer in their block, and of all with a higher nonce."""
        hashes = [tx_hash for past in suspects for tx_hash in past.hashes]
        receipts, _, _ = await self._watch.look_up_receipts(hashes, head, 0)
        still_mined = {
            past.intent_id
            for past in suspects
            if any(
                (receipt := receipts.get(tx_hash)) is not None
                and receipt.canonical
                and past.block_hash in ("", receipt.block_hash)
                for tx_hash in past.hashes
            )
        }
        lost_nonces = [past.nonce for past in suspects if past.intent_id not in still_mined]
        if not lost_nonces or self._past is None:
            return ()
        lost = tuple(past.intent_id for past in self._past if past.nonce >= min(lost_nonces))
        self._past = [past for past in self._past if past.nonce < min(lost_nonces)]
        return lost

    def _of(self, settled: Settled) -> EndedIntent:
        attempts = self._journal.attempts(settled.intent_id)
        hashes = tuple(attempt.tx_hash for attempt in attempts)
        return EndedIntent(
            settled.intent_id, attempts[0].nonce, settled.block_number or 0, settled.block_hash or "", hashes
        )
