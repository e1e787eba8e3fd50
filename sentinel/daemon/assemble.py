"""Settings -> objects, in one straight line. Everything but the executor: from here nothing that signs is reached."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace

from sentinel import __version__
from sentinel.agent.analyst import SettingsAnalyst
from sentinel.agent.episode import Sampler
from sentinel.agent.memory import Memory
from sentinel.agent.model import Sampling, StudentModel
from sentinel.agent.playbooks import PLAYBOOKS
from sentinel.agent.sandbox import Run, Sandbox, Tools
from sentinel.agent.trader import Trader
from sentinel.agent.watch import Watch, watch, watch_model
from sentinel.chain import anchor
from sentinel.chain.endpoints import Endpoints, Rules
from sentinel.chain.heads import HeadStream, latest_head
from sentinel.chain.history import PriceHistory
from sentinel.chain.market import MarketReader
from sentinel.chain.seeding import seed_history
from sentinel.config import terms
from sentinel.config.settings import Settings
from sentinel.core.decision import Decision
from sentinel.core.errors import SettingsError, Unavailable
from sentinel.core.mandate import Mandate
from sentinel.core.market_state import Head, MarketState
from sentinel.core.network import Address, Network, Symbol
from sentinel.core.simulation import Simulation
from sentinel.core.units import GWEI_DECIMALS
from sentinel.cycle import More, Size, Vote, as_voted
from sentinel.daemon.calibrated import quorum_bps, sizes
from sentinel.daemon.latest import Latest
from sentinel.daemon.parts import InForce, Parts, Slot
from sentinel.daemon.sizer import Sizer
from sentinel.decide.more import further
from sentinel.decide.policy import Policy
from sentinel.decide.vote import vote
from sentinel.dex.building.build import Builder
from sentinel.dex.quoting.quoter import Quoter
from sentinel.dex.simulating.fork import Fork
from sentinel.dex.simulating.node import Node
from sentinel.dex.toolkit import DexToolkit
from sentinel.dex.venues.registry import READERS
from sentinel.journal.journal import Journal
from sentinel.observe.board import Board
from sentinel.observe.health import Health
from sentinel.observe.metrics import Metrics

JOURNAL = "journal.sqlite3"  # in the state directory
MEMORY = "memory.sqlite3"  # likewise; it may be deleted
LEAST_BARS = 60  # of price history, whatever the playbook looks back

Closes = Mapping[Symbol, Sequence[float]]  # quote tokens per whole token, oldest first


@contextlib.asynccontextmanager
async def assembled(
    settings: Settings,
    network: Network,
    wallet: Address,
    *,
    trader_model: Sampler | None = None,
    prior: Closes | None = None,
) -> AsyncIterator[Parts]:
    """All parts, checked against the chain and running; closed in reverse order.

    `trader_model` takes the student's place; `prior` are closes from before the endpoint's first block.
    Raises OperatorError for what a person must mend, Unavailable where the chain or the fork does not answer.
    """
    limits = terms.limits(settings, network)
    terms.mandate(settings, network)  # what does not fit is said before anything is opened
    desk = terms.desk(settings, network)
    state_dir = settings.state_dir.expanduser()
    async with contextlib.AsyncExitStack() as stack:
        rpc = await stack.enter_async_context(_endpoints(settings, network))
        genesis = await anchor.require(rpc, network)
        journal = Journal.open(state_dir / JOURNAL, network, genesis, wallet)
        stack.callback(journal.close)

        metrics = Metrics(network)
        health = Health(max_head_age=settings.limits.max_head_age, parts=("endpoints", "model", "fork", "funds"))
        latest: Latest[Head] = Latest()
        heads = HeadStream(rpc, settings.rpc.ws_endpoints, poll_every=_poll_every(network))

        head = await latest_head(rpc)
        latest.put(head)
        history = PriceHistory(max(LEAST_BARS, settings.strategy.bars + 1), prior or {})
        tip = terms.base_units(settings.execution.min_priority_fee_gwei, GWEI_DECIMALS)
        cap = limits.max_priority_fee
        market = MarketReader(rpc, network, wallet, READERS, history, min_priority_fee=tip, max_priority_fee=cap)
        await seed_history(rpc, market.closes_at, history, head)
        prices = (await market.read(head)).prices

        fork = _fork(settings, network, rpc)
        if fork is not None:
            await stack.enter_async_context(fork)
        node = await _node(settings, network, rpc, heads, head)
        memory = Memory(state_dir / MEMORY, state_dir / JOURNAL, network)
        stack.callback(memory.close)
        sandbox = stack.enter_context(Sandbox())
        model: Sampler
        if trader_model is None:
            model = await stack.enter_async_context(_student(settings, metrics))
        else:
            model = trader_model
        toolkit = DexToolkit(network, fork, node=node)

        def build(given: Settings, watching: Watch | None = None) -> InForce:
            mandate, building = terms.mandate(given, network), builder(given, desk, prices)
            limits = terms.limits(given, network)
            policy = Policy(network, limits)
            trader = Trader(
                sampler=model,
                sandbox=_Counted(sandbox, metrics),
                network=desk,
                quoter=Quoter(desk),
                builder=building,
                mandate=mandate,
                first_thought=first_thought(given, mandate),
                max_steps=given.model.max_steps,
                timeout=given.model.episode_timeout,
                memory=memory,
                venue=given.strategy.venue,
            )
            return InForce(
                settings=given,
                limits=limits,
                analyst=watching or SettingsAnalyst(given.strategy.target_weights),
                trader=trader,
                policy=policy,
                vote=_vote(given, network),
                more=_more(given),
                size=_size(given, building, toolkit, policy),
                thought=_kind_of_thought(given),
            )

        force = build(settings)
        watching: Watch | None = None
        if settings.analyst.source == "model":
            sampler = await stack.enter_async_context(watch_model(settings))
            watching = watch(settings, network, sampler, force.trader, Quoter(network), metrics.analysed)
            force = replace(force, analyst=watching)
        metrics.build.info({"version": __version__, "network": network.name, "mode": settings.execution.mode})
        metrics.student.info({"id": model.source})
        metrics.observe_mandate(force.trader.mandate.playbook, force.thought)
        board = Board(network, version=__version__, mode=settings.execution.mode, wallet=wallet, proposer=model.source)
        yield Parts(
            force=Slot(force),
            build=lambda given: build(given, watching),
            network=network,
            wallet=wallet,
            genesis=genesis,
            rpc=rpc,
            journal=journal,
            heads=heads,
            latest=latest,
            market=market,
            toolkit=toolkit,
            fork=fork,
            model=model,
            metrics=metrics,
            health=health,
            board=board,
        )


def _endpoints(settings: Settings, network: Network) -> Endpoints:
    """Their heads are compared twice a block, and not more often than every 0.2 s."""
    return Endpoints(
        settings.rpc.endpoints,
        network,
        timeout=settings.rpc.read_timeout,
        look_every=min(6.0, max(0.2, network.block_time / 2)),
        rules=Rules(dispute_after=settings.rpc.dispute_after),
    )


def _fork(settings: Settings, network: Network, rpc: Endpoints) -> Fork | None:
    given = settings.fork
    if given.direct == "always":
        return None
    return Fork(
        network,
        lambda: rpc.url,
        url=given.url,
        port=given.port,
        anvil=given.anvil or None,
        timeout=given.timeout,
        log=settings.state_dir.expanduser() / "fork.log",
    )


async def _node(settings: Settings, network: Network, rpc: Endpoints, heads: HeadStream, head: Head) -> Node | None:
    """The node as a place to simulate, asked whether it can. Raises SettingsError where it must and cannot."""
    given = settings.fork
    if given.direct == "never":
        return None
    # After a failed request or a lost subscription another node may answer at the same address.
    node = Node(network, rpc, timeout=given.timeout, changes=lambda: rpc.failures + heads.reconnects)
    try:
        why = await node.cannot(head)
    except Unavailable:
        if given.direct == "always":
            raise
        return node  # asked again when it is needed
    if why is not None and given.direct == "always":
        raise SettingsError(f"SENTINEL_FORK__DIRECT=always: the node at SENTINEL_RPC__URL cannot simulate: {why}")
    return node


def builder(settings: Settings, network: Network, prices: Mapping[Symbol, float]) -> Builder:
    """`prices` are quote tokens per whole token; they bound the approvals."""
    return Builder(
        network,
        slippage_bps=settings.limits.slippage_bps,
        deadline_s=settings.limits.deadline,
        min_profit=terms.limits(settings, network).min_profit,
        max_approval=terms.allowances(settings, network, prices),
    )


def first_thought(settings: Settings, mandate: Mandate) -> str:
    """The prefill of step 1; empty for none."""
    if settings.first_thought == "playbook":
        return PLAYBOOKS[mandate.playbook].first_thought(mandate)
    return "" if settings.first_thought == "none" else settings.first_thought


def _kind_of_thought(settings: Settings) -> str:
    return settings.first_thought if settings.first_thought in ("playbook", "none") else "operator"


def _student(settings: Settings, metrics: Metrics) -> StudentModel:
    given = settings.model
    if settings.proposer != "student":
        raise SettingsError("SENTINEL_PROPOSER=oracle needs the solver, which this program was not given")
    sampling = Sampling(given.temperature, given.top_p, given.max_tokens, given.seed)
    return StudentModel(
        given.url, given.name, sampling, timeout=given.timeout, api_key_file=given.api_key_file, observer=metrics
    )


def _vote(settings: Settings, network: Network) -> Vote:
    needed = quorum_bps(settings)

    def decide(ballots: Sequence[Simulation], asked: int, state: MarketState) -> Decision:
        return vote(
            ballots,
            asked=asked,
            quorum_bps=needed,
            agreement_bps=settings.vote.agreement_bps,
            dust=terms.dust(settings, network, state.prices),
        )

    return decide


def _more(settings: Settings) -> More:
    most, needed = settings.model.n_max or 0, quorum_bps(settings)
    return lambda decision, ballots: further(decision, ballots, most, needed)


def _size(settings: Settings, build: Builder, toolkit: DexToolkit, policy: Policy) -> Size:
    supported = sizes(settings)
    return as_voted if supported is None else Sizer(supported, build.scaled, toolkit, policy).size


def _poll_every(network: Network) -> float:
    """Seconds between polls where there is no WebSocket: four a block, at most one a second."""
    return min(1.0, max(0.1, network.block_time / 4))


@dataclass(frozen=True, slots=True)
class _Counted:
    """The sandbox, its runs counted by fate."""

    sandbox: Sandbox
    metrics: Metrics

    async def run(self, code: str, tools: Tools, state: bytes | None = None) -> Run:
        done = await self.sandbox.run(code, tools, state)
        self.metrics.ran("ok" if done.error is None else done.stage)
        return done
