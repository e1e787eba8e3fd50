"""What the journal knows of its chain and of its wallet's nonces, so that another chain or a restored copy is noticed.

- `settled_block` is a block that no reorg can replace. Every endpoint must have it at its number (I30).
- `known_nonces` counts the wallet's transactions that are no news: those of before the journal began, and those that
  the operator has acknowledged. A mined nonce that is neither below it nor an intent's own is foreign: the journal was
  restored from an older copy, or the key is used elsewhere.
- `prices` says which prices drive a local market: a recorded file with its hash, or synthetic ones with their seed.
"""

from __future__ import annotations

import json

from sentinel.chain.chain_identity import KnownBlock
from sentinel.core.network import HexHash
from sentinel.journal.ledger import Ledger
from sentinel.journal.serialization import canonical

BEGAN, OPERATOR = "start", "operator"


class ChainRecords:
    """Each change is durable when its method returns. Raises JournalError."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    @property
    def settled_block(self) -> KnownBlock | None:
        """None until the chain is deep enough; the journal's first block identifies the chain until then."""
        recorded = self._ledger.meta("settled_block")
        if not recorded:
            return None
        number, block = json.loads(recorded)
        return KnownBlock(number, HexHash(block))

    def settle_at(self, block: KnownBlock) -> None:
        """Remember a deeper settled block in place of the earlier one. It is an index entry, not a record: a copy of
        the chain can tell it again."""
        with self._ledger.transaction():
            self._ledger.set_meta("settled_block", canonical([block.number, block.hash]))

    @property
    def prices(self) -> str | None:
        """Which prices drive the local market that the journal belongs to; None on another chain."""
        return self._ledger.meta("prices") or None

    def follow(self, prices: str) -> None:
        """Record which prices drive the market, unless the journal knows it: all later cycles follow them."""
        if prices != self.prices:
            with self._ledger.transaction():
                self._ledger.append("note", canonical({"text": "prices", "prices": prices}))
                self._ledger.set_meta("prices", prices)

    @property
    def known_nonces(self) -> int | None:
        """None until the wallet's nonce was compared for the first time."""
        recorded = self._ledger.meta("known_nonces")
        return int(recorded) if recorded else None

    def foreign(self, mined: int) -> range:
        """The nonces below `mined` that were used by transactions which this journal does not know; empty if none.

        The first comparison of a journal that holds no nonce yet takes all of them as known.
        """
        held = int(self._ledger.one("SELECT ifnull(max(nonce) + 1, 0) FROM intents")[0])
        known = self.known_nonces
        if known is None:
            known = held or mined
            self._know(known, BEGAN)
        return range(max(held, known), mined)

    def found(self, foreign: range) -> None:
        """Remember which foreign nonces a halt names: `acknowledge` makes these known, and no later ones."""
        with self._ledger.transaction():
            self._ledger.set_meta("foreign_nonces", str(foreign.stop))

    def acknowledge(self) -> None:
        """The operator released the halt that named them."""
        found = int(self._ledger.meta("foreign_nonces") or 0)
        if found > (self.known_nonces or 0):
            self._know(found, OPERATOR)

    def _know(self, nonces: int, by: str) -> None:
        with self._ledger.transaction():
            self._ledger.append("nonces", canonical({"known": nonces, "by": by}))
            self._ledger.set_meta("known_nonces", str(nonces))
            self._ledger.set_meta("foreign_nonces", "")
