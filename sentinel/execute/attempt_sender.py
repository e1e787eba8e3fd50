"""One attempt of an intent: sign it, commit it to the journal, send it, always in this order.

NOTE: nothing is sent that was not committed before. After a crash the journal holds every signature that may be out.
"""

from __future__ import annotations

from collections.abc import Callable

from sentinel.core.errors import SignerRefused, SignerUnavailable
from sentinel.core.network import HexHash, Network
from sentinel.core.simulation import TxRequest
from sentinel.core.transaction import Attempt, Fees, Intent
from sentinel.core.units import TRANSFER_GAS
from sentinel.execute.execution_ports import BroadcastPort, ExecutionObserver
from sentinel.execute.send_errors import Answer
from sentinel.execute.send_state import SendRules, SentAttempt
from sentinel.journal.journal import Journal
from sentinel.journal.states import State
from sentinel.signing.signer import Signer


class AttemptSender:
    """Signs and sends the attempts of the open intent. When and with which fees is decided by `send_state`."""

    def __init__(
        self,
        broadcast: BroadcastPort,
        journal: Journal,
        signer: Signer,
        network: Network,
        rules: SendRules,
        observer: ExecutionObserver,
        clock: Callable[[], float],
    ) -> None:
        self.journal = journal
        self.clock = clock
        self._broadcast = broadcast
        self._signer = signer
        self._network = network
        self._rules = rules
        self._observer = observer
        self._attempts: tuple[Attempt, ...] = ()  # of the open intent, oldest first
        self._sent: dict[HexHash, SentAttempt] = {}  # those that this process has sent
        self._head = 0  # number of the newest block

    async def _first_attempt(self, intent: Intent, nonce: int, fees: Fees) -> Attempt:
        """Sign the trade, or a cancel if the signer says that the nonce is taken.

        The nonce is taken if bytes for it were signed and lost before they were committed. The signer then signs
        nothing but a cancel for it (I4), and the next intent gets the next nonce.
        """
        try:
            return await self._sign(intent, nonce, fees, cancel=False)
        except SignerRefused as error:
            if error.rule != "nonce":
                raise
            self._observer.alarm("nonce_held", f"{intent.id}: {error}")
            return await self._sign(intent, nonce, fees, cancel=True)

    async def _replace(self, intent: Intent, fees: Fees, cancel: bool) -> None:
        """Sign, commit and send a replacement; if it cannot be signed, send the last attempt again when it is due."""
        last = self._attempts[-1]
        try:
            attempt = await self._sign(intent, last.nonce, fees, cancel)
        except (SignerRefused, SignerUnavailable) as error:  # the last attempt stays in use
            self._observer.alarm("refused" if isinstance(error, SignerRefused) else "unsigned", f"{intent.id}: {error}")
            since = self._sent.get(last.tx_hash)
            if since is None or self.clock() - since.at >= self._rules.resend_after:
                await self._send(intent, last)
            return
        await self._commit_and_send(intent, attempt)

    async def _sign(self, intent: Intent, nonce: int, fees: Fees, cancel: bool) -> Attempt:
        """A signed attempt, not yet journaled. Raises SignerRefused, SignerUnavailable."""
        tx = TxRequest(self._signer.address, b"", 0, TRANSFER_GAS) if cancel else intent.tx
        signed = await self._signer.sign_transaction(self._network.chain_id, nonce, tx, fees, intent.prices)
        way = self._attempts[0].way if self._attempts else self._broadcast.way
        return Attempt(intent.id, nonce, fees, signed.tx_hash, signed.raw, cancel, way)

    async def _commit_and_send(self, intent: Intent, attempt: Attempt) -> None:
        """Journal the signed bytes first, then send them (I1). Raises JournalError, and then nothing was sent."""
        self.journal.attempt(attempt)
        self._attempts = (*self._attempts, attempt)
        await self._send(intent, attempt)

    async def _send(self, intent: Intent, attempt: Attempt) -> None:
        """Send once. Whatever the answer is, only nonces and receipts show the outcome (I6)."""
        earlier, now = self._sent.get(attempt.tx_hash), self.clock()
        block, first_at = (earlier.block, earlier.first_at) if earlier else (self._head, now)
        self._sent[attempt.tx_hash] = SentAttempt(now, block, first_at)
        reply = await self._broadcast.send(attempt.raw, attempt.way)
        held = reply.answer is Answer.HELD
        facts = {"tx_hash": attempt.tx_hash, "answer": reply.answer.value, "detail": reply.detail}
        self.journal.transition(intent.id, State.SIGNED if held else State.SENT, **facts)
        if held:
            del self._sent[attempt.tx_hash]  # sent again at the next head; being held must not cause a replacement
            self._observer.alarm("held", f"{intent.id}: {reply.detail}")
        self._observer.sent(intent, attempt, reply.answer.value)
