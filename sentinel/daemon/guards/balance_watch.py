"""The alarm for balances that changed by nothing that Sentinel did. It halts nothing: a deposit looks the same.

Between two cycles a balance may change by our own transactions alone, and in the block of a trade by what was
simulated, or a little more or less of the token that was bought. Losses of any size are told, gains from the smallest
trade's value on: anybody can send dust.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from sentinel.config.limits import Limits
from sentinel.core.actions import Swap
from sentinel.core.market_state import MarketState
from sentinel.core.network import NATIVE, Network, Symbol
from sentinel.core.record import CycleRecord
from sentinel.core.simulation import Simulation
from sentinel.core.transaction import Outcome, Settled
from sentinel.core.units import BPS
from sentinel.core.valuation import References, reference_prices, unit_value, whole
from sentinel.journal.journal import Journal

ADVICE = (
    "If this was a deposit or a withdrawal of yours, there is nothing to do: it is told once, and `sentinel pnl` "
    "counts it as a flow. If not, `sentinel pause` and find out who moved it"
)


@dataclass(slots=True)
class Baseline:
    """The balances that were seen last. `seq`: the number of journal records then."""

    block: int
    balances: Mapping[Symbol, int]
    seq: int


@dataclass(slots=True)
class BalanceWatch:
    journal: Journal
    network: Network
    limits: Callable[[], Limits]
    alarm: Callable[[str, str], None]  # kind, and one sentence
    last: Baseline | None = None
    _prices: References = field(default_factory=dict)  # of the newest state

    @classmethod
    def open(
        cls, journal: Journal, network: Network, limits: Callable[[], Limits], alarm: Callable[[str, str], None]
    ) -> BalanceWatch:
        """Continues with the balances that the journal saw last, so that a change while nothing ran is told too."""
        last = journal.equity.last()
        if last is None:
            return cls(journal, network, limits, alarm)
        seq, point = last
        return cls(journal, network, limits, alarm, Baseline(point.block, point.balances, seq), point.prices)

    def cycle_done(self, record: CycleRecord) -> None:
        """Compare with the last cycle. A cycle reads the market only while nothing is in flight."""
        state, last = record.state, self.last
        if state is None or (last is not None and state.head.number <= last.block):
            return
        self._prices = reference_prices(state)
        self.last = Baseline(state.head.number, dict(state.balances), self.journal.equity.tip())
        if last is not None and (rest := self._unexplained(last, state)):
            self.journal.equity.observe(state, due=True)
            between = f"between the blocks {last.block} and {state.head.number}"
            self.alarm("balance", f"{self._told(rest)} {between} by no transaction of ours. {ADVICE}")

    def settled(self, settled: Settled) -> None:
        """Compare what the block of a transaction changed with what was simulated."""
        if settled.unread or settled.block_number is None or settled.realised == {NATIVE: settled.gas_cost}:
            return  # unknown, or counted with another transaction of the same block
        simulation = self.journal.simulation_of(settled.intent_id)
        if rest := self._beyond(simulation, settled):
            self.alarm(
                "balance", f"{self._told(rest)} in block {settled.block_number} beside {settled.intent_id}. {ADVICE}"
            )

    def _unexplained(self, last: Baseline, state: MarketState) -> dict[Symbol, int]:
        rest = {symbol: amount - last.balances.get(symbol, amount) for symbol, amount in state.balances.items()}
        for own in self.journal.equity.own(after=last.seq):
            if last.block < own.block <= state.head.number:
                for symbol, amount in own.changes.items():
                    rest[symbol] = rest.get(symbol, 0) - amount
        return self._notable(rest)

    def _beyond(self, simulation: Simulation, settled: Settled) -> dict[Symbol, int]:
        action, confirmed = simulation.candidate.action, settled.outcome is Outcome.CONFIRMED
        expected = simulation.deltas if confirmed else {}
        symbols = {*expected, *settled.realised}
        rest = {symbol: settled.realised.get(symbol, 0) - expected.get(symbol, 0) for symbol in symbols}
        if confirmed and isinstance(action, Swap):  # the price may move: what is missing is the shortfall breaker's
            bought = action.token_out
            base = simulation.gross if action.is_cycle else expected.get(bought, 0)
            rest[bought] = max(0, rest.get(bought, 0) - base * self.limits().max_gain_bps // BPS)
        if -simulation.data_fee <= rest.get(NATIVE, 0) < 0:  # not every node says in the receipt what data cost
            rest[NATIVE] = 0
        return self._notable(rest)

    def _notable(self, changes: Mapping[Symbol, int]) -> dict[Symbol, int]:
        return {symbol: amount for symbol, amount in changes.items() if amount < 0 or self._large(symbol, amount)}

    def _large(self, symbol: Symbol, amount: int) -> bool:
        unit = unit_value(symbol, self._prices, self.network)
        return amount > 0 and (unit is None or amount * unit >= self.limits().min_trade)

    def _told(self, changes: Mapping[Symbol, int]) -> str:
        moved = ", ".join(f"{whole(amount, symbol, self.network):+,.8g} {symbol}" for symbol, amount in changes.items())
        return f"the wallet's balances changed by {moved}"
