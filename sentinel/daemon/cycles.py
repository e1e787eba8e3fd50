"""The only place that makes a `Cycle`: one that trades and one that sells everything, over the same guards."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from sentinel.core.decision import Decision
from sentinel.core.market_state import MarketState
from sentinel.core.ports import Analyst, Executor, Market, Trader
from sentinel.core.simulation import Simulation
from sentinel.core.stopwatch import Stopwatch
from sentinel.cycle import Allowances, Cycle, More, Size, Vote, as_voted
from sentinel.daemon.flatten.seller import Seller
from sentinel.daemon.parts import InForce, Parts
from sentinel.decide.operator_controls import Purpose
from sentinel.decide.policy import Policy
from sentinel.decide.vote import vote
from sentinel.orders.playing.standing import StandingOrder


def trading(parts: Parts, force: InForce, market: Market, executor: Executor) -> Cycle:
    return _cycle(
        *(parts, force, market, executor),
        purpose=Purpose.TRADE,
        analyst=force.analyst,
        trader=force.trader,
        samples=force.samples,
        vote=force.vote,
        policy=force.policy,
        more=force.more,
        size=force.size,
        warm=parts.toolkit.warm,
        order=force.order,
        exits=force.exits,
        allowances=force.allowances,
    )


def sale(parts: Parts, force: InForce, market: Market, executor: Executor, seller: Seller) -> Cycle:
    return _cycle(
        *(parts, force, market, executor),
        purpose=Purpose.SALE,
        analyst=seller,
        trader=seller,
        samples=1,
        vote=_vote_on_one,
        policy=force.policy.serving(Purpose.SALE),
    )


def _cycle(
    parts: Parts,
    force: InForce,
    market: Market,
    executor: Executor,
    *,
    purpose: Purpose,
    policy: Policy,
    analyst: Analyst,
    trader: Trader,
    samples: int,
    vote: Vote,
    more: More = lambda decision, ballots: 0,
    size: Size = as_voted,
    warm: Callable[[MarketState], None] = lambda state: None,
    order: StandingOrder | None = None,
    exits: Trader | None = None,
    allowances: Allowances | None = None,
) -> Cycle:
    return Cycle(
        market=market,
        analyst=analyst,
        trader=trader,
        toolkit=parts.toolkit,
        policy=policy,
        vote=vote,
        executor=executor,
        journal=parts.journal,
        samples=samples,
        newest=lambda: parts.latest.value,
        more=more,
        size=size,
        warm=warm,
        disputed=lambda: parts.rpc.disputed,
        stopping=lambda: parts.lifecycle.stopping,
        clock=parts.clock,
        purpose=purpose,
        order=order,
        exits=exits,
        allowances=allowances,
        stopwatch=lambda: Stopwatch(parts.board.stage_began),
    )


def _vote_on_one(ballots: Sequence[Simulation], asked: int, state: MarketState) -> Decision:
    """The seller makes one proposal without sampling: it is accepted if policy let it through."""
    return vote(ballots, asked=asked, quorum_bps=0)
