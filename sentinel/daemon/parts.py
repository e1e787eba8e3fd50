"""The parts of one wallet's daemon, without the signer. Some live as long as the process, some until a reload."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from sentinel.agent.allowance_trader import AllowanceTrader
from sentinel.agent.analyst import SettingsAnalyst
from sentinel.agent.operator_code import CodeTrader
from sentinel.agent.order_program_trader import OrderProgramTrader
from sentinel.agent.order_trader import OrderTrader
from sentinel.agent.trader import ModelTrader
from sentinel.chain.endpoints import EndpointPool
from sentinel.chain.heads import HeadStream
from sentinel.chain.market_reader import MarketReader
from sentinel.config.limits import Limits
from sentinel.config.settings import Settings
from sentinel.config.terms import Terms
from sentinel.core.market_state import Head
from sentinel.core.network import Address, HexHash, Network
from sentinel.cycle import More, Size, Vote
from sentinel.daemon.latest import Latest
from sentinel.daemon.lifecycle import Lifecycle
from sentinel.decide.policy import Policy
from sentinel.dex.building.action_builder import ActionBuilder
from sentinel.dex.simulating.fork import Fork
from sentinel.dex.toolkit import DexToolkit
from sentinel.journal.journal import Journal
from sentinel.observe.health import Health
from sentinel.observe.metrics import Metrics
from sentinel.observe.status_board import Board
from sentinel.orders.playing.standing import StandingOrder

ProposingTrader = ModelTrader | CodeTrader | OrderTrader | OrderProgramTrader
# From terms, builder, first thought and the approved order.
MakeTrader = Callable[[Terms, ActionBuilder, StandingOrder | None], ProposingTrader]


@dataclass(frozen=True, slots=True)
class InForce:
    """The parts that a reload of the settings replaces, all at once (operator/reload.py)."""

    terms: Terms
    analyst: SettingsAnalyst
    trader: ProposingTrader
    samples: int  # per step; 1 for a trader that samples nothing
    order: StandingOrder | None
    exits: OrderTrader | None  # makes an exit that the vote missed
    allowances: AllowanceTrader | None  # proposes an allowance that the order lacks; None in a dry run
    policy: Policy
    vote: Vote
    more: More
    size: Size
    sale_builder: ActionBuilder  # for `stop --flatten`: covers the whole network, even if the trader sees a part of it
    kind: str  # of proposer, for the metrics: programs (of the order), order (its player), code, model or own


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts that live as long as the process. `assembled` opens and closes them."""

    lifecycle: Lifecycle
    force: Latest[InForce]
    build: Callable[[Settings], InForce]  # for a reload, from its new settings. Raises SettingsError
    network: Network
    wallet: Address
    genesis: HexHash  # of the pinned block
    rpc: EndpointPool
    journal: Journal
    heads: HeadStream
    latest: Latest[Head]
    market: MarketReader
    toolkit: DexToolkit
    fork: Fork | None  # None: the chain's own node simulates
    can_propose: Callable[[], Awaitable[str]]  # in words; raises Unavailable
    metrics: Metrics
    health: Health
    board: Board
    clock: Callable[[], float] = time.time  # Unix seconds; chain time in a backtest

    @property
    def terms(self) -> Terms:
        return self.force.value.terms

    @property
    def settings(self) -> Settings:
        return self.terms.settings

    @property
    def limits(self) -> Limits:
        return self.terms.limits

    @property
    def policy(self) -> Policy:
        return self.force.value.policy

    @property
    def vote(self) -> Vote:
        return self.force.value.vote

    @property
    def trader(self) -> ProposingTrader:
        return self.force.value.trader

    @property
    def analyst(self) -> SettingsAnalyst:
        return self.force.value.analyst
