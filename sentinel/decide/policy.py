"""Policy: the hard limits outside the model. It may only refuse.

Each rule is a small function in a rules_* file, which lists it; its name is the stable label of refusals. A rule that
cannot be judged refuses: whatever goes wrong inside one, the trade does not happen.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields
from decimal import Decimal
from typing import TypeVar

from sentinel.config.limits import Limits
from sentinel.core.actions import Action, Approve, HoldAction, Swap
from sentinel.core.decision import Act, Verdict
from sentinel.core.errors import Refused
from sentinel.core.market_state import Head, MarketState
from sentinel.core.network import Network
from sentinel.core.simulation import Refusal, Simulation
from sentinel.core.spent import Spent
from sentinel.decide import rules_cost, rules_effect, rules_gas, rules_order, rules_transaction, rules_value
from sentinel.decide.case import Case, Finding, Rule
from sentinel.decide.operator_controls import Purpose
from sentinel.decide.rules_confirm import FINAL_RULES, FinalCheck
from sentinel.orders.playing.player import Play
from sentinel.orders.playing.spending import Spending

Judged = TypeVar("Judged")
Plays = Callable[[MarketState], Play]

# The first rule that says no names the refusal, so the order is part of what is told.
SWAP_RULES: tuple[Rule, ...] = (
    *rules_transaction.SWAP,
    *rules_gas.EVERY,
    *rules_value.SWAP,
    *rules_cost.SWAP,
    *rules_effect.SWAP,
    *rules_order.SWAP,
)
APPROVE_RULES: tuple[Rule, ...] = (
    *rules_transaction.APPROVE,
    *rules_gas.EVERY,
    *rules_value.APPROVE,
    *rules_effect.APPROVE,
    *rules_order.APPROVE,
)

# What the operator takes back costs gas and risks nothing: it must go when a feed is down or the day's loss is reached.
REVOKE_RULES = tuple(rule for rule in APPROVE_RULES if rule not in (rules_value.reference, rules_value.daily_loss))


class Policy:
    """One network and one set of limits, neither of which changes."""

    def __init__(
        self,
        network: Network,
        limits: Limits,
        *,
        revoke_rules: tuple[Rule, ...] = APPROVE_RULES,
        purpose: Purpose | None = None,
        plays: Plays | None = None,
        order_tolerance_bps: int = 0,
        order_cost_bps: int | None = None,
        order_max_trade: Decimal | None = None,
        order_spending: Spending | None = None,
    ) -> None:
        """`revoke_rules`: for allowances taken to zero; a model's own are judged as any approval, or it could spend gas
        on them without end. `purpose`: see `serving`. `plays`: what the player of the approved order does on a state,
        if there is an order; a swap's input may be `order_tolerance_bps` off its. `order_cost_bps`: costs
        that the order accepts, in place of the limit. `order_max_trade`: quote tokens of the order's largest trade;
        `order_spending`: what an allowance made for it may be at most, in whole tokens."""
        self.network = network
        self.limits = limits
        self._revoke_rules = revoke_rules
        self._purpose = purpose
        self._plays = plays
        self._order_tolerance_bps = order_tolerance_bps
        self._order_cost_bps = order_cost_bps
        self._order_max_trade = order_max_trade
        self._order_spending = order_spending

    def serving(self, purpose: Purpose) -> Policy:
        """This policy for trades whose purpose is known from elsewhere than the action itself, never from a model.

        They are no trades of the approved order, which does not bind them.
        """
        return Policy(self.network, self.limits, revoke_rules=self._revoke_rules, purpose=purpose)

    def without_order(self) -> Policy:
        """This policy for bytes that were decided under the order: the trade itself counts as one of its fills now."""
        cost = self._order_cost_bps
        return Policy(
            self.network, self.limits, revoke_rules=self._revoke_rules, purpose=self._purpose, order_cost_bps=cost
        )

    def screen(
        self, simulations: Sequence[Simulation], state: MarketState, spent: Spent
    ) -> tuple[tuple[Simulation, ...], tuple[Refusal, ...]]:
        """The ballots, and what was refused by which rule: the first that said no. Holds are ballots.

        Simulations that are the same but for whose they are get the same judgement, found once.
        """
        ballots: list[Simulation] = []
        refusals: list[Refusal] = []
        judged: dict[object, Verdict | None] = {}
        for simulation in simulations:
            what = _content(simulation)
            if what not in judged:
                judged[what] = self._first_refusal(simulation, state, spent)
            refused = judged[what]
            if refused is None:
                ballots.append(simulation)
            else:
                refusals.append(Refusal(simulation.candidate.index, refused.rule, refused.detail))
        return tuple(ballots), tuple(refusals)

    def check(
        self,
        confirmed: Sequence[Simulation],
        decision: Act,
        state: MarketState,
        head: Head,
        spent: Spent,
        now: float,
    ) -> tuple[Verdict, ...]:
        """Every rule's verdict on the final bytes, simulated upon `head` in several environments. One not ok: hold.

        `now` is Unix seconds. A rule on a single simulation is ok only where it is in every environment.
        """
        cases = [self._case(simulation, state, head, spent) for simulation in confirmed]
        verdicts = [_worst(rule, cases) for rule in self._rules_for(decision.simulation.candidate.action)]
        final = FinalCheck(self.network, self.limits, state, head, decision, tuple(confirmed), now)
        return (*verdicts, *(_judge(rule, final) for rule in FINAL_RULES))

    def _case(self, simulation: Simulation, state: MarketState, head: Head, spent: Spent) -> Case:
        play = None if self._plays is None else self._plays(state)
        own = (play, self._order_tolerance_bps, self._order_cost_bps, self._order_max_trade, self._order_spending)
        return Case(self.network, self.limits, state, head, spent, simulation, self._purpose, *own)

    def _rules_for(self, action: Action) -> tuple[Rule, ...]:
        if isinstance(action, Swap):
            return SWAP_RULES
        if isinstance(action, Approve):
            return APPROVE_RULES if action.amount else self._revoke_rules
        return (_unknown_action,)

    def _first_refusal(self, simulation: Simulation, state: MarketState, spent: Spent) -> Verdict | None:
        action = simulation.candidate.action
        if isinstance(action, HoldAction):
            sends = simulation.tx is not None or any(simulation.deltas.values())
            return Verdict("action", False, "a hold may not do anything") if sends else None
        case = self._case(simulation, state, state.head, spent)
        verdicts = (_judge(rule, case) for rule in self._rules_for(action))
        return next((verdict for verdict in verdicts if not verdict.ok), None)


def _content(simulation: Simulation) -> object:
    """All that the rules may look at: every field, of the candidate the action alone (never its words)."""
    try:
        every = {one.name: getattr(simulation, one.name) for one in fields(simulation)}
        every |= {"candidate": simulation.candidate.action, "deltas": tuple(sorted(simulation.deltas.items()))}
        hash(content := tuple(every.values()))
    except (AttributeError, TypeError):  # a broken one equals no other and is judged by itself
        return object()
    return content


def _unknown_action(case: Case) -> Finding:
    return False, f"{type(case.simulation.candidate.action).__name__} is nothing to act on"


def _worst(rule: Rule, cases: Sequence[Case]) -> Verdict:
    verdicts = [_judge(rule, case) for case in cases]
    if not verdicts:
        return Verdict(_name(rule), False, "nothing was confirmed")
    return next((verdict for verdict in verdicts if not verdict.ok), verdicts[0])


def _judge(rule: Callable[[Judged], Finding], case: Judged) -> Verdict:
    try:
        ok, detail = rule(case)
    except Refused as refused:
        return Verdict(_name(rule), False, str(refused))
    except Exception as error:  # fail closed: what a rule trips over must not pass
        return Verdict(_name(rule), False, f"could not be judged: {type(error).__name__}")
    return Verdict(_name(rule), ok is True, detail)


def _name(rule: Callable[[Judged], Finding]) -> str:
    return rule.__name__.lstrip("_")
