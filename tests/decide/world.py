"""Trades that policy lets through, and ways to twist them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

from eth_abi.abi import encode

from sentinel.config.limits import Limits
from sentinel.core.actions import Action, Approve, Candidate, Route, Swap
from sentinel.core.decision import Act
from sentinel.core.market_state import Head, MarketState
from sentinel.core.simulation import SimEnv, Simulation, TxRequest
from sentinel.core.spent import Spent
from sentinel.decide.policy import Policy
from sentinel.orders.playing.player import Play
from sentinel.orders.playing.spending import Spending
from tests.decide.fair_market import DEADLINE, ENV, HEAD, LATER_ENV, LIMITS, NETWORK, NOW, OTHER_ENV, STATE, USD
from tests.decide.plain_calldata import UNWRAP, WRAP, commands_of, execute, leg


@dataclass(frozen=True)
class World:
    """One trade on its way: what was voted, what the final bytes did in three environments, and all that limits it."""

    action: Action
    deltas: Mapping[str, int]
    gross: int
    data: bytes
    to: str = NETWORK.universal_router
    value: int = 0
    gas_limit: int = 300_000
    gas_used: int = 250_000
    revert: str | None = None
    router_allowance: int = 0
    sold_back: int | None = None
    env: SimEnv = ENV
    other_env: SimEnv = OTHER_ENV
    later_env: SimEnv = LATER_ENV
    limits: Limits = LIMITS
    state: MarketState = STATE
    head: Head = HEAD
    spent: Spent = field(default_factory=lambda: Spent(0, 0))
    now: float = float(NOW + 3)
    voted_data: bytes | None = None  # where the bytes that were voted for differ from the final ones
    held: int | None = -1  # token_out before the final bytes at the newest head; -1: as in the state
    play: Play | None = None  # of an approved order; None: there is none
    max_trade: Decimal | None = None  # quote tokens of its largest trade
    spending: Spending | None = None  # what allowances that are made for it may be at most
    second: Mapping[str, Any] = field(default_factory=dict)  # how the second environment's simulation differs

    @property
    def swap(self) -> Swap:
        assert isinstance(self.action, Swap)
        return self.action

    @property
    def tx(self) -> TxRequest:
        return TxRequest(self.to, self.data, self.value, self.gas_limit)

    def but(self, **changes: Any) -> World:
        return replace(self, **changes)

    def limited(self, **changes: Any) -> World:
        return replace(self, limits=replace(self.limits, **changes))

    def stated(self, **changes: Any) -> World:
        return replace(self, state=replace(self.state, **changes))

    def offering(self, **changes: Any) -> World:
        """Other fees or nonce, in all environments."""
        return replace(
            self,
            env=replace(self.env, **changes),
            other_env=replace(self.other_env, **changes),
            later_env=replace(self.later_env, **changes),
        )

    def simulation(self, index: int = 0) -> Simulation:
        return Simulation(
            candidate=Candidate(index, self.action, "Thought: …"),
            tx=self.tx,
            env=self.env,
            deltas=self.deltas,
            gross=self.gross,
            gas_used=self.gas_used,
            logs=(),
            revert=self.revert,
            router_allowance=self.router_allowance,
            held=self._held,
            sold_back=self.sold_back,
        )

    @property
    def _held(self) -> int | None:
        if self.held != -1:
            return self.held
        swap = isinstance(self.action, Swap) and self.action.routes
        return self.state.balances.get(self.swap.token_out) if swap else None

    @property
    def policy(self) -> Policy:
        if (play := self.play) is None:
            return Policy(NETWORK, self.limits, order_spending=self.spending)
        return Policy(
            NETWORK,
            self.limits,
            plays=lambda state: play,
            order_tolerance_bps=TOLERANCE,
            order_spending=self.spending,
            order_max_trade=self.max_trade,
        )

    def refused_on_screen(self) -> str | None:
        """The rule that refused the candidate, None where it became a ballot."""
        ballots, refusals = self.policy.screen([self.simulation(4)], self.state, self.spent)
        assert len(ballots) + len(refusals) == 1
        assert all(refusal.index == 4 and refusal.detail for refusal in refusals)
        return refusals[0].rule if refusals else None

    def refused_finally(self) -> set[str]:
        """Every rule that refused the final bytes."""
        first = self.simulation()
        voted = first
        if self.voted_data is not None:
            voted = replace(first, tx=replace(self.tx, data=self.voted_data))
        confirmed = (first, replace(first, env=self.other_env, **self.second), replace(first, env=self.later_env))
        decision = Act(voted, 8, 8, 8, 0)
        verdicts = self.policy.check(confirmed, decision, self.state, self.head, self.spent, self.now)
        assert len({verdict.rule for verdict in verdicts}) == len(verdicts)
        assert all(verdict.detail for verdict in verdicts)
        return {verdict.rule for verdict in verdicts if not verdict.ok}


TOLERANCE = 500  # bps
PAID = 500 * USD
FAIR = PAID * 10**12 // 2000  # WETH base units by the reference


def buying(pool: str = "WETH/USDC-v2", min_out: int | None = None, out: int | None = None) -> World:
    """500 USDC for WETH in one leg; by default the pool's fee is paid and the least output is half a percent lower."""
    got = FAIR * (1_000_000 - NETWORK.pools[pool].fee_pips) // 1_000_000 if out is None else out
    least = got * 995 // 1000 if min_out is None else min_out
    swap = Swap((Route((leg(pool, "USDC", "WETH"),), PAID),), least, DEADLINE)
    return World(swap, {"USDC": -PAID, "WETH": got}, PAID, execute(commands_of(swap)))


def hopping() -> World:
    """500 USDC to WBTC over WETH, a V3 leg and then another by the router's balance."""
    legs = (leg("WETH/USDC-v2", "USDC", "WETH"), leg("WBTC/WETH-v3-3000", "WETH", "WBTC"))
    got = 10**6 * 994 // 1000
    swap = Swap((Route(legs, PAID),), got * 995 // 1000, DEADLINE)
    return World(swap, {"USDC": -PAID, "WBTC": got}, PAID, execute(commands_of(swap)))


def splitting() -> World:
    """500 USDC for WETH over two routes."""
    routes = (
        Route((leg("WETH/USDC-v3-500", "USDC", "WETH"),), PAID // 5),
        Route((leg("WETH/USDC-v2", "USDC", "WETH"),), PAID - PAID // 5),
    )
    got = FAIR * 997 // 1000
    swap = Swap(routes, got * 995 // 1000, DEADLINE)
    return World(swap, {"USDC": -PAID, "WETH": got}, PAID, execute(commands_of(swap)))


def circling(gain: int = 20 * USD) -> World:
    """USDC to WETH on one venue and back on another; gas is worth about 11.75 USDC."""
    legs = (leg("WETH/USDC-v2", "USDC", "WETH"), leg("WETH/USDC-v3-500", "WETH", "USDC"))
    swap = Swap((Route(legs, PAID),), PAID + 13 * USD, DEADLINE)
    return World(swap, {"USDC": gain}, PAID, execute(commands_of(swap)))


def approving(amount: int = 20_000 * USD) -> World:
    data = bytes.fromhex("095ea7b3") + encode(["address", "uint256"], [NETWORK.permit2, amount])
    action = Approve("USDC", "permit2", amount, DEADLINE)
    return World(action, {}, 0, data, to=NETWORK.tokens["USDC"].address, gas_limit=60_000, gas_used=46_000)


def unwrapping() -> World:
    """500 USDC for the native coin: WETH in one leg, then unwrapped."""
    legs = (leg("WETH/USDC-v2", "USDC", "WETH"), UNWRAP)
    got = FAIR * 997 // 1000
    swap = Swap((Route(legs, PAID),), got * 995 // 1000, DEADLINE)
    return World(swap, {"USDC": -PAID, "ETH": got}, PAID, execute(commands_of(swap)))


def wrapping(*pools: str, parts: int = 1) -> World:
    """A quarter of the native coin, worth 500 USDC, for USDC: wrapped, then traded; over as many routes as `parts`."""
    legs = tuple(leg(pool, "WETH", "USDC") for pool in pools or ("WETH/USDC-v2",))
    routes = tuple(Route((WRAP, legs[n % len(legs)]), FAIR // parts) for n in range(parts))
    got = PAID * 997 // 1000
    swap = Swap(routes, got * 995 // 1000, DEADLINE)
    return World(swap, {"ETH": -FAIR, "USDC": got}, FAIR, execute(commands_of(swap)), value=FAIR)


def wrapping_twice() -> World:
    """The same over two routes, each with a wrapping of its own."""
    return wrapping("WETH/USDC-v2", "WETH/USDC-v4-500", parts=2)


def only_wrapping() -> World:
    """The native coin for as much of the wrapped."""
    swap = Swap((Route((WRAP,), FAIR),), FAIR, DEADLINE)
    return World(swap, {"ETH": -FAIR, "WETH": FAIR}, FAIR, execute(commands_of(swap)), value=FAIR)


def only_unwrapping() -> World:
    """And back."""
    swap = Swap((Route((UNWRAP,), FAIR),), FAIR, DEADLINE)
    return World(swap, {"WETH": -FAIR, "ETH": FAIR}, FAIR, execute(commands_of(swap)))


def newest() -> World:
    """500 USDC for WETH in the V4 pool."""
    return buying("WETH/USDC-v4-500")


def circling_back(gain: int = 20 * USD) -> World:
    """USDC to WETH in the V4 pool and back on another venue, over V3."""
    legs = (leg("WETH/USDC-v4-500", "USDC", "WETH"), leg("WETH/USDC-v3-500", "WETH", "USDC"))
    swap = Swap((Route(legs, PAID),), PAID + 13 * USD, DEADLINE)
    return World(swap, {"USDC": gain}, PAID, execute(commands_of(swap)))


COIN = (unwrapping, wrapping, wrapping_twice, only_wrapping, only_unwrapping)
GOOD = (buying, hopping, splitting, circling, newest, circling_back, *COIN, approving)
