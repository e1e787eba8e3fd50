"""Named points on the way of a trade. Only the wrappers here know them; the daemon's code does not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sentinel.chain.rpc import Rpc
from sentinel.core.simulation import TxRequest
from sentinel.core.transaction import Attempt, Fees, Intent, Settled
from sentinel.execute.sender import LiveExecutor
from sentinel.journal.journal import Journal
from sentinel.journal.states import State
from sentinel.signing.process.local_signer import DevSigner
from sentinel.signing.signer import SignedTx

POINTS = (
    "picked",  # the intent is accepted
    "nonce",  # the nonce is known, nothing is signed
    "signed",  # signed, only in memory
    "committed",  # the signed bytes are in the journal
    "sent",  # the node has answered
    "marked",  # the answer, or the block of the transaction, is in the journal
    "receipt",  # receipt and balances are read
    "settled",
)

Here = Callable[[str], None]  # called at each passed point; it may kill the process


class PointedRpc(Rpc):
    """A node's connection that calls `here` at its points."""

    def __init__(self, url: str, here: Here) -> None:
        super().__init__(url)
        self._here = here

    async def call(self, method: str, *params: Any, timeout: float | None = None) -> Any:
        result = await super().call(method, *params, timeout=timeout)
        if method == "eth_sendRawTransaction":
            self._here("sent")
        if method == "eth_call":
            self._here("receipt")
        return result


class PointedSigner(DevSigner):
    """A signer that calls `here` at its points."""

    __slots__ = ("_here",)
    _here: Here

    @classmethod
    def around(cls, signer: DevSigner, here: Here) -> PointedSigner:
        pointed = cls(signer._key, signer._limits, signer._clock)
        pointed._here = here
        return pointed

    async def sign_transaction(
        self, chain_id: int, nonce: int, tx: TxRequest, fees: Fees, prices: Mapping[str, int] | None = None
    ) -> SignedTx:
        self._here("nonce")
        signed = await super().sign_transaction(chain_id, nonce, tx, fees, prices)
        self._here("signed")
        return signed


class PointedJournal(Journal):
    """A journal that calls `here` at its points."""

    here: Here  # set right after `open`

    def accept(self, record: Any, intent: Intent) -> None:
        super().accept(record, intent)
        self.here("picked")

    def attempt(self, attempt: Attempt) -> None:
        super().attempt(attempt)
        self.here("committed")

    def transition(self, intent_id: str, state: State, **facts: str | int | float | None) -> None:
        super().transition(intent_id, state, **facts)
        self.here("marked")

    def settle(self, settled: Settled) -> int:
        pnl = super().settle(settled)
        self.here("settled")
        return pnl


class SendThenSave(LiveExecutor):
    """The mutant, which broadcasts before it writes to the journal. The test must detect it.

    It also lacks the guard that would find its transactions out: nonces that the journal does not know halt trading.
    """

    async def foreign_nonces(self, mined: int) -> bool:
        return False

    async def _commit_and_send(self, intent: Intent, attempt: Attempt) -> None:
        await self._broadcast.send(attempt.raw, attempt.way)
        self.journal.attempt(attempt)
        self._attempts = (*self._attempts, attempt)
