"""Before the first cycle of a live daemon: take up what is unfinished, then see to the allowances."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field

from sentinel import terms
from sentinel.assemble import Parts
from sentinel.chain.heads import latest_head
from sentinel.errors import Unavailable
from sentinel.execute.approvals import Approvals
from sentinel.execute.reconcile import reconcile
from sentinel.execute.sender import Executor
from sentinel.orders import Purpose
from sentinel.telemetry.logs import Log, settled_fields
from sentinel.telemetry.metrics import Metrics
from sentinel.types import Attempt, Head, Intent, Settled, Symbol

POLL = 0.1  # seconds between looks for a newer head


@dataclass(frozen=True, slots=True)
class Told:
    """What the executor does, in the log and the metrics."""

    metrics: Metrics
    log: Log
    attempts: Counter[str] = field(default_factory=Counter)

    def sent(self, intent: Intent, attempt: Attempt, answer: str) -> None:
        self.attempts[intent.id] += 1
        self.metrics.sent(self.attempts[intent.id], attempt.cancel)
        self.log.info(
            "transaction.sent",
            intent=intent.id,
            tx=attempt.tx_hash,
            nonce=attempt.nonce,
            max_fee=attempt.fees.max_fee,
            priority_fee=attempt.fees.priority_fee,
            cancel=attempt.cancel,
            answer=answer,
        )

    def settled(self, intent: Intent, settled: Settled, pnl_quote: int) -> None:
        self.attempts.pop(intent.id, None)

    def alarm(self, what: str, detail: str) -> None:
        self.metrics.alarm(what)
        self.log.error("transaction.alarm", what=what, detail=detail)


@dataclass(slots=True)
class Startup:
    parts: Parts
    executor: Executor
    log: Log
    _seen: Head | None = None

    async def run(self) -> None:
        """Raises Unavailable where the chain does not answer or an approval does not confirm: start again then."""
        await self._finish_old()
        if (why := self.parts.journal.bar(Purpose.TRADE)) is not None:
            self.log.warning("startup.paused", reason=why, meaning="allowances are left as they are")
            return
        await self.allowances(revoke=False)

    async def allowances(self, *, revoke: bool) -> dict[Symbol, str]:
        """Make or take back what Permit2 may take; what it may take afterwards, by token in base units."""
        parts = self.parts
        await self._finish_old()
        approvals = Approvals(
            self.executor,
            parts.rpc,
            parts.network,
            parts.wallet,
            terms.base_units(parts.settings.execution.min_priority_fee_gwei, terms.GWEI),
            self._next_head,
        )
        if revoke:
            done = await approvals.revoke(list(parts.network.tokens))
        else:
            prices = (await parts.market.read(await latest_head(parts.rpc))).prices
            caps = terms.allowances(parts.settings, parts.network, prices)
            done = await approvals.ensure_allowances(
                caps, terms.least_allowances(parts.settings, parts.network, prices)
            )
        for settled in done:
            self._tell(settled)
        now = await self.executor.watch.allowances(parts.network.tokens)
        return {symbol: str(amount) for symbol, amount in now.items()}

    async def _finish_old(self) -> None:
        """Follow what an earlier run left until it has ended: the executor's own deadlines bound that."""
        try:
            settled = await reconcile(self.executor, await self._next_head())
        except Unavailable as error:
            self.log.warning("startup.retry", error=str(error))
            settled = None
        while settled is None and self.executor.in_flight is not None:
            self.log.info("startup.in_flight", intent=self.executor.in_flight.id)
            head = await self._next_head()
            try:
                settled = await self.executor.on_head(head)
            except Unavailable as error:
                self.log.warning("startup.retry", error=str(error))
        if settled is not None:
            self._tell(settled)

    def _tell(self, settled: Settled) -> None:
        self.parts.metrics.observe_settled(settled, None, None)
        self.log.info("transaction.settled", **settled_fields(settled, None))

    async def _next_head(self) -> Head:
        """A head that was not given before, waiting for it."""
        while True:
            try:
                head = await latest_head(self.parts.rpc)
            except Unavailable as error:
                self.log.warning("startup.retry", error=str(error))
                await asyncio.sleep(1.0)
                continue
            if head != self._seen:
                self._seen = head
                self.parts.latest.put(head)
                return head
            await asyncio.sleep(POLL)
