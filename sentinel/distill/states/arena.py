"""A decision desk on a local market, where trajectories are collected and students are judged.

The balances of its wallets are drawn again for each state.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from random import Random

from eth_utils.address import to_checksum_address

from sentinel.agent.sandbox import Sandbox
from sentinel.chain.heads import latest_head
from sentinel.chain.history import PriceHistory
from sentinel.chain.market_reader import MarketReader
from sentinel.config.limits import Limits
from sentinel.config.settings import Settings, load
from sentinel.core import valuation
from sentinel.core.market_state import MarketState
from sentinel.core.network import NATIVE
from sentinel.core.simulation import Simulation
from sentinel.core.units import BPS, COIN, GWEI
from sentinel.dex.quoting.costs import TRADE_GAS, TRADE_SIZE, cost_in
from sentinel.dex.quoting.quoter import DexQuoter
from sentinel.dex.simulating.fork import Fork
from sentinel.dex.toolkit import DexToolkit
from sentinel.dex.venues.registry import READERS
from sentinel.distill.states.decision_desk import DecisionDesk
from sentinel.distill.states.scenario import CYCLES, Scenario, Scene, draw_balances, draw_scenario
from sentinel.distill.states.split import SplitPart, SplitSegment
from sentinel.market import Devnet
from sentinel.market.crowd import CrowdBehaviour
from sentinel.market.local_market import Clock
from sentinel.market.price_path import PricePath

WALLETS = tuple(f"0x{0x5E << 152 | number:040x}" for number in range(1, 5))  # without keys; they never sign
GAS_MONEY = COIN  # wei per wallet
BARS = 60  # of price history
BEHAVIOUR = CrowdBehaviour(
    opening_every=3.0, base_fee=(2 * GWEI, 30 * GWEI)
)  # profitable cycles must be common enough to learn from
# Each state is judged on its own, so no daily limit applies. Sizes come from the mandate, which no cost limit narrows:
# what a trade may cost is the operator's decision, and published figures compare students without it.
OVERRIDES = {
    "limits": {
        "max_trade": 5000.0,
        "min_trade": 0.5,
        "max_cost_bps": BPS,
        "max_daily_loss": 1e9,
        "max_daily_volume": 1e12,
    }
}


@dataclass(frozen=True, slots=True)
class Arena(DecisionDesk):
    """A decision desk with its local market."""

    devnet: Devnet
    readers: tuple[MarketReader, ...]  # one per wallet

    @classmethod
    @contextlib.asynccontextmanager
    async def open(
        cls,
        part: SplitPart,
        segment: SplitSegment,
        sandbox: Sandbox,
        *,
        prices: PricePath | None = None,
        settings: Settings | None = None,
        clock: Clock = time.time,
    ) -> AsyncIterator[Arena]:
        """Start a new chain at the segment's first bar, with the price history of the bars before it.

        If `prices` or `settings` is None, those of this machine are used. With a constant clock the states are the
        same each time, including all hashes.
        """
        settings = settings or load(env_file=None, **OVERRIDES)
        prices = prices or load_prices(segment)
        async with Devnet.start(
            prices=prices, seed=segment.seed, behaviour=BEHAVIOUR, clock=clock, identity=""
        ) as devnet:
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
                yield cls(network, toolkit, sandbox, settings, Limits.of(settings.limits, network), devnet, readers)

    async def advance(self, draw: Random, *, deal: bool = True) -> tuple[MarketState, ...]:
        """Draw new balances if `deal` is set, then step one bar. Returns the market state of each wallet."""
        bar = self.devnet.market.block.bar
        prices = {"WETH": bar.weth, "WBTC": bar.wbtc, self.network.quote: 1.0}
        for wallet in WALLETS if deal else ():
            await self.devnet.fund(wallet, {**draw_balances(draw, self.network, prices), NATIVE: GAS_MONEY})
        await self.devnet.market.step()
        head = await latest_head(self.devnet.rpc)
        return tuple([await reader.read(head) for reader in self.readers])

    async def send(self, state: MarketState, simulation: Simulation) -> None:
        """Send the simulated transaction for the next block. It may revert there, because the crowd trades too.

        It needs no signature: the chain impersonates the wallet, and Permit2's allowance is set as in the simulation.
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

    def scenario(self, draw: Random, state: MarketState, lookback: int = BARS) -> Scenario:
        """Draw the scenario of a wallet in `state`. No mandate looks back further than `lookback` bars."""
        quoter, quote = DexQuoter(self.network), self.network.quote
        tokens = {symbol: state.balances[symbol] for symbol in self.network.tokens}
        values = valuation.positions(tokens, state.prices, self.network)
        equity, max_amount = sum(values.values()), min(5000.0, values[quote])
        gas = valuation.whole_quote(cost_in(self.network, state, TRADE_GAS, TRADE_SIZE, quote) or 0, self.network)
        loop = quoter.best_loop(state, quote, max_amount)
        scenes = {}
        for base in self.network.tokens:
            if base != quote:
                cycle = quoter.best_cycle(state, quote, base, max_amount)
                profits = {
                    name: trade.profit if trade else 0.0 for name, trade in zip(CYCLES, (cycle, loop), strict=True)
                }
                scenes[base] = Scene(state, base, values[base] / equity, equity, gas, profits, lookback)
        return draw_scenario(draw, self.network, scenes)


def load_prices(segment: SplitSegment) -> PricePath:
    """The price path of a segment, from this machine's files."""
    return PricePath.load([segment.day], start=segment.start, seed=segment.seed)
