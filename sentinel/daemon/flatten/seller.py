"""The proposer of `stop --flatten`: sells one token after the other by exact quotes, without model or vote.

Its proposals go through the cycle like all others: they are simulated, screened, confirmed and journaled, with one open
intent at a time. This file only chooses what to sell, in slices that the limits allow. Tokens that cannot be sold are
left, with the reason.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from sentinel.config.limits import Limits
from sentinel.core.actions import Candidate, HoldAction, Proposal, Swap
from sentinel.core.decision import Act, Hold, HoldReason
from sentinel.core.errors import ActionFault, QuoteError
from sentinel.core.market_state import MarketState, MarketView, Regime
from sentinel.core.network import Network, Symbol
from sentinel.core.record import CycleRecord
from sentinel.core.spent import Spent
from sentinel.core.transaction import Outcome, Settled
from sentinel.core.units import BPS
from sentinel.core.valuation import unit_value
from sentinel.decide.operator_controls import FLATTEN
from sentinel.dex.building.action_builder import ActionBuilder
from sentinel.dex.quoting.costs import TRADE_GAS, TRADE_SIZE, cost_in, leg_cost_in
from sentinel.dex.quoting.splits import best_route
from sentinel.dex.quoting.venue_labels import label_of

TRIES = 5  # heads in a row at which the sale of a token must fail before it is given up
PATIENCE = 60.0  # minimum seconds for problems that a later head may solve: a refusal, no price, expensive gas


@dataclass(frozen=True, slots=True)
class UnsoldToken:
    """Why a token is not sold at this head."""

    reason: str
    permanent: bool  # a later head will not change it
    too_small: bool = False  # the value is below the minimum of a trade


@dataclass(frozen=True, slots=True)
class SalePlan:
    """The next sale, and the tokens that are not sold at this head."""

    sale: Swap | None  # the next sale; None if there is none
    left: Mapping[Symbol, UnsoldToken]  # held tokens that are not sold at this head


def plan_sale(
    network: Network,
    state: MarketState,
    build: ActionBuilder,
    limits: Limits,
    spent: Spent,
    failed: Mapping[Symbol, str],
) -> SalePlan:
    """Plan the next sale, the holding of the highest value first.

    `failed` holds the tokens that are no longer tried, with the reason. The native coin is not sold: it pays for gas.
    """
    left: dict[Symbol, UnsoldToken] = {}
    for symbol in sorted(_held(network, state), key=lambda token: (-_value(network, state, token), token)):
        if symbol in failed:
            left[symbol] = UnsoldToken(failed[symbol], permanent=True)
            continue
        amount = _slice(network, state, limits, spent, symbol)
        planned = amount if isinstance(amount, UnsoldToken) else _sale(network, state, build, limits, symbol, amount)
        if isinstance(planned, Swap):
            return SalePlan(planned, left)
        left[symbol] = planned
    return SalePlan(None, left)


def _held(network: Network, state: MarketState) -> list[Symbol]:
    return [token for token in network.tokens if token != network.quote and state.balances.get(token, 0) > 0]


def _value(network: Network, state: MarketState, symbol: Symbol) -> Fraction:
    """Value of the whole balance in base units of the quote token; 0 without a reference price."""
    return state.balances[symbol] * (unit_value(symbol, state.reference, network) or Fraction(0))


def _min_value(network: Network, state: MarketState, limits: Limits) -> int:
    """Minimum value of a sale in base units of the quote token: policy's minimum, or the gas of a sale if higher."""
    return max(1, limits.min_trade, cost_in(network, state, TRADE_GAS, TRADE_SIZE, network.quote) or 0)


def _slice(network: Network, state: MarketState, limits: Limits, spent: Spent, symbol: Symbol) -> int | UnsoldToken:
    """Base units of the next slice.

    Slices are equal and as few as the limits allow, so that no small rest remains. If the day's remaining volume is too
    small for that, the slice is what it still allows.
    """
    unit = unit_value(symbol, state.reference, network)
    if unit is None:
        return UnsoldToken("it has no reference price, and nothing is sold without one", permanent=False)
    held = state.balances[symbol]
    value = held * unit
    min_value = _min_value(network, state, limits)
    if value < max(1, limits.min_trade):
        return UnsoldToken("it is worth less than SENTINEL_LIMITS__MIN_TRADE", permanent=True, too_small=True)
    if value < min_value:
        return UnsoldToken("the gas of its sale costs more than it is worth now", permanent=False)
    room = limits.daily_volume - spent.volume
    if room < min_value:
        return UnsoldToken("SENTINEL_LIMITS__MAX_DAILY_VOLUME is used up until 00:00 UTC", permanent=True)
    max_amount = int(min(room, limits.max_trade) / unit)
    if max_amount == 0:
        return UnsoldToken("one base unit is worth more than a trade may put in", permanent=True)
    amount = min(held, max_amount) if room <= limits.max_trade else -(-held // -(-held // max_amount))
    if (allowed := state.allowances.get(symbol, 0)) < amount:
        amount = allowed
    if amount * unit < min_value:
        return UnsoldToken(f"Permit2 may not take it: `sentinel approve {symbol}` first", permanent=True)
    return amount


def _sale(
    network: Network, state: MarketState, build: ActionBuilder, limits: Limits, symbol: Symbol, amount: int
) -> Swap | UnsoldToken:
    """Sell by the best single route. The amount is halved until a pool fills it at a fair price."""
    unit = unit_value(symbol, state.reference, network)
    assert unit is not None  # `_slice` has used it
    cost = leg_cost_in(network, state, network.quote)
    why = "the amount is too small"
    while amount * unit >= _min_value(network, state, limits):
        try:
            route, _ = best_route(network, state.pools, symbol, network.quote, amount, cost)
            tokens = [symbol, *(leg.token_out for leg in route.legs)]
            venues = [label_of(network.pools[leg.pool]) for leg in route.legs]
            return build.route(state, tokens, plain(amount, network.tokens[symbol].decimals), venues)
        except (ActionFault, QuoteError) as error:
            why = str(error)
        amount //= 2
    return UnsoldToken(f"no way keeps to the limits: {why}", permanent=False)


def plain(amount: int, decimals: int) -> str:
    """Base units as exact decimal text of whole tokens."""
    digits = str(amount).rjust(decimals + 1, "0")
    return f"{digits[:-decimals]}.{digits[-decimals:]}" if decimals else digits


@dataclass(frozen=True, slots=True)
class _FailureStreak:
    """How often in a row something failed, and over how many seconds."""

    since: float  # monotonic seconds
    times: int = 1
    seconds: float = 0.0

    @classmethod
    def more(cls, before: _FailureStreak | None, now: float) -> _FailureStreak:
        """The streak `before` with one more failure at `now`."""
        return cls(before.since, before.times + 1, now - before.since) if before else cls(now)


@dataclass(slots=True)
class Seller:
    """The proposer of a flatten: one candidate per block. `finished` is True once nothing more can be sold."""

    network: Network
    build: Callable[[], ActionBuilder]  # called at each block, like `limits`: a reload may have replaced both
    limits: Callable[[], Limits]
    spent: Callable[[], Spent]
    clock: Callable[[], float] = time.monotonic
    left: Mapping[Symbol, UnsoldToken] = field(default_factory=dict)  # as of the last proposal
    held: Mapping[Symbol, int] = field(default_factory=dict)  # base units, as of the last proposal
    finished: bool = False
    _idle: _FailureStreak | None = None  # heads with nothing to propose
    _fails: dict[Symbol, _FailureStreak] = field(default_factory=dict)
    _failed: dict[Symbol, str] = field(default_factory=dict)
    _selling: dict[str, Symbol] = field(default_factory=dict)  # by intent
    _order: int | None = None  # number of the record that began the flatten

    def work_on(self, order: int | None) -> None:
        """Start on a flatten, if it is another one than before. Tokens that failed earlier are tried again."""
        if order == self._order:
            return
        self._order = order
        self.left, self.finished, self._idle = {}, False, None
        self._fails, self._failed = {}, {}

    @property
    def clean(self) -> bool:
        """True if the tokens that are left are too small to sell."""
        return all(left.too_small for left in self.left.values())

    def view(self, state: MarketState) -> MarketView:
        return MarketView({self.network.quote: BPS}, Regime.NONE, 1.0, state.head.number, FLATTEN)

    async def propose(self, state: MarketState, view: MarketView, n: int) -> Proposal:
        """The next sale as the only candidate, or a hold. Sets `left`, `held` and `finished`."""
        planned = plan_sale(self.network, state, self.build(), self.limits(), self.spent(), self._failed)
        self.left, self.held = planned.left, state.balances
        if planned.sale is not None:
            self._idle = None
        else:
            self._idle = _FailureStreak.more(self._idle, self.clock())
            given_up = self._idle.times >= TRIES and self._idle.seconds >= PATIENCE
            self.finished = given_up or all(left.permanent for left in planned.left.values())
        action = planned.sale or HoldAction("nothing more can be sold")
        return Proposal(1, (Candidate(0, action, ""),), (), (), (), 0, FLATTEN)

    async def more(self, state: MarketState, view: MarketView, proposal: Proposal, more: int) -> Proposal:
        return proposal

    def judged(self, record: CycleRecord) -> None:
        """Note the result of the last proposal. A refusal counts against the token, an outage does not."""
        proposed = record.proposal.candidates[0].action if record.proposal else None
        if not isinstance(proposed, Swap):
            return
        if isinstance(record.decision, Act) and record.intent_id is not None:
            self._selling[record.intent_id] = proposed.token_in
        elif isinstance(record.decision, Hold) and record.decision.reason in (
            HoldReason.REFUSED,
            HoldReason.NO_MAJORITY,
        ):
            self._fail(proposed.token_in, _why(record, record.decision), PATIENCE)

    def settled(self, settled: Settled) -> None:
        symbol = self._selling.pop(settled.intent_id, None)
        if symbol is None:
            return
        if settled.outcome is Outcome.CONFIRMED:
            self._fails.pop(symbol, None)
        else:
            self._fail(symbol, f"its sale ended {settled.outcome.value}", 0.0)  # it cost gas, so TRIES alone counts

    def _fail(self, symbol: Symbol, why: str, patience: float) -> None:
        self._fails[symbol] = streak = _FailureStreak.more(self._fails.get(symbol), self.clock())
        if streak.times >= TRIES and streak.seconds >= patience:
            self._failed[symbol] = why


def _why(record: CycleRecord, decision: Hold) -> str:
    details = [f"{refusal.rule}: {refusal.detail}" for refusal in record.refusals] or [decision.detail]
    return f"refused again and again: {details[0]}"
