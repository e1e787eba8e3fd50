"""A local market with every stage but the executor: where trajectories are collected and students are judged.

The stages are the daemon's own, wired here for a wallet whose balances are dealt anew for each state.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from random import Random

from eth_utils.address import to_checksum_address

from sentinel.agent.episode import Sampler
from sentinel.agent.playbooks import PLAYBOOKS
from sentinel.agent.sandbox import Sandbox
from sentinel.agent.tools import Toolbox
from sentinel.agent.trader import Trader
from sentinel.chain.heads import latest_head
from sentinel.chain.history import PriceHistory
from sentinel.chain.market import MarketReader
from sentinel.decide.policy import Policy
from sentinel.decide.vote import vote
from sentinel.devnet import Devnet
from sentinel.devnet.crowd import Behaviour
from sentinel.devnet.prices import PricePath
from sentinel.dex.build import Builder
from sentinel.dex.costs import TRADE_GAS, gas_in
from sentinel.dex.fork import Fork
from sentinel.dex.quoter import Quoter
from sentinel.dex.toolkit import DexToolkit
from sentinel.dex.venues import READERS
from sentinel.distill.scenario import CYCLES, Scenario, Scene, draw_balances, draw_scenario
from sentinel.distill.split import Part, Segment
from sentinel.settings import Settings, load
from sentinel.terms import dust, limits
from sentinel.types import (
    NATIVE,
    Decision,
    Limits,
    MarketState,
    Network,
    Proposal,
    Refusal,
    Simulation,
    Spent,
)

WALLETS = tuple(f"0x{0x5E << 152 | number:040x}" for number in range(1, 5))  # nobody's; they never sign
GAS_MONEY = 10**18  # wei
BARS = 60  # of price history
BEHAVIOUR = Behaviour(opening_every=3.0, base_fee=(2 * 10**9, 30 * 10**9))  # cycles that pay are what is learnt
NOTHING_SPENT = Spent(0, 0)
# A state is judged on its own, whatever an operator may spend in a day; sizes come from the mandate.
OVERRIDES = {"limits": {"max_trade": 5000.0, "min_trade": 0.5, "daily_loss": 1e9, "daily_volume": 1e12}}


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one episode."""

    proposal: Proposal
    simulations: tuple[Simulation, ...]
    refusals: tuple[Refusal, ...]
    decision: Decision


@dataclass(frozen=True, slots=True)
class Arena:
    devnet: Devnet
    network: Network
    readers: tuple[MarketReader, ...]  # one a wallet
    toolkit: DexToolkit
    sandbox: Sandbox
    settings: Settings
    limits: Limits

    @classmethod
    @contextlib.asynccontextmanager
    async def open(cls, part: Part, segment: Segment, sandbox: Sandbox) -> AsyncIterator[Arena]:
        """A fresh chain at the segment's first bar, its history filled from the bars before."""
        settings = load(env_file=None, **OVERRIDES)
        prices = PricePath.load([segment.day], start=segment.start, seed=segment.seed)
        async with Devnet.start(prices=prices, seed=segment.seed, behaviour=BEHAVIOUR) as devnet:
            network = part.restrict(devnet.network)
            prior = {
                "WETH": [bar.weth for bar in devnet.market.before],
                "WBTC": [bar.wbtc for bar in devnet.market.before],
                network.quote: [1.0] * len(devnet.market.before),
            }
            readers = tuple(
                MarketReader(devnet.rpc, network, to_checksum_address(wallet), READERS, PriceHistory(BARS, prior))
                for wallet in WALLETS
            )
            for wallet in WALLETS:
                await devnet.allow_permit2(wallet, dict.fromkeys(network.tokens, 2**96))
            async with Fork(network, devnet.rpc_url) as fork:
                toolkit = DexToolkit(network, fork)
                yield cls(devnet, network, readers, toolkit, sandbox, settings, limits(settings, network))

    async def advance(self, draw: Random, *, deal: bool = True) -> tuple[MarketState, ...]:
        """Balances dealt anew if wanted, then one bar on; the same market as each wallet sees it."""
        bar = self.devnet.market.block.bar
        prices = {"WETH": bar.weth, "WBTC": bar.wbtc, self.network.quote: 1.0}
        for wallet in WALLETS if deal else ():
            await self.devnet.fund(wallet, {**draw_balances(draw, self.network, prices), NATIVE: GAS_MONEY})
        await self.devnet.market.step()
        head = await latest_head(self.devnet.rpc)
        return tuple([await reader.read(head) for reader in self.readers])

    async def send(self, state: MarketState, simulation: Simulation) -> None:
        """The very transaction that was simulated goes into the next block, from its wallet, without a signature: the
        chain impersonates the wallet, and Permit2's allowance is put in place as it was for the simulation.

        Whether it succeeds there is for that block to say, where the crowd trades too.
        """
        tx, env, rpc = simulation.tx, simulation.env, self.devnet.rpc
        assert tx is not None
        if (grant := self.toolkit.grant(simulation.candidate, state)) is not None:
            slot, word = grant.storage(self.network, state.wallet)
            await rpc.call("anvil_setStorageAt", self.network.permit2, slot, word)
        await rpc.call("anvil_impersonateAccount", state.wallet)
        fields = {"value": tx.value, "gas": tx.gas_limit, "maxFeePerGas": env.max_fee, "nonce": env.nonce}
        fields["maxPriorityFeePerGas"] = env.priority_fee
        sent = {name: hex(amount) for name, amount in fields.items()}
        await rpc.call("eth_sendTransaction", {"from": state.wallet, "to": tx.to, "data": "0x" + tx.data.hex(), **sent})

    def scenario(self, draw: Random, state: MarketState) -> Scenario:
        quoter, quote = Quoter(self.network), self.network.quote
        worth = {s: state.balances[s] / 10**t.decimals * state.prices[s] for s, t in self.network.tokens.items()}
        equity, most = sum(worth.values()), min(5000.0, worth[quote])
        gas = (gas_in(self.network, state, TRADE_GAS, quote) or 0) / 10 ** self.network.tokens[quote].decimals
        loop = quoter.best_loop(state, quote, most)
        scenes = {}
        for base in self.network.tokens:
            if base != quote:
                cycle = quoter.best_cycle(state, quote, base, most)
                profits = {name: one.profit if one else 0.0 for name, one in zip(CYCLES, (cycle, loop), strict=True)}
                scenes[base] = Scene(state, base, worth[base] / equity, equity, gas, profits)
        return draw_scenario(draw, self.network, scenes)

    def tools(self, state: MarketState, scenario: Scenario) -> Toolbox:
        """What the trader's code may call there."""
        builder = Builder(self.network, slippage_bps=self.settings.limits.slippage_bps)
        return Toolbox(state, scenario.view, self.network, Quoter(self.network), builder)

    async def play(
        self, sampler: Sampler, state: MarketState, scenario: Scenario, n: int, *, prefill: bool = True
    ) -> Verdict:
        """One episode and what it decides, as a cycle would up to the vote."""
        trader = self.trader(sampler, scenario, prefill=prefill)
        return await self.judge(state, await trader.propose(state, scenario.view, n))

    def trader(self, sampler: Sampler, scenario: Scenario, *, prefill: bool = True) -> Trader:
        mandate = scenario.mandate
        return Trader(
            sampler,
            self.sandbox,
            self.network,
            Quoter(self.network),
            Builder(self.network, slippage_bps=self.settings.limits.slippage_bps),
            mandate,
            first_thought=PLAYBOOKS[mandate.playbook].first_thought(mandate) if prefill else "",
        )

    async def judge(self, state: MarketState, proposal: Proposal) -> Verdict:
        simulations = await self.toolkit.simulate_all(state, proposal.candidates)
        ballots, refusals = Policy(self.network, self.limits).screen(simulations, state, NOTHING_SPENT)
        return Verdict(proposal, simulations, refusals, self.decide(state, ballots, proposal.asked))

    def decide(self, state: MarketState, ballots: Sequence[Simulation], asked: int) -> Decision:
        return vote(
            ballots,
            asked=asked,
            quorum_bps=self.settings.vote.quorum_bps,
            agreement_bps=self.settings.vote.agreement_bps,
            dust=dust(self.settings, self.network, state.prices),
        )
