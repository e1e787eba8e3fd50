"""One intent at a time, from final bytes to a settled outcome: journal first, then send, then follow.

What to do next is decided by `send_state`; here it is done. NOTE: nothing is sent that was not committed before.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable

from sentinel.chain.rpc import JsonRpc
from sentinel.core.actions import Approve, Swap
from sentinel.core.decision import Act
from sentinel.core.errors import Refused, RpcError, SignerRefused, SignerUnavailable, Unavailable
from sentinel.core.market_state import Head, MarketState
from sentinel.core.network import HexHash, Network
from sentinel.core.simulation import Simulation, TxRequest
from sentinel.core.transaction import Attempt, Fees, Intent, Outcome, Settled
from sentinel.core.units import TRANSFER_GAS
from sentinel.decide.operator_controls import purpose_of
from sentinel.execute.chain_reader import ChainReader
from sentinel.execute.execution_ports import BroadcastPort, ExecutionObserver, NoExecutionObserver
from sentinel.execute.finality import Finality
from sentinel.execute.send_errors import Answer
from sentinel.execute.send_state import (
    Bump,
    Cancel,
    ChainView,
    First,
    Halt,
    Send,
    SendRules,
    SentAttempt,
    Settle,
    Step,
    Wait,
    next_step,
)
from sentinel.execute.settlement import settle_mined, settle_unmined
from sentinel.journal.intents import OpenIntent
from sentinel.journal.journal import Journal
from sentinel.journal.states import State
from sentinel.signing.signer import Signer
from sentinel.signing.signer_limits import DAY_RULES

Finalise = Callable[[Simulation, MarketState, Signer], Awaitable[TxRequest]]  # signs the permit, fixes the bytes
Recheck = Callable[[Intent], Awaitable[bool]]  # are the bytes still good? asked when sending was held up


async def always(_: Intent) -> bool:
    return True


class LiveExecutor:
    """Single writer of one wallet. Give `reconcile` a turn before the first `execute`."""

    def __init__(
        self,
        rpc: JsonRpc,
        broadcast: BroadcastPort,
        journal: Journal,
        signer: Signer,
        network: Network,
        genesis: HexHash,
        finalise: Finalise,
        rules: SendRules,
        *,
        recheck: Recheck = always,
        observer: ExecutionObserver | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`genesis`: hash of the pinned block (block 0 where none is pinned)."""
        self.journal = journal
        self.watch = ChainReader(rpc, network, signer.address, genesis)
        self._finality = Finality(journal, self.watch)
        self.clock = clock
        self._broadcast = broadcast
        self._signer = signer
        self._network = network
        self._finalise = finalise
        self._rules = rules
        self._recheck = recheck
        self._observer = observer or NoExecutionObserver()
        self._lock = asyncio.Lock()
        self._intent: Intent | None = None
        self._attempts: tuple[Attempt, ...] = ()
        self._sent: dict[HexHash, SentAttempt] = {}
        self._mined_in: dict[HexHash, HexHash] = {}  # attempt -> block that we saw it in
        self._head = 0

    @property
    def open_intent(self) -> Intent | None:
        return self._intent

    async def prepare(self, decision: Act, state: MarketState) -> Intent:
        """The intent with its final bytes; nothing is journaled or sent. Raises Refused where the signer does,
        ChainMismatch, RpcError: a permit is a signature too, and none is made before the chain is known (I10)."""
        simulation = decision.simulation
        action = simulation.candidate.action
        if not isinstance(action, Swap | Approve):
            raise Refused("action", f"{type(action).__name__} is no transaction")
        await self.watch.mined_nonce()
        tx = await self._finalise(simulation, state, self._signer)
        return self.intent(decision, tx, action.deadline if isinstance(action, Swap) else action.expiry)

    def intent(self, decision: Act, tx: TxRequest, deadline: int) -> Intent:
        return Intent(
            id=secrets.token_hex(16),
            decision=decision,
            tx=tx,
            signed=True,
            env=decision.simulation.env,
            deadline=deadline,
            created_at=int(self.clock()),
        )

    async def execute(self, intent: Intent) -> None:
        """Send an intent that the journal has accepted. A failing node is no error here: `on_head` goes on.

        Raises JournalError (nothing was sent), ChainMismatch.
        """
        async with self._lock:
            if not intent.signed or not self.journal.is_open(intent.id):
                raise Refused("intent", "it is not signed, or the journal has not accepted it, or it has ended")
            if self._intent is not None:  # followed already, or it waits: a reorg has opened an earlier one meanwhile
                return
            self._head = max(self._head, intent.env.number - 1)
            self.adopt(OpenIntent(intent, ()))
            seen = ChainView(self.clock(), self._head, intent.env.base_fee, {}, 0, 0)
            try:
                await self._do(next_step(intent, (), {}, seen, self._rules))
            except Unavailable as error:  # the node, or the signer: `on_head` asks again
                self._observer.alarm("unsent", f"{intent.id}: {error}")

    def adopt(self, pending: OpenIntent | None) -> None:
        """Follow what an earlier run left, or a reorg opened again. Nothing happens before the next head."""
        self._intent, self._attempts = (pending.intent, pending.attempts) if pending else (None, ())
        self._sent, self._mined_in = {}, {}

    def _take_up(self) -> None:
        """What the journal says is open now, if anything is."""
        self.adopt(next(iter(self.journal.open_intents()), None))

    async def on_head(self, head: Head) -> Settled | None:
        """Do the next thing about what is in flight; gives the end of it when this head brought it.

        Raises Unavailable (ask again at the next head), JournalError, ChainMismatch.
        """
        async with self._lock:
            await self._look_back(head)
            if self._intent is None:
                return None
            self._head = head.number
            try:
                step = await self._decide(self._intent, head)
                if isinstance(step, Send | Bump | Cancel) and self._overdue(self._intent):
                    self._observer.alarm("overdue", f"{self._intent.id}: still being sent")
                return await self._do(step)
            except Unavailable as error:  # a node that cannot tell any more must not hide that this one is overdue
                if self._overdue(self._intent):
                    self._observer.alarm("overdue", f"{self._intent.id}: {error}")
                raise

    def _overdue(self, intent: Intent) -> bool:
        return self.clock() > intent.deadline + self._rules.overdue_after

    async def _look_back(self, head: Head) -> None:
        """Open again what a reorg below our confirmations took back: its nonce is the next one that the chain takes."""
        try:
            lost = await self._finality.look(head)
        except RpcError:  # asked again at the next head; what is in flight need not wait for it
            return
        if lost:
            self.journal.reopen(lost, f"block {head.number} does not build upon theirs")
            self._observer.alarm("reopened", f"{', '.join(lost)}: a reorg took back what had been settled")
            self._take_up()

    async def _decide(self, intent: Intent, head: Head) -> Step:
        rules = self._rules
        hashes = [attempt.tx_hash for attempt in self._attempts]
        depth = max(rules.foreign_depth, rules.confirmations) - 1
        receipts, nonce, deep_nonce = await self.watch.look_up_receipts(hashes, head, depth) if hashes else ({}, 0, 0)
        for attempt in self._attempts:
            receipt = receipts.get(attempt.tx_hash)
            self._note_inclusion(attempt.tx_hash, receipt.block_hash if receipt and receipt.canonical else None)
        seen = ChainView(self.clock(), head.number, head.base_fee, receipts, nonce, deep_nonce)
        step = next_step(intent, self._attempts, self._sent, seen, rules)
        if isinstance(step, First) and not await self._recheck(intent):
            return Settle(Outcome.EXPIRED, None)
        return step

    def _note_inclusion(self, tx_hash: HexHash, block: HexHash | None) -> None:
        if self._intent is None or self._mined_in.get(tx_hash) == block:
            return
        if block is None:  # a reorg took it out: it goes to the node again, if its deadline allows (I7)
            self._sent.pop(tx_hash, None)
            del self._mined_in[tx_hash]
        else:
            self._mined_in[tx_hash] = block
        state = State.SEEN if block else State.SENT
        self.journal.transition(self._intent.id, state, tx_hash=tx_hash, block_hash=block)

    async def _do(self, step: Step) -> Settled | None:
        assert self._intent is not None
        match step:
            case First(fees):
                return await self._first(self._intent, fees)
            case Bump(fees, cancel):
                await self._replace(self._intent, fees, cancel)
            case Cancel(fees):
                await self._replace(self._intent, fees, cancel=True)
            case Send(attempt):
                await self._send(self._intent, attempt)
            case Wait(why, overdue):
                if overdue:
                    self._observer.alarm("overdue", f"{self._intent.id}: {why}")
            case Settle(outcome, receipt):
                if receipt is None:
                    return self._end(settle_unmined(self._intent.id, outcome))
                settled, lost = await settle_mined(
                    self.watch, self._finality, self._head, self._intent.id, outcome, receipt
                )
                if lost is not None:
                    self._halt(lost)
                return self._end(settled)
            case Halt(nonce):
                self._halt(f"nonce {nonce} was used by a transaction that Sentinel did not sign")
                return self._end(settle_unmined(self._intent.id, Outcome.UNKNOWN))
        return None

    # ---------------------------------------------------------------- sign, commit, send: in this order

    async def _first(self, intent: Intent, fees: Fees) -> Settled | None:
        (least, chain), ours = await self.watch.mined_nonce(), self.journal.next_nonce()
        # Asked after the read, which may take seconds: nothing waits between here and the send.
        purpose = purpose_of(intent.decision.simulation.candidate.action, self._network.quote)
        if (why := self.journal.bar(purpose)) is not None:
            self._observer.alarm("paused", f"{intent.id} was not signed: {why}")
            return self._end(settle_unmined(intent.id, Outcome.EXPIRED))
        if ours > chain:  # a reorg, or a node that lags: signing now would leave a hole or reuse a nonce (I4)
            self._observer.alarm("nonce_gap", f"the chain counts {chain}, the journal {ours}")
            return None
        if chain > max(least, ours):  # more than we ever sent, and not all say so: such a nonce may never be reached
            self._observer.alarm("nonce_disputed", f"endpoints count {least} to {chain}, the journal {ours}")
            return None
        try:
            attempt = await self._first_attempt(intent, chain, fees)
        except SignerRefused as error:
            if error.rule in DAY_RULES:  # the day's counters are full: no fault, and over at 00:00 UTC
                self._observer.alarm("signer_day", f"{intent.id}: {error}; until 00:00 UTC")
                return self._end(settle_unmined(intent.id, Outcome.EXPIRED))
            self._halt(f"the signer refused what policy had passed: {error}")
            return self._end(settle_unmined(intent.id, Outcome.EXPIRED))
        await self._commit_and_send(intent, attempt)
        return None

    async def _first_attempt(self, intent: Intent, nonce: int, fees: Fees) -> Attempt:
        """Where bytes that were signed and lost before they were committed hold the nonce, a cancel takes it: the
        signer signs nothing else for it (I4), and the next intent gets the next one."""
        try:
            return await self._sign(intent, nonce, fees, cancel=False)
        except SignerRefused as error:
            if error.rule != "nonce":
                raise
            self._observer.alarm("nonce_held", f"{intent.id}: {error}")
            return await self._sign(intent, nonce, fees, cancel=True)

    async def _replace(self, intent: Intent, fees: Fees, cancel: bool) -> None:
        last = self._attempts[-1]
        try:
            attempt = await self._sign(intent, last.nonce, fees, cancel)
        except (SignerRefused, SignerUnavailable) as error:  # what is signed already goes on
            self._observer.alarm("refused" if isinstance(error, SignerRefused) else "unsigned", f"{intent.id}: {error}")
            since = self._sent.get(last.tx_hash)
            if since is None or self.clock() - since.at >= self._rules.resend_after:
                await self._send(intent, last)
            return
        await self._commit_and_send(intent, attempt)

    async def _sign(self, intent: Intent, nonce: int, fees: Fees, cancel: bool) -> Attempt:
        tx = TxRequest(self._signer.address, b"", 0, TRANSFER_GAS) if cancel else intent.tx
        signed = await self._signer.sign_transaction(self._network.chain_id, nonce, tx, fees)
        way = self._attempts[0].way if self._attempts else self._broadcast.way
        return Attempt(intent.id, nonce, fees, signed.tx_hash, signed.raw, cancel, way)

    async def _commit_and_send(self, intent: Intent, attempt: Attempt) -> None:
        self.journal.attempt(attempt)
        self._attempts = (*self._attempts, attempt)
        await self._send(intent, attempt)

    async def _send(self, intent: Intent, attempt: Attempt) -> None:
        """Once. Whatever the answer is, only nonces and receipts tell what became of it (I6)."""
        earlier = self._sent.get(attempt.tx_hash)
        self._sent[attempt.tx_hash] = SentAttempt(self.clock(), earlier.block if earlier else self._head)
        reply = await self._broadcast.send(attempt.raw, attempt.way)
        held = reply.answer is Answer.HELD
        facts = {"tx_hash": attempt.tx_hash, "answer": reply.answer.value, "detail": reply.detail}
        self.journal.transition(intent.id, State.SIGNED if held else State.SENT, **facts)
        if held:
            del self._sent[attempt.tx_hash]  # tried again at the next head, and never raised for having waited
            self._observer.alarm("held", f"{intent.id}: {reply.detail}")
        self._observer.sent(intent, attempt, reply.answer.value)

    def _end(self, settled: Settled) -> Settled:
        assert self._intent is not None
        intent = self._intent
        pnl = self.journal.settle(settled)
        self._finality.ended(settled)
        self._take_up()
        self._observer.settled(intent, settled, pnl)
        return settled

    def _halt(self, reason: str) -> None:
        self.journal.halt(reason)
        self._observer.alarm("halted", reason)
