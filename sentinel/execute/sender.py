"""The live executor: takes one intent at a time from its final bytes to its settlement.

`send_state` decides the next step of the open intent, this file carries it out, `attempt_sender` signs and sends.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable

from sentinel.chain.rpc import JsonRpc
from sentinel.core.actions import Approve, Swap
from sentinel.core.decision import Act
from sentinel.core.errors import Refused, SignerRefused, Unavailable
from sentinel.core.market_state import Head, MarketState
from sentinel.core.network import HexHash, Network
from sentinel.core.simulation import Simulation, TxRequest
from sentinel.core.transaction import Fees, Intent, Outcome, Settled
from sentinel.decide.operator_controls import purpose_of
from sentinel.execute.attempt_sender import AttemptSender
from sentinel.execute.chain_reader import ChainReader
from sentinel.execute.execution_ports import BroadcastPort, ExecutionObserver, NoExecutionObserver
from sentinel.execute.foreign_nonces import described
from sentinel.execute.nonce_user import UsedNonce
from sentinel.execute.send_state import (
    UNTOLD,
    Bump,
    Cancel,
    ChainView,
    First,
    Halt,
    Send,
    SendRules,
    Settle,
    Step,
    Wait,
    is_overdue,
    next_step,
)
from sentinel.execute.settled_watch import SettledWatch
from sentinel.execute.settlement import settle_mined, settle_unmined
from sentinel.journal.intents import OpenIntent
from sentinel.journal.journal import Journal
from sentinel.journal.states import State
from sentinel.signing.signer import Signer
from sentinel.signing.signer_limits import DAY_RULES
from sentinel.signing.trade_rules import MARKET_RULES, answers_of

Finalise = Callable[[Simulation, MarketState, Signer], Awaitable[TxRequest]]  # signs the permit and fixes the bytes
Recheck = Callable[[Intent], Awaitable[bool]]  # whether the bytes are still good after a delay


async def always(_: Intent) -> bool:
    return True


class LiveExecutor(AttemptSender):
    """The only sender of one wallet. Call `reconcile` before the first `execute`."""

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
        """`genesis`: hash of the pinned block, or of block 0 if none is pinned."""
        super().__init__(broadcast, journal, signer, network, rules, observer or NoExecutionObserver(), clock)
        self.watch = ChainReader(rpc, network, signer.address, genesis, lambda: journal.chain.settled_block)
        self._rpc = rpc
        self._settled = SettledWatch(journal, self.watch, network.block_time, self._observer, clock)
        self._used = UsedNonce(clock)
        self._finalise = finalise
        self._recheck = recheck
        self._lock = asyncio.Lock()
        self._intent: Intent | None = None
        self._mined_in: dict[HexHash, HexHash] = {}  # attempt hash -> hash of the block that includes it
        self._missing = False  # the alarm for a missing receipt was raised
        self._head_time = 0  # Unix seconds, the timestamp of the newest block

    @property
    def open_intent(self) -> Intent | None:
        return self._intent

    async def prepare(self, decision: Act, state: MarketState) -> Intent:
        """An intent with its final bytes. Nothing is journaled or sent.

        The chain is identified first because a permit is a signature too (I10). Raises Refused if the action is no
        transaction or the signer refuses, ChainMismatch and RpcError.
        """
        simulation = decision.simulation
        action = simulation.candidate.action
        if not isinstance(action, Swap | Approve):
            raise Refused("action", f"{type(action).__name__} is no transaction")
        await self.watch.mined_nonce()
        tx = await self._finalise(simulation, state, self._signer)
        return Intent(
            id=secrets.token_hex(16),
            decision=decision,
            tx=tx,
            signed=True,
            env=simulation.env,
            deadline=action.deadline if isinstance(action, Swap) else action.expiry,
            created_at=int(self.clock()),
            prices=answers_of(state.reference, self._network),
        )

    async def execute(self, intent: Intent) -> None:
        """Send an intent that the journal has accepted.

        An unavailable node or signer raises an alarm only; `on_head` tries again. Raises Refused for an intent that is
        unsigned or not open, JournalError (then nothing was sent), and ChainMismatch.
        """
        async with self._lock:
            if not intent.signed or not self.journal.is_open(intent.id):
                raise Refused("intent", "it is not signed, or it is not open in the journal")
            if self._intent is not None:  # this one, or an earlier one that a reorg reopened meanwhile
                return
            self._head = max(self._head, intent.env.number - 1)
            self.adopt(OpenIntent(intent, ()))
            next_at = max(self._next_at, intent.env.timestamp)
            seen = ChainView(self.clock(), next_at, self._head, intent.env.base_fee, {}, 0, 0)
            try:
                await self._do(next_step(intent, (), {}, seen, self._rules))
            except Unavailable as error:  # the node or the signer; `on_head` tries again
                self._observer.alarm("unsent", f"{intent.id}: {error}")

    def adopt(self, pending: OpenIntent | None) -> None:
        """Follow an intent that an earlier run or a reorg left open, or none. It does nothing before the next head."""
        self._intent, self._attempts = (pending.intent, pending.attempts) if pending else (None, ())
        self._sent, self._mined_in, self._missing = {}, {}, False
        self._used.forget()

    def _take_up(self) -> None:
        """Adopt the first open intent of the journal, if there is one."""
        self.adopt(next(iter(self.journal.open_intents()), None))

    async def on_head(self, head: Head) -> Settled | None:
        """Take the next step of the open intent. Returns its settlement if this head ended it.

        Raises Unavailable (try again at the next head), JournalError and ChainMismatch.
        """
        async with self._lock:
            if await self._settled.look(head):
                self._take_up()
            if self._intent is None:
                return None
            self._head, self._head_time = head.number, head.timestamp
            try:
                step = await self._decide(self._intent, head)
                if isinstance(step, Send | Bump | Cancel) and self._overdue(self._intent):
                    self._observer.alarm("overdue", f"{self._intent.id}: still being sent")
                return await self._do(step)
            except Unavailable as error:  # an unavailable node must not hide an overdue intent
                if self._overdue(self._intent):
                    self._observer.alarm("overdue", f"{self._intent.id}: {error}")
                raise

    def _overdue(self, intent: Intent) -> bool:
        return is_overdue(intent, self.clock(), self._next_at, self._rules)

    @property
    def _next_at(self) -> float:
        """The time of the next block at the earliest, by the chain's clock."""
        return self._head_time + self._network.block_time

    async def _decide(self, intent: Intent, head: Head) -> Step:
        rules = self._rules
        hashes = [attempt.tx_hash for attempt in self._attempts]
        depth = max(rules.foreign_depth, rules.confirmations) - 1
        receipts, nonce, deep_nonce = await self.watch.look_up_receipts(hashes, head, depth) if hashes else ({}, 0, 0)
        for attempt in self._attempts:
            receipt = receipts.get(attempt.tx_hash)
            self._note_inclusion(attempt.tx_hash, receipt.block_hash if receipt and receipt.canonical else None)
        mined = any(receipt.canonical for receipt in receipts.values())
        used = bool(hashes) and nonce > self._attempts[-1].nonce and not mined
        used_for, user = self._used.seconds(head, used), UNTOLD
        if used:
            user = await self.watch.nonce_user(intent, self._attempts, head)
        now, next_at = self.clock(), head.timestamp + self._network.block_time
        seen = ChainView(now, next_at, head.number, head.base_fee, receipts, nonce, deep_nonce, user, used_for)
        step = next_step(intent, self._attempts, self._sent, seen, rules)
        if isinstance(step, First) and not await self._recheck(intent):
            return Settle(Outcome.EXPIRED, None)
        return step

    def _note_inclusion(self, tx_hash: HexHash, block: HexHash | None) -> None:
        if self._intent is None or self._mined_in.get(tx_hash) == block:
            return
        if block is None:  # a reorg removed it: it is sent again if its deadline allows (I7)
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
            case Wait(why, overdue, missing):
                if overdue:
                    self._observer.alarm("overdue", f"{self._intent.id}: {why}")
                if missing and not self._missing:
                    self._observer.alarm("receipt_missing", f"{self._intent.id}: {why}")
                self._missing = missing
            case Settle(outcome, receipt):
                if receipt is None:
                    return self._end(settle_unmined(self._intent.id, outcome))
                head = (self._head, self._head_time)
                settled, lost = await settle_mined(
                    self.watch, self._settled.finality, head, self._intent.id, outcome, receipt
                )
                if lost is not None:
                    self._halt(lost)
                return self._end(settled)
            case Halt(why):
                self._halt(why)
                return self._end(settle_unmined(self._intent.id, Outcome.UNKNOWN))
        return None

    async def _first(self, intent: Intent, fees: Fees) -> Settled | None:
        """Check halt and nonces, then sign, commit and send the first attempt.

        Returns the settlement if the intent expires unsigned. If the nonces disagree, the next head tries again.
        """
        (lowest, highest), ours = await self.watch.mined_nonce(), self.journal.next_nonce()
        # Checked after the read, which may take seconds, so that a halt meanwhile still stops the signature.
        purpose = purpose_of(intent.decision.simulation.candidate.action, self._network.quote)
        if (reason := self.journal.bar(purpose)) is not None:
            self._observer.alarm("paused", f"{intent.id} was not signed: {reason}")
            return self._end(settle_unmined(intent.id, Outcome.EXPIRED))
        if ours > highest:  # a reorg or a lagging node: signing now would leave a gap or reuse a nonce (I4)
            self._observer.alarm("nonce_gap", f"{intent.id}: the chain counts {highest}, the journal {ours}")
            return None
        if highest > max(lowest, ours):  # above the journal, and endpoints differ: the nonce may never be reached
            counts = f"endpoints count {lowest} to {highest}, the journal {ours}"
            self._observer.alarm("nonce_disputed", f"{intent.id}: {counts}")
            return None
        if await self.foreign_nonces(lowest):
            return self._end(settle_unmined(intent.id, Outcome.EXPIRED))
        try:
            attempt = await self._first_attempt(intent, highest, fees)
        except SignerRefused as error:
            if error.rule in DAY_RULES:  # a daily limit is reached: no fault, and it resets at 00:00 UTC
                self._observer.alarm("signer_day", f"{intent.id}: {error}; until 00:00 UTC")
                return self._end(settle_unmined(intent.id, Outcome.EXPIRED))
            if error.rule in MARKET_RULES:  # its prices or balance are newer than those that policy decided by
                self._observer.alarm("refused", f"{intent.id}: {error}")
                return self._end(settle_unmined(intent.id, Outcome.EXPIRED))
            self._halt(f"the signer refused an intent that policy had passed: {error}")
            return self._end(settle_unmined(intent.id, Outcome.EXPIRED))
        await self._commit_and_send(intent, attempt)
        return None

    async def foreign_nonces(self, mined: int) -> bool:
        """Halt trading if the wallet has transactions that the journal does not know. `mined`: their number. Returns
        whether it has (I17, I30)."""
        foreign = self.journal.chain.foreign(mined)
        if not foreign:
            return False
        reason = await described(self._rpc, self._signer.address, foreign)
        self.journal.halt(reason)
        if self.journal.halt_reason == reason:  # else an earlier halt stands, and its release does not mean these
            self.journal.chain.found(foreign)
        self._observer.alarm("foreign_nonce", reason)
        return True

    def _end(self, settled: Settled) -> Settled:
        assert self._intent is not None
        intent = self._intent
        pnl = self.journal.settle(settled)
        self._settled.ended(settled)
        self._take_up()
        self._observer.settled(intent, settled, pnl)
        return settled

    def _halt(self, reason: str) -> None:
        self.journal.halt(reason)
        self._observer.alarm("halted", reason)
