"""Collects what the cycles and the executor of a backtest do, minute by minute."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from decimal import Decimal

from sentinel.core.actions import Approve, Swap
from sentinel.core.decision import Act, Hold, HoldReason
from sentinel.core.market_state import MarketState
from sentinel.core.network import NATIVE, Network, Symbol
from sentinel.core.record import CycleRecord
from sentinel.core.transaction import Attempt, Intent, Outcome, Settled, shortfall_bps
from sentinel.core.valuation import decimals, reference_prices, value
from sentinel.decide.hold_reason import hold_reason
from sentinel.orders.typed.order import Order
from sentinel.paper.backtest.cost_basis import CostBasis
from sentinel.paper.backtest.frictionless import FrictionlessPlayer, reference_closes
from sentinel.paper.backtest.played import Minute, Missed, PlayedTrade
from sentinel.paper.backtest.task import COIN_OF_PRICES

NOT_A_MISS = frozenset({HoldReason.IN_FLIGHT})  # the trade is on its way
EXAMPLE = 300  # characters


class Observing:
    """An observer of the executor (`sent`, `settled`, `alarm`) that also takes each finished cycle."""

    def __init__(
        self,
        order: Order,
        network: Network,
        prior: Mapping[Symbol, tuple[float, ...]],
        cycle_of: Callable[[str], CycleRecord],
    ) -> None:
        """`prior`: closes before the first minute. `cycle_of`: the cycle of an intent, from the journal."""
        self._network = network
        self._cycle_of = cycle_of
        self._player = FrictionlessPlayer(order, network, prior)
        self._begin: dict[Symbol, int] = {}
        self._missed: dict[str, Missed] = {}
        self._basis = CostBasis(network)
        self.minutes: list[Minute] = []
        self.trades: list[PlayedTrade] = []
        self.alarms: Counter[str] = Counter()
        self.wanted = 0
        self.disagreed = 0

    @property
    def missed(self) -> tuple[Missed, ...]:
        """The most frequent reason first."""
        return tuple(sorted(self._missed.values(), key=lambda one: (-one.minutes, one.first)))

    @property
    def wins(self) -> tuple[int, int]:
        """Sales above what the coins had cost, and all sales."""
        return self._basis.wins, self._basis.sales

    def begun(self, state: MarketState) -> None:
        """The wallet at the first minute. What it holds counts as bought then."""
        self._begin = dict(state.balances)
        self._basis.begun(state)

    def begin(self) -> dict[Symbol, str]:
        """Whole tokens of what the wallet began with."""
        return {symbol: self._whole(amount, symbol) for symbol, amount in sorted(self._begin.items()) if amount}

    # ------------------------------------------------------------ cycles

    def looked(self, state: MarketState) -> None:
        """The wallet and the prices at the end of a minute."""
        network, prices = self._network, reference_prices(state)
        quote_unit = 10 ** network.tokens[network.quote].decimals
        native = value({NATIVE: self._begin.get(NATIVE, 0)}, prices, network)
        self.minutes.append(
            Minute(
                time=state.head.timestamp,
                price=reference_closes(state)[COIN_OF_PRICES],
                equity=value(state.balances, prices, network),
                hold=value(self._begin, prices, network),
                player=int(self._player.next(state) * quote_unit) + native,
                cash=state.balances.get(network.quote, 0),
            )
        )

    def decided(self, record: CycleRecord) -> None:
        """A cycle that has ended."""
        decision, played = record.decision, record.played
        if isinstance(decision, Hold) and decision.reason in (HoldReason.NO_MAJORITY, HoldReason.TIE):
            self.disagreed += decision.votes > 0
        wants = played is not None and played.clause is not None
        if not wants or (isinstance(decision, Hold) and decision.reason in NOT_A_MISS):
            return
        self.wanted += 1
        if isinstance(decision, Hold):
            self._miss(_rule(record, decision), record.head.timestamp, hold_reason(record))

    def _miss(self, reason: str, time: int, example: str) -> None:
        known = self._missed.get(reason)
        if known is None:
            self._missed[reason] = Missed(reason, 1, time, example[:EXAMPLE])
        else:
            self._missed[reason] = Missed(reason, known.minutes + 1, known.first, known.example)

    # ------------------------------------------------------------ the executor

    def sent(self, intent: Intent, attempt: Attempt, answer: str) -> None:
        pass

    def alarm(self, what: str, detail: str) -> None:
        self.alarms[what] += 1

    def settled(self, intent: Intent, settled: Settled, pnl_quote: int) -> None:
        record = self._cycle_of(intent.id)
        assert record.state is not None
        simulation, action = intent.decision.simulation, intent.decision.simulation.candidate.action
        swap = action if isinstance(action, Swap) else None
        sold = swap.token_in if swap else action.token if isinstance(action, Approve) else ""
        bought = swap.token_out if swap else ""
        paid = -settled.realised.get(sold, 0) if swap and not swap.is_cycle else simulation.gross if swap else 0
        received = settled.realised.get(bought, 0)
        prices = reference_prices(record.state)
        gas = value({NATIVE: settled.gas_cost}, prices, self._network)
        if swap and settled.outcome is Outcome.CONFIRMED and not swap.is_cycle:
            self._basis.traded(sold, paid, bought, received, gas)
        act = record.decision
        assert isinstance(act, Act)
        self.trades.append(
            PlayedTrade(
                time=record.head.timestamp,
                block=record.head.number,
                kind="swap" if swap else "approve",
                outcome=settled.outcome.value,
                mined_at=settled.mined_at,
                tx=settled.tx_hash,
                clause=intent.clause,
                why=record.played.why if record.played is not None else "",
                votes=act.votes,
                asked=act.asked,
                sold=sold,
                bought=bought,
                paid=self._whole(paid, sold) if swap else "0",
                simulated=self._whole(simulation.deltas.get(bought, 0), bought) if swap else "0",
                received=self._whole(received, bought) if swap else "0",
                value=value({sold: simulation.gross}, prices, self._network) if swap else 0,
                gas=gas,
                profit=pnl_quote,
                shortfall_bps=_rounded(shortfall_bps(simulation, settled), settled.outcome),
            )
        )

    def _whole(self, amount: int, symbol: Symbol) -> str:
        return f"{Decimal(amount).scaleb(-decimals(symbol, self._network)).normalize():f}"


def _rounded(bps: float | None, outcome: Outcome) -> float | None:
    return None if bps is None or outcome is not Outcome.CONFIRMED else round(bps, 4) + 0.0


def _rule(record: CycleRecord, decision: Hold) -> str:
    """What kept the daemon from the trade, as a stable name: a rule of policy, why no trade was built, or the hold."""
    if refused := [verdict.rule for verdict in record.verdicts if not verdict.ok]:
        return refused[0]
    if decision.reason is HoldReason.REFUSED:
        return decision.detail.partition(":")[0]
    if decision.votes == 0 and decision.reason is HoldReason.NO_MAJORITY:
        if record.refusals:
            return record.refusals[0].rule
        if reverted := [one.revert for one in record.simulations if one.revert is not None]:
            return f"reverted: {reverted[0]}"
        if record.proposal is not None and record.proposal.discarded:
            return record.proposal.discarded[0].reason.value
    return decision.reason.value
