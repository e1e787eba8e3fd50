"""The paper wallet of a dry run: the market as if the wallet held what its simulated trades left."""

from __future__ import annotations

from dataclasses import dataclass, replace

from sentinel.core.market_state import Head, MarketState
from sentinel.core.network import NATIVE
from sentinel.core.ports import Market
from sentinel.core.transaction import Intent, Settled
from sentinel.core.units import COIN_DECIMALS
from sentinel.daemon.parts import Parts
from sentinel.dex.simulating.storage_slots import PaperSlots
from sentinel.execute.paper_run import PaperExecutor
from sentinel.journal.journal import Journal
from sentinel.observe.logs import Log

UNLIMITED = (1 << 256) - 1


@dataclass(frozen=True, slots=True)
class PaperMarket:
    """Reads the chain, with the paper wallet's balances and with every allowance given."""

    market: Market
    journal: Journal

    async def read(self, head: Head) -> MarketState:
        """As the market's own reader."""
        state = await self.market.read(head)
        allowances = dict.fromkeys(state.allowances, UNLIMITED)
        return replace(state, balances=self.journal.paper.balances(), allowances=allowances)


async def paper_executor(parts: Parts, log: Log) -> PaperExecutor:
    """Begin or continue the paper wallet, and let the simulations run with its balances.

    Raises OperatorError if a token's balances cannot be replaced in a simulation, Unavailable.
    """
    head = parts.latest.value
    parts.toolkit.use_paper(await PaperSlots.find(parts.rpc, parts.network, parts.wallet, head))
    state, decimals = await parts.market.read(head), {NATIVE: COIN_DECIMALS}
    decimals |= {symbol: token.decimals for symbol, token in parts.network.tokens.items()}
    wanted = {
        symbol: round(amount * 10 ** decimals[symbol]) for symbol, amount in parts.settings.paper.balances.items()
    }
    new = parts.journal.paper.begin(wanted, state)
    log.info("paper.wallet", new=new, balances={s: str(amount) for s, amount in parts.journal.paper.balances().items()})

    def filled(intent: Intent, settled: Settled) -> None:
        changed = {symbol: str(amount) for symbol, amount in settled.realised.items()}
        log.info("paper.filled", intent=intent.id, outcome=settled.outcome, gas_cost=settled.gas_cost, changes=changed)

    return PaperExecutor(parts.journal, parts.toolkit, filled)
