"""Terms -> what decides by them: builder, trader, policy, vote, sizes. Made at the start, and again at each reload."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from sentinel.agent.analyst import SettingsAnalyst
from sentinel.agent.analyst_service import AnalystService
from sentinel.agent.playbooks import PLAYBOOKS
from sentinel.agent.trader import ModelTrader
from sentinel.config.settings import Settings
from sentinel.config.terms import Terms
from sentinel.core.decision import Decision
from sentinel.core.mandate import Mandate
from sentinel.core.market_state import MarketState
from sentinel.core.network import Network, Symbol
from sentinel.core.simulation import Simulation
from sentinel.cycle import More, Size, Vote, as_voted
from sentinel.daemon.calibrated import quorum_bps, sizes
from sentinel.daemon.parts import InForce
from sentinel.daemon.sizer import Sizer
from sentinel.decide.extra_samples import extra_samples
from sentinel.decide.policy import Policy
from sentinel.decide.vote import vote
from sentinel.dex.building.action_builder import ActionBuilder
from sentinel.dex.toolkit import DexToolkit

Frame = Callable[[Terms, ActionBuilder, str], ModelTrader]  # by these terms, with this builder and first thought


def in_force(
    terms: Terms, prices: Mapping[Symbol, float], toolkit: DexToolkit, frame: Frame, watching: AnalystService | None
) -> InForce:
    """`prices` bound the approvals; `watching` is the model analyst, None where the settings are the view.

    Raises SettingsError.
    """
    settings, policy = terms.settings, Policy(terms.network, terms.limits)
    building = builder(terms, terms.desk, prices)
    return InForce(
        terms=terms,
        analyst=watching or SettingsAnalyst(settings.strategy.target_weights),
        trader=frame(terms, building, first_thought(settings, terms.mandate)),
        policy=policy,
        vote=_vote(terms),
        more=_more(settings),
        size=_size(settings, building, toolkit, policy),
        sale_builder=builder(terms, terms.network, {}),
        thought=_kind_of_thought(settings),
    )


def builder(terms: Terms, network: Network, prices: Mapping[Symbol, float]) -> ActionBuilder:
    """Over `network`, which may be a part of the terms' own; no approvals without `prices`."""
    given = terms.settings.limits
    return ActionBuilder(
        network,
        slippage_bps=given.slippage_bps,
        deadline_s=given.max_deadline,
        min_profit=terms.limits.min_profit,
        max_approval=terms.allowances(prices),
    )


def first_thought(settings: Settings, mandate: Mandate) -> str:
    """The prefill of step 1; empty for none."""
    if settings.first_thought == "playbook":
        return PLAYBOOKS[mandate.playbook].first_thought(mandate)
    return "" if settings.first_thought == "none" else settings.first_thought


def _kind_of_thought(settings: Settings) -> str:
    return settings.first_thought if settings.first_thought in ("playbook", "none") else "operator"


def _vote(terms: Terms) -> Vote:
    needed = quorum_bps(terms.settings)

    def decide(ballots: Sequence[Simulation], asked: int, state: MarketState) -> Decision:
        return vote(
            ballots,
            asked=asked,
            quorum_bps=needed,
            agreement_bps=terms.settings.vote.agreement_bps,
            dust=terms.dust(state.prices),
        )

    return decide


def _more(settings: Settings) -> More:
    most, needed = settings.model.max_samples or 0, quorum_bps(settings)
    return lambda decision, ballots: extra_samples(decision, ballots, most, needed)


def _size(settings: Settings, build: ActionBuilder, toolkit: DexToolkit, policy: Policy) -> Size:
    supported = sizes(settings)
    return as_voted if supported is None else Sizer(supported, build.scaled, toolkit, policy).size
