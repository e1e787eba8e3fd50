"""Before the first cycle of a live daemon: take up what is unfinished, then see to the allowances."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass

from sentinel.chain.heads import latest_head
from sentinel.core.errors import Refused, Unavailable
from sentinel.core.market_state import Head, MarketState
from sentinel.core.network import Symbol
from sentinel.core.transaction import Settled
from sentinel.daemon.parts import Parts
from sentinel.decide.operator_controls import Purpose
from sentinel.decide.policy import REVOKE_RULES, Policy
from sentinel.execute.approvals import Approvals
from sentinel.execute.reconcile import reconcile
from sentinel.execute.sender import LiveExecutor
from sentinel.observe.logs import Log, settled_fields

POLL = 0.1  # seconds between looks for a newer head


@dataclass(slots=True)
class Startup:
    parts: Parts
    executor: LiveExecutor
    log: Log
    _seen: Head | None = None

    async def run(self) -> None:
        """Raises Unavailable where the chain does not answer or an approval does not confirm: start again then."""
        await self._settle_open()
        if (why := self.parts.journal.bar(Purpose.TRADE)) is not None:
            self.log.warning("startup.halted", reason=why, meaning="allowances are left as they are")
            return
        try:
            await self.allowances(list(self.parts.network.tokens), revoke=False)
        except Refused as error:  # by policy, and perhaps until tomorrow: what is allowed already may still be traded
            self.parts.metrics.alarm("allowance")
            self.log.error("startup.allowance_refused", rule=error.rule, error=str(error))

    async def allowances(self, symbols: Sequence[Symbol], *, revoke: bool) -> dict[Symbol, str]:
        """Make or take back what Permit2 may take of `symbols`; what it may take of them afterwards, in base units.

        Raises Refused where policy says no, Unavailable where one did not confirm.
        """
        parts = self.parts
        await self._settle_open()
        approvals = Approvals(
            self.executor,
            parts.market,
            parts.toolkit,
            Policy(parts.network, parts.limits, revoke_rules=REVOKE_RULES),
            self._next_head,
            lambda: parts.rpc.disputed,
            parts.limits.max_deadline,
        )
        if revoke:
            done = await approvals.revoke(symbols)
        else:
            prices = _dearest(await parts.market.read(await latest_head(parts.rpc)))
            caps, least = (
                {symbol: amount for symbol, amount in found.items() if symbol in symbols}
                for found in (parts.terms.allowances(prices), parts.terms.least_allowances(prices))
            )
            done = await approvals.ensure_allowances(caps, least)
        for settled in done:
            self._tell(settled)
        now = await self.executor.watch.allowances(symbols)
        return {symbol: str(amount) for symbol, amount in now.items()}

    async def _settle_open(self) -> None:
        """Follow what an earlier run left until it has ended: the executor's own deadlines bound that."""
        await self._step(reconcile(self.executor, await self._next_head()))
        while (
            self.executor.open_intent is not None
        ):  # a reorg may have opened several: the end of one takes up the next
            self.log.info("startup.open_intent", intent=self.executor.open_intent.id)
            await self._step(self.executor.on_head(await self._next_head()))

    async def _step(self, step: Awaitable[Settled | None]) -> None:
        try:
            settled = await step
        except Unavailable as error:
            self.log.warning("startup.retry", error=str(error))
            return
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
            finally:
                self.parts.health.looked()
            if head != self._seen:
                self._seen = head
                self.parts.latest.put(head)
                return head
            await asyncio.sleep(POLL)


def _dearest(state: MarketState) -> dict[Symbol, float]:
    """Pool price or reference, the higher one: what is bounded by it is within policy's bound and the signer's."""
    found = dict(state.prices)
    for symbol, reference in state.reference.items():
        found[symbol] = max(found.get(symbol, 0.0), reference.answer / 10.0**reference.decimals)
    return found
