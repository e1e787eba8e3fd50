"""The wallet's ERC-20 allowances for Permit2: bounded, set before trading, each change a journaled intent.

A change is simulated, screened, voted and confirmed like a trade, by the same policy. Its vote has one ballot.
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
from sentinel.decide.vote import vote
from sentinel.execute.sender import LiveExecutor

DEADLINE = 120  # seconds for one approval, or policy's maximum if that is shorter
TRIES = 5  # heads at which an approval is tried before its error is raised
TRANSIENT_RULES = ("head_age", "reference", "fee_caps", "newest_head")  # rules that a later head may satisfy
NextHead = Callable[[], Awaitable[Head]]  # waits for a head that is newer than the last one it returned


class Approvals:
    """Sets and revokes allowances, one approval at a time, and follows each until it is settled.

    `next_head` supplies the heads. `disputed` returns why no head can be trusted now, or None.
    """

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
        self,
        caps: Mapping[Symbol, int],
        min_allowances: Mapping[Symbol, int],
        amounts: Mapping[Symbol, int] | None = None,
    ) -> tuple[Settled, ...]:
        """Set each allowance to `amounts[token]` if it is below `min_allowances[token]` or above the cap (base units).

        An amount that is not given is the cap. A minimum that is not given is 1. A non-zero allowance is set to zero
        first because some tokens demand it.
        Every approval is confirmed on return. Raises Refused if policy refuses one, Unavailable if one was not
        confirmed or a service does not answer, JournalError if another intent is open.
        """
        settlements: list[Settled] = []
        for symbol, allowance in (await self._executor.watch.allowances(caps)).items():
            if min_allowances.get(symbol, 1) <= allowance <= caps[symbol]:
                continue
            if allowance:
                settlements.append(await self._approve(symbol, 0))
            if amount := (amounts or {}).get(symbol, caps[symbol]):
                settlements.append(await self._approve(symbol, amount))
        return tuple(settlements)

    async def revoke(self, symbols: Sequence[Symbol]) -> tuple[Settled, ...]:
        """Set every allowance of `symbols` to zero. Raises as `ensure_allowances`."""
        return await self.ensure_allowances(dict.fromkeys(symbols, 0), dict.fromkeys(symbols, 0))

    async def _approve(self, symbol: Symbol, amount: int) -> Settled:
        if self._executor.open_intent is not None:
            raise JournalError("an approval must wait until no intent is open")
        for remaining_tries in reversed(range(TRIES)):
            head = await self._next_head()
            try:
                self._undisputed()
                intent, state = await self._prepared(symbol, amount, head)
                self._undisputed()  # a dispute may have started during the simulation
                break
            except (Unavailable, Refused) as error:
                if remaining_tries == 0 or (isinstance(error, Refused) and error.rule not in TRANSIENT_RULES):
                    raise
        self._executor.journal.accept_order(intent, state)
        await self._executor.execute(intent)
        settled = await self._follow(intent.id)
        if settled.outcome is not Outcome.CONFIRMED:
            raise Unavailable(
                f"the approval of {symbol} for Permit2 ended {settled.outcome}; the next start tries it again"
            )
        return settled

    def _undisputed(self) -> None:
        if (reason := self._disputed()) is not None:
            raise Unavailable(reason)

    async def _prepared(self, symbol: Symbol, amount: int, head: Head) -> tuple[Intent, MarketState]:
        """Returns an intent whose bytes policy passed, and the state at `head`. Raises Refused, Unavailable."""
        executor = self._executor
        state = await self._market.read(head)
        spent = executor.journal.spent_today(executor.clock())
        action = Approve(symbol, "permit2", amount, head.timestamp + self._deadline)
        (simulation,) = await self._toolkit.simulate_all(state, [Candidate(0, action, "allowance")])
        ballots, refusals = self._policy.screen([simulation], state, spent)
        for refusal in refusals:
            raise Refused(refusal.rule, f"the approval of {symbol} was refused by {refusal.rule}: {refusal.detail}")
        decision = vote(ballots, asked=1, quorum_bps=0)
        if not isinstance(decision, Act):
            raise Refused("vote", f"the approval of {symbol} has no vote: {decision.detail}")
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
            except Unavailable:  # a node or the signer; the executor's own deadlines end the retries
                await asyncio.sleep(1.0)
                continue
            if settled is not None and settled.intent_id == intent_id:  # else it is an intent that a reorg reopened
                return settled
        raise Unavailable(f"approval {intent_id} was not sent")
