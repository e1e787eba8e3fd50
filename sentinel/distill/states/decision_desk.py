"""Decides one state of any market with the daemon's own stages, without the executor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from sentinel.agent.episode import Sampler
from sentinel.agent.memory_interface import EMPTY_MEMORY, Memory
from sentinel.agent.playbooks import PLAYBOOKS
from sentinel.agent.sandbox import Sandbox
from sentinel.agent.tools import Toolbox
from sentinel.agent.trader import ModelTrader
from sentinel.config.limits import Limits
from sentinel.config.settings import Settings
from sentinel.config.terms import dust
from sentinel.core.actions import Proposal
from sentinel.core.decision import Decision
from sentinel.core.mandate import Spent
from sentinel.core.market_state import MarketState
from sentinel.core.network import Network
from sentinel.core.simulation import Refusal, Simulation
from sentinel.decide.policy import Policy
from sentinel.decide.vote import vote
from sentinel.dex.building.action_builder import ActionBuilder
from sentinel.dex.quoting.quoter import DexQuoter
from sentinel.dex.toolkit import DexToolkit
from sentinel.distill.states.scenario import Scenario

NOTHING_SPENT = Spent(0, 0)


@dataclass(frozen=True, slots=True)
class EpisodeOutcome:
    """One episode's proposal with its simulations, refusals and decision."""

    proposal: Proposal
    simulations: tuple[Simulation, ...]
    refusals: tuple[Refusal, ...]
    decision: Decision


@dataclass(frozen=True, slots=True)
class DecisionDesk:
    """The parts that a decision needs, for one network and its limits."""

    network: Network
    toolkit: DexToolkit
    sandbox: Sandbox
    settings: Settings
    limits: Limits
    memory: Memory = field(default=EMPTY_MEMORY, kw_only=True)

    def tools(self, state: MarketState, scenario: Scenario) -> Toolbox:
        """The tools that the trader's code may call in `state`."""
        builder = ActionBuilder(self.network, slippage_bps=self.settings.limits.slippage_bps)
        return Toolbox(state, scenario.view, self.network, DexQuoter(self.network), builder)

    async def play(
        self, sampler: Sampler, state: MarketState, scenario: Scenario, n: int, *, prefill: bool = True
    ) -> EpisodeOutcome:
        """Run one episode and decide, like a cycle up to the vote."""
        trader = self.trader(sampler, scenario, prefill=prefill)
        return await self.judge(state, await trader.propose(state, scenario.view, n))

    def trader(self, sampler: Sampler, scenario: Scenario, *, prefill: bool = True) -> ModelTrader:
        """A trader with the scenario's mandate, with the playbook's first thought if `prefill` is set."""
        mandate = scenario.mandate
        return ModelTrader(
            sampler,
            self.sandbox,
            self.network,
            DexQuoter(self.network),
            ActionBuilder(self.network, slippage_bps=self.settings.limits.slippage_bps),
            mandate,
            first_thought=PLAYBOOKS[mandate.playbook].first_thought(mandate) if prefill else "",
            memory=self.memory,
        )

    async def judge(self, state: MarketState, proposal: Proposal) -> EpisodeOutcome:
        """Simulate the proposal's candidates and decide."""
        return self.verdict(state, proposal, await self.toolkit.simulate_all(state, proposal.candidates))

    def verdict(self, state: MarketState, proposal: Proposal, simulations: tuple[Simulation, ...]) -> EpisodeOutcome:
        """Screen and vote. `simulations` are those of the proposal's candidates, in order."""
        ballots, refusals = Policy(self.network, self.limits).screen(simulations, state, NOTHING_SPENT)
        return EpisodeOutcome(proposal, simulations, refusals, self.decide(state, ballots, proposal.asked))

    def decide(self, state: MarketState, ballots: Sequence[Simulation], asked: int) -> Decision:
        """The vote of `ballots` among `asked` samples, with the settings' quorum."""
        return vote(
            ballots,
            asked=asked,
            quorum_bps=self.settings.vote.quorum_bps,
            agreement_bps=self.settings.vote.agreement_bps,
            dust=dust(self.settings, self.network, state.prices),
        )
