"""The standing allowance ERC-20 owner -> Permit2: bounded, made before trading, each change a journaled intent.

A change is simulated, screened and confirmed as a trade is, by the same policy; only nobody votes on it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

from sentinel.core.actions import Approve, Candidate
from sentinel.core.decision import Act
from sentinel.core.errors import JournalError, Refused, Unavailable
from sentinel.core.market_state import Head, MarketState
from sentinel.core.network import Symbol
from sentinel.core.ports import Market, Policy, Toolkit
from sentinel.core.transaction import Intent, Outcome, Settled
from sentinel.execute.sender import LiveExecutor

DEADLINE = 120  # seconds for one approval, fewer where policy allows fewer
TRIES = 5  # heads at which a part may be away before it is given up
TRANSIENT_RULES = ("head_age", "reference", "fee_caps", "newest_head")  # rules that a later head may satisfy
NextHead = Callable[[], Awaitable[Head]]  # a newer head each time, waiting for it


class Approvals:
    """`next_head` paces the following of each approval to its end; `disputed` tells why no head can be trusted now."""

    def __init__(
        self,
        executor: LiveExecutor,
        market: Market,
        toolkit: Toolkit,
        policy: Policy,
        next_head: NextHead,
        disputed: Callable[[], str | None],
        deadline: int = DEADLINE,
    ) -> None:
        self._executor = executor
        self._market = market
        self._toolkit = toolkit
        self._policy = policy
        self._next_head = next_head
        self._disputed = disputed
        self._deadline = min(deadline, DEADLINE)

    async def ensure_allowances(
        self, caps: Mapping[Symbol, int], min_allowances: Mapping[Symbol, int]
    ) -> tuple[Settled, ...]:
        """Allow `caps[token]` base units wherever less than `least[token]` is left or more than the cap is allowed.

        A non-zero allowance is first taken to zero, since some tokens demand it. Confirmed when it returns. Raises
        Refused where policy says no, Unavailable where an approval did not confirm or a part is away; JournalError
        where another intent is unfinished.
        """
        done: list[Settled] = []
        for symbol, now in (await self._executor.watch.allowances(caps)).items():
            if min_allowances.get(symbol, 1) <= now <= caps[symbol]:
                continue
            if now:
                done.append(await self._approve(symbol, 0))
            if caps[symbol]:
                done.append(await self._approve(symbol, caps[symbol]))
        return tuple(done)

    async def revoke(self, symbols: Sequence[Symbol]) -> tuple[Settled, ...]:
        """Take every allowance of `symbols` to zero."""
        return await self.ensure_allowances(dict.fromkeys(symbols, 0), dict.fromkeys(symbols, 0))

    async def _approve(self, symbol: Symbol, amount: int) -> Settled:
        if self._executor.open_intent is not None:
            raise JournalError("an approval must wait until nothing is in flight")
        for left in reversed(range(TRIES)):
            head = await self._next_head()
            try:
                self._undisputed()
                intent, state = await self._prepared(symbol, amount, head)
                self._undisputed()  # it may have come up meanwhile
                break
            except (Unavailable, Refused) as error:
                if left == 0 or (isinstance(error, Refused) and error.rule not in TRANSIENT_RULES):
                    raise
        self._executor.journal.accept_order(intent, state)
        await self._executor.execute(intent)
        settled = await self._follow(intent.id)
        if settled.outcome is not Outcome.CONFIRMED:
            raise Unavailable(
                f"the approval of {symbol} for Permit2 ended {settled.outcome}: it is tried at next start"
            )
        return settled

    def _undisputed(self) -> None:
        if (why := self._disputed()) is not None:
            raise Unavailable(why)

    async def _prepared(self, symbol: Symbol, amount: int, head: Head) -> tuple[Intent, MarketState]:
        """The intent whose bytes policy passed, simulated at this head. Raises Refused, Unavailable."""
        executor = self._executor
        state = await self._market.read(head)
        spent = executor.journal.spent_today(executor.clock())
        action = Approve(symbol, "permit2", amount, head.timestamp + self._deadline)
        (tried,) = await self._toolkit.simulate_all(state, [Candidate(0, action, "allowance")])
        _, refusals = self._policy.screen([tried], state, spent)
        for refusal in refusals:
            raise Refused(refusal.rule, f"the approval of {symbol} was refused by {refusal.rule}: {refusal.detail}")
        decision = Act(tried, 0, 0, 0, 0)
        intent = await executor.prepare(decision, state)
        confirmed = await self._toolkit.confirm(intent, head, state)
        for verdict in self._policy.check(confirmed, decision, state, head, spent, executor.clock()):
            if not verdict.ok:
                raise Refused(verdict.rule, f"the approval of {symbol} was refused by {verdict.rule}: {verdict.detail}")
        return intent, state

    async def _follow(self, intent_id: str) -> Settled:
        while self._executor.open_intent is not None:
            head = await self._next_head()
            try:
                settled = await self._executor.on_head(head)
            except Unavailable:  # a node, or the signer: the executor's own deadlines bound the asking again
                await asyncio.sleep(1.0)
                continue
            if settled is not None and settled.intent_id == intent_id:  # else of one that a reorg opened again
                return settled
        raise Unavailable(f"approval {intent_id} was not sent")
