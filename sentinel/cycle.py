"""One block in, one CycleRecord out: every stage of the system in order.

Read `Cycle.run` from top to bottom for the whole flow. Every early exit is a Hold with a reason.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from sentinel.chain.rpc import plain
from sentinel.core.actions import Proposal, Swap
from sentinel.core.decision import Act, Decision, Hold, HoldReason, Sized, Verdict, away
from sentinel.core.errors import Refused, Unavailable
from sentinel.core.market_state import Head, MarketState, MarketView, Regime
from sentinel.core.network import Symbol
from sentinel.core.ports import Analyst, Executor, Market, Policy, Toolkit, Trader
from sentinel.core.record import CycleRecord, FinalCheckInput, PlayedOrder
from sentinel.core.simulation import Refusal, Simulation
from sentinel.core.spent import Spent
from sentinel.core.stopwatch import Stopwatch
from sentinel.core.transaction import Intent
from sentinel.decide.operator_controls import Purpose
from sentinel.journal.journal import Journal
from sentinel.orders.playing.standing import StandingOrder

STOPPING = "told to stop while this cycle was under way"
NO_VIEW = MarketView({}, Regime.NONE, 0.0, 0, "none")  # an exit looks at no target
CONFIRMS = 4  # attempts to simulate the final bytes before a newer head arrives

Vote = Callable[[Sequence[Simulation], int, MarketState], Decision]  # ballots, final actions asked for, market state
More = Callable[[Decision, int], int]  # (decision, ballots) -> number of extra samples to ask for; 0 for none
# Scales the voted trade to the size that its agreement supports. Returns the act or a Hold, and the new simulation.
Size = Callable[[Act, MarketState, Spent], Awaitable[tuple[Decision, Sized | None]]]


async def as_voted(act: Act, state: MarketState, spent: Spent) -> tuple[Decision, Sized | None]:
    """Keep the voted size."""
    return act, None


class Allowances(Protocol):
    """Proposes allowances for the approved order."""

    def lacking(self, state: MarketState) -> Symbol | None:
        """The token of which the order's trade takes more than is allowed."""
        ...

    async def propose(self, state: MarketState, token: Symbol, n: int) -> Proposal:
        """The student's approvals. Raises Unavailable."""
        ...

    def own(self, state: MarketState, token: Symbol) -> Sequence[Proposal]:
        """The order's own approvals, in the order in which they are tried; each has one candidate at most."""
        ...


@dataclass(slots=True)
class _Draft:
    """The record under construction. A Hold leaves the fields of later stages empty."""

    state: MarketState | None = None
    view: MarketView | None = None
    proposal: Proposal | None = None
    simulations: tuple[Simulation, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    sized: Sized | None = None
    played: PlayedOrder | None = None
    exit_made: bool = False
    verdicts: tuple[Verdict, ...] = ()
    spent: Spent | None = None
    final: FinalCheckInput | None = None
    intent: Intent | None = None
    stage: Stopwatch = field(default_factory=Stopwatch)

    @property
    def timings(self) -> dict[str, float]:
        """Seconds by stage, the parts of the proposal included."""
        parts = self.proposal.timings if self.proposal is not None else {}
        return {**parts, **self.stage.seconds}


@dataclass(frozen=True, slots=True)
class Cycle:
    market: Market
    analyst: Analyst
    trader: Trader
    toolkit: Toolkit
    policy: Policy
    vote: Vote
    executor: Executor
    journal: Journal
    samples: int  # final actions to ask for per block
    newest: Callable[[], Head]  # the newest head that the node reported
    more: More = lambda decision, ballots: 0
    size: Size = as_voted
    warm: Callable[[MarketState], None] = lambda state: None  # starts work that may run in parallel with the proposal
    disputed: Callable[[], str | None] = lambda: None  # why no head can be trusted now, or None
    stopping: Callable[[], bool] = lambda: False  # True if the process is stopping: nothing new is sent (I26)
    clock: Callable[[], float] = time.time
    purpose: Purpose = Purpose.TRADE  # purpose of the trader's proposals
    order: StandingOrder | None = None  # what the operator approved; None: the proposer alone says what is wanted
    allowances: Allowances | None = None  # proposes an allowance that the order lacks; None: the start made them all
    exits: Trader | None = None  # makes the exit that the order wants if the vote holds; None: the vote alone decides
    stopwatch: Callable[[], Stopwatch] = Stopwatch  # times the stages of one cycle

    async def run(self, head: Head) -> CycleRecord:
        """Decide on one block and return its record. An intent is journaled before anything is sent.

        Raises JournalError and programming errors only: those stop the daemon. Every other failure is a Hold.
        """
        draft = _Draft(stage=self.stopwatch())
        with draft.stage("total"):
            try:
                decision = await self._decide(head, draft)
            except Unavailable as error:
                decision = Hold(away(error), detail=plain(error))
            except Refused as error:
                decision = Hold(HoldReason.REFUSED, detail=f"{error.rule}: {plain(error)}")

        record = CycleRecord(
            head=head,
            state=draft.state,
            view=draft.view,
            proposal=draft.proposal,
            simulations=draft.simulations,
            refusals=draft.refusals,
            decision=decision,
            verdicts=draft.verdicts,
            intent_id=draft.intent.id if draft.intent and isinstance(decision, Act) else None,
            timings=draft.timings,
            sized=draft.sized,
            played=draft.played,
            exit_made=draft.exit_made,
            spent=draft.spent,
            final=draft.final,
        )
        if isinstance(decision, Act) and draft.intent is not None:
            self.journal.accept(record, draft.intent)
            await self.executor.execute(draft.intent)
        else:
            self.journal.record(record)
        return record

    async def _decide(self, head: Head, draft: _Draft) -> Decision:
        if self.stopping():
            return Hold(HoldReason.STOPPING, detail=STOPPING)
        if (why := self.journal.bar(self.purpose)) is not None:
            return Hold(HoldReason.PAUSED, detail=why)
        if (why := self.disputed()) is not None:
            return Hold(HoldReason.DISPUTED, detail=why)
        if (open_intent := self.executor.open_intent) is not None:
            return Hold(HoldReason.IN_FLIGHT, detail=f"intent {open_intent.id}")

        with draft.stage("market"):
            draft.state = state = await self.market.read(head)
        if self.order is not None:
            draft.played = self.order.recorded(state)
        self.warm(state)
        draft.spent = spent = self.journal.spent_today(self.clock())
        if self.allowances is not None and (token := self.allowances.lacking(state)) is not None:
            decision = await self._allowance(self.allowances, token, state, spent, draft)
            if isinstance(decision, Hold) and self.order is not None and self.order.play(state).possible:
                decision = await self._trade(state, spent, draft)  # another judgement may need no allowance
        else:
            decision = await self._trade(state, spent, draft)
        if isinstance(decision, Act) and self.order is None:  # the size of an order's trade is the order's own
            with draft.stage("size"):
                decision, draft.sized = await self.size(decision, state, spent)
        if isinstance(decision, Hold):
            return decision

        with draft.stage("prepare"):
            draft.intent = intent = self._for_order(await self.executor.prepare(decision, state), state, draft.proposal)
        with draft.stage("confirm"):
            for _ in range(CONFIRMS):
                newest = self.newest()
                confirmed = await self.toolkit.confirm(intent, newest, state)
                if self.newest() == newest:
                    break
            else:
                why = (
                    f"a newer block came in each of {CONFIRMS} simulations of the final bytes, the last {newest.number}"
                )
                return Hold(HoldReason.OVERTAKEN, decision.votes, decision.asked, why)
        with draft.stage("policy"):
            draft.final = final = FinalCheckInput(tuple(confirmed), newest, self.clock())
            verdicts = self.policy.check(confirmed, decision, state, newest, spent, final.at)
        draft.verdicts = verdicts
        if refused := [verdict for verdict in verdicts if not verdict.ok]:
            return Hold(
                HoldReason.REFUSED, decision.votes, decision.asked, "; ".join(f"{v.rule}: {v.detail}" for v in refused)
            )
        if (why := self.journal.bar(self.purpose)) is not None:  # paused or halted during this cycle
            return Hold(HoldReason.PAUSED, decision.votes, decision.asked, why)
        if self.executor.open_intent is not None:  # a reorg reopened an earlier intent
            return Hold(
                HoldReason.IN_FLIGHT, decision.votes, decision.asked, "an earlier transaction has lost its block"
            )
        if (why := self.disputed()) is not None:
            return Hold(HoldReason.DISPUTED, decision.votes, decision.asked, why)
        if self.order is not None and not self.order.stands():
            why = "the order was cancelled or replaced during this cycle"
            return Hold(HoldReason.REFUSED, decision.votes, decision.asked, why)
        if self.stopping():
            return Hold(HoldReason.STOPPING, decision.votes, decision.asked, STOPPING)
        return decision

    async def _trade(self, state: MarketState, spent: Spent, draft: _Draft) -> Decision:
        """The vote's decision, or the exit that it left. Raises Unavailable."""
        wants_exit = self.exits is not None and self._wants_exit(state)
        try:
            decision = await self._voted(state, spent, draft)
        except Unavailable as error:  # an exit needs no model and no view
            if not wants_exit:
                raise
            decision = Hold(away(error), detail=plain(error))
        if isinstance(decision, Hold) and self.exits is not None and wants_exit:
            return await self._exit(self.exits, state, spent, draft)
        return decision

    async def _allowance(
        self, allowances: Allowances, token: Symbol, state: MarketState, spent: Spent, draft: _Draft
    ) -> Decision:
        """Decide on the allowance that the order's trade lacks: the student's by vote, or the order's own.

        Both pass the same simulation and policy, and neither can be more than the order's trades can take. An exit
        waits for no model: its allowance is the order's own.
        """
        proposals = [*allowances.own(state, token)]
        with draft.stage("propose"):
            if not self._wants_exit(state):
                with contextlib.suppress(Unavailable):
                    proposals.insert(0, await allowances.propose(state, token, self.samples))
        decision: Decision = Hold(HoldReason.NO_MAJORITY)
        for proposal in proposals:
            draft.proposal, draft.simulations = proposal, ()
            decision, _ = await self._judge(proposal, state, spent, draft)
            if isinstance(decision, Act):
                break
        return decision

    async def _voted(self, state: MarketState, spent: Spent, draft: _Draft) -> Decision:
        """Propose, simulate, screen and vote. Raises Unavailable."""
        draft.view = view = self.analyst.view(state)
        with draft.stage("propose"):
            draft.proposal = proposal = await self.trader.propose(state, view, self.samples)
        decision, ballots = await self._judge(proposal, state, spent, draft)
        if (more := self.more(decision, ballots)) > 0:  # a close vote, and the settings allow more samples
            with draft.stage("propose"):
                draft.proposal = proposal = await self.trader.more(state, view, proposal, more)
            decision, _ = await self._judge(proposal, state, spent, draft)
        return decision

    def _for_order(self, intent: Intent, state: MarketState, proposal: Proposal | None) -> Intent:
        """The intent with the clause of the order that it carries out. An approval carries out none: it is no fill."""
        action = intent.decision.simulation.candidate.action
        if self.order is None or not isinstance(action, Swap):
            return intent
        sample = intent.decision.simulation.candidate.index
        judged = {} if proposal is None else {phrase: given[sample] for phrase, given in proposal.judged.items()}
        clause = self.order.clause(state, action, judged)
        return intent if clause is None else replace(intent, order_hash=self.order.hash, clause=clause)

    def _wants_exit(self, state: MarketState) -> bool:
        """An exit that a judgement decides is the vote's alone."""
        return self.order is not None and self.order.play(state).is_exit

    async def _exit(self, exits: Trader, state: MarketState, spent: Spent, draft: _Draft) -> Decision:
        """Decide on the exit alone, under the same policy: a missed stop costs money. It replaces the proposal."""
        with draft.stage("propose"):
            draft.proposal = proposal = await exits.propose(state, draft.view or NO_VIEW, 1)
        draft.simulations, draft.exit_made = (), True
        decision, _ = await self._judge(proposal, state, spent, draft)
        return decision

    async def _judge(self, proposal: Proposal, state: MarketState, spent: Spent, draft: _Draft) -> tuple[Decision, int]:
        """Simulate, screen and vote. Returns the decision and the number of ballots.

        Candidates that `draft` has simulations of are not simulated again.
        """
        with draft.stage("simulate"):
            untried = proposal.candidates[len(draft.simulations) :]
            draft.simulations += await self.toolkit.simulate_all(state, untried)
        with draft.stage("policy"):
            ballots, draft.refusals = self.policy.screen(draft.simulations, state, spent)
        with draft.stage("vote"):
            return self.vote(ballots, proposal.asked, state), len(ballots)
