"""The start of a live daemon: follows open intents of an earlier run, then sets the allowances."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from sentinel.chain.heads import latest_head
from sentinel.core.errors import Refused, Unavailable
from sentinel.core.market_state import Head, MarketState
from sentinel.core.network import Symbol
from sentinel.core.transaction import Settled
from sentinel.daemon.parts import Parts
from sentinel.decide.operator_controls import Purpose
from sentinel.decide.policy import REVOKE_RULES, Policy
from sentinel.execute.approvals import Approvals
from sentinel.execute.reconcile import compare_nonces, reconcile
from sentinel.execute.sender import LiveExecutor
from sentinel.observe.logs import Log, settled_fields
from sentinel.orders.playing.spending import Spending, spending
from sentinel.orders.playing.standing import NO_ORDER

POLL = 0.1  # seconds between polls for a newer head


@dataclass(slots=True)
class Startup:
    parts: Parts
    executor: LiveExecutor
    log: Log
    _seen: Head | None = None

    async def run(self) -> None:
        """Run the start-up. Raises Unavailable if the chain does not answer or an approval does not confirm.

        After Unavailable the daemon can be started again.
        """
        await self._compare_nonces()
        await self._settle_open()
        if (why := self.parts.journal.bar(Purpose.TRADE)) is not None:
            self.log.warning("startup.halted", reason=why, meaning="allowances are not changed")
            return
        try:
            await self.allowances(list(self.parts.network.tokens), revoke=False)
        except Refused as error:  # policy refused, perhaps until tomorrow; tokens with an allowance can still be traded
            self.parts.metrics.alarm("allowance")
            self.log.error("startup.allowance_refused", rule=error.rule, error=str(error))

    async def allowances(self, symbols: Sequence[Symbol], *, revoke: bool) -> dict[Symbol, str]:
        """Set or revoke what Permit2 may take of `symbols`. Returns the allowances afterwards, in base units by token.

        Raises Refused if policy refuses one, Unavailable if one does not confirm.
        """
        parts = self.parts
        await self._settle_open()
        approvals = Approvals(
            self.executor,
            parts.market,
            parts.toolkit,
            Policy(parts.network, parts.limits, revoke_rules=REVOKE_RULES, order_spending=self._spending()),
            self._next_head,
            lambda: parts.rpc.disputed,
            parts.limits.max_deadline,
        )
        if revoke:
            settlements = await approvals.revoke(symbols)
        else:
            prices = _higher_prices(await parts.market.read(await latest_head(parts.rpc)))
            caps, minimums = (
                {symbol: amount for symbol, amount in amounts.items() if symbol in symbols}
                for amounts in (parts.terms.allowances(prices), parts.terms.least_allowances(prices))
            )
            amounts = self._bounded(caps)
            least = {symbol: min(amount, amounts[symbol]) for symbol, amount in minimums.items() if symbol in amounts}
            settlements = await approvals.ensure_allowances(caps, least, amounts)
        for settled in settlements:
            self._report(settled)
        allowances = await self.executor.watch.allowances(symbols)
        return {symbol: str(amount) for symbol, amount in allowances.items()}

    def _spending(self) -> Spending | None:
        """What allowances may be at most for the order in force; None without one.

        Only the quote token is bounded: `stop --flatten` sells every coin, whatever the order.
        """
        order, quote = self.parts.force.value.order, self.parts.network.quote
        if order is None or order.hash == NO_ORDER:
            return None
        return {**dict.fromkeys(self.parts.network.tokens), quote: spending(order.order).get(quote, Decimal(0))}

    def _bounded(self, caps: Mapping[Symbol, int]) -> dict[Symbol, int]:
        """The amounts that are set: the caps, or less if the order can take less."""
        bounds, tokens = self._spending() or {}, self.parts.network.tokens
        most = {
            symbol: int(bound.scaleb(tokens[symbol].decimals)) for symbol, bound in bounds.items() if bound is not None
        }
        return {symbol: min(cap, most.get(symbol, cap)) for symbol, cap in caps.items()}

    async def _settle_open(self) -> None:
        """Follow the open intents of an earlier run until they end. The executor's deadlines bound the time."""
        await self._step(reconcile(self.executor, await self._next_head()))
        # A reorg may have reopened several intents. The executor takes up the next one when one ends.
        while self.executor.open_intent is not None:
            self.log.info("startup.open_intent", intent=self.executor.open_intent.id)
            await self._step(self.executor.on_head(await self._next_head()))

    async def _compare_nonces(self) -> None:
        while True:
            try:
                return await compare_nonces(self.executor)
            except Unavailable as error:
                self.log.warning("startup.retry", error=str(error))
                await asyncio.sleep(1.0)

    async def _step(self, step: Awaitable[Settled | None]) -> None:
        try:
            settled = await step
        except Unavailable as error:
            self.log.warning("startup.retry", error=str(error))
            return
        if settled is not None:
            self._report(settled)

    def _report(self, settled: Settled) -> None:
        self.parts.metrics.observe_settled(settled, None, None)
        self.log.info("transaction.settled", **settled_fields(settled, None))

    async def _next_head(self) -> Head:
        """Wait for a head that differs from the last one, put it into `latest` and return it."""
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


def _higher_prices(state: MarketState) -> dict[Symbol, float]:
    """The higher of pool price and reference price by token.

    An allowance that is bounded by the higher price is within the bounds of policy and of the signer.
    """
    prices = dict(state.prices)
    for symbol, reference in state.reference.items():
        prices[symbol] = max(prices.get(symbol, 0.0), reference.answer / 10.0**reference.decimals)
    return prices
