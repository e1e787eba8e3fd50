"""Builds what decides under the given terms: builder, trader, policy, vote and sizes.

This runs at the start and again at each reload.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sentinel.agent.allowance_trader import AllowanceTrader
from sentinel.agent.analyst import SettingsAnalyst, target_weights
from sentinel.agent.kept_programs import KeptPrograms
from sentinel.agent.operator_code import CodeTrader
from sentinel.agent.order_program_trader import OrderProgramTrader
from sentinel.agent.order_trader import OrderTrader
from sentinel.agent.trader import ModelTrader
from sentinel.config.settings import Settings
from sentinel.config.terms import Terms
from sentinel.core.decision import Decision
from sentinel.core.market_state import MarketState
from sentinel.core.network import Network, Symbol
from sentinel.core.simulation import Simulation
from sentinel.cycle import More, Size, Vote, as_voted
from sentinel.daemon.calibrated import quorum_bps, sizes
from sentinel.daemon.parts import InForce, MakeTrader, ProposingTrader
from sentinel.daemon.sizer import Sizer
from sentinel.decide.extra_samples import extra_samples
from sentinel.decide.policy import Policy
from sentinel.decide.vote import vote
from sentinel.dex.building.action_builder import ActionBuilder
from sentinel.dex.toolkit import DexToolkit
from sentinel.orders.playing.spending import spending
from sentinel.orders.playing.standing import StandingOrder


def in_force(
    terms: Terms,
    prices: Mapping[Symbol, float],
    toolkit: DexToolkit,
    make_trader: MakeTrader,
    order: StandingOrder | None,
) -> InForce:
    """Everything that these terms determine.

    `prices` bound the approvals. `order` is None if none is approved. Raises SettingsError.
    """
    settings = terms.settings
    policy = Policy(
        terms.network,
        terms.limits,
        plays=None if order is None else order.play,
        order_tolerance_bps=terms.order_tolerance_bps,
        order_cost_bps=None if order is None else order.cost_bps,
        order_max_trade=None if order is None else order.max_trade,
        order_spending=None if order is None else spending(order.order),
    )
    action_builder = builder(terms, terms.desk, prices)
    trader = make_trader(terms, action_builder, order)
    samples_nothing = not isinstance(trader, ModelTrader | OrderProgramTrader)
    return InForce(
        terms=terms,
        analyst=SettingsAnalyst({} if order is None else target_weights(order.order)),
        trader=trader,
        samples=1 if samples_nothing else settings.model.samples,
        order=order,
        exits=_exits(settings, trader, order),
        allowances=_allowances(terms, prices, trader, order, action_builder),
        policy=policy,
        vote=_vote(terms),
        more=_no_more if samples_nothing else _more(settings),
        size=as_voted if order is not None else _size(settings, action_builder, toolkit, policy),
        sale_builder=builder(terms, terms.network, {}),
        kind=_KINDS.get(type(trader), "own"),
    )


def _exits(settings: Settings, trader: ProposingTrader, order: StandingOrder | None) -> OrderTrader | None:
    """The order's player, in addition to another trader."""
    if order is None or settings.strategy.exits == "vote" or isinstance(trader, OrderTrader):
        return None
    return OrderTrader(order.play, trader.quoter, trader.builder)


def _allowances(
    terms: Terms,
    prices: Mapping[Symbol, float],
    trader: ProposingTrader,
    order: StandingOrder | None,
    build: ActionBuilder,
) -> AllowanceTrader | None:
    """None in a dry run, in which no allowance is ever made."""
    if order is None or terms.settings.execution.mode != "live":
        return None
    programs, runner = None, None
    if isinstance(trader, OrderProgramTrader):
        programs, runner = KeptPrograms(trader.programs.sampler, trader.programs.every), trader.runner
    timeout = terms.settings.model.episode_timeout
    return AllowanceTrader(order, terms.network, build, terms.allowances(prices), programs, runner, timeout)


_KINDS = {ModelTrader: "model", CodeTrader: "code", OrderTrader: "order", OrderProgramTrader: "programs"}


def builder(terms: Terms, network: Network, prices: Mapping[Symbol, float]) -> ActionBuilder:
    """A builder for `network`, which may be a part of the terms' network. Without `prices` it builds no approvals."""
    limits = terms.settings.limits
    return ActionBuilder(
        network,
        slippage_bps=limits.slippage_bps,
        deadline_s=limits.max_deadline,
        min_profit=terms.limits.min_profit,
        max_approval=terms.allowances(prices),
    )


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


def _no_more(decision: Decision, ballots: int) -> int:
    return 0


def _more(settings: Settings) -> More:
    max_samples, needed = settings.model.max_samples or 0, quorum_bps(settings)
    return lambda decision, ballots: extra_samples(decision, ballots, max_samples, needed)


def _size(settings: Settings, build: ActionBuilder, toolkit: DexToolkit, policy: Policy) -> Size:
    supported = sizes(settings)
    return as_voted if supported is None else Sizer(supported, build.scaled, toolkit, policy).size
