"""What stands around the agent in its tests: one market state, a quoter and a builder of round numbers, a script."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from sentinel.agent.action_format import render_action
from sentinel.agent.tools import Toolbox
from sentinel.core.actions import Action, Approve, Finish, HoldAction, Leg, Route, Sample, Swap
from sentinel.core.errors import ActionFault, QuoteError
from sentinel.core.market_state import Head, MarketState, MarketView, Reference, Regime
from sentinel.core.network import NATIVE, HexHash, Network, Symbol, Token
from sentinel.core.quotes import CycleQuote, LoopQuote, RouteQuote

ADDRESS = "0x000000000000000000000000000000000000dEaD"
HASH = "0x" + "11" * 32
PRICES = {"WETH": 2000.0, "USDC": 1.0, "WBTC": 40000.0}

NETWORK = Network(
    name="paper",
    chain_id=31337,
    pinned_block=None,
    pinned_hash=None,
    quote="USDC",
    wrapped="WETH",
    tokens={
        "WETH": Token("WETH", ADDRESS, 18),
        "USDC": Token("USDC", ADDRESS, 6),
        "WBTC": Token("WBTC", ADDRESS, 8),
    },
    pools={},
    feeds={},
    universal_router=ADDRESS,
    permit2=ADDRESS,
    multicall3=ADDRESS,
    v3_quoter=None,
    hardfork="osaka",
    block_time=2.0,
)

STATE = MarketState(
    head=Head(100, HexHash(HASH), HexHash(HASH), 1_700_000_000, 10**10, 30_000_000, ADDRESS, HASH),
    wallet=ADDRESS,
    balances={"WETH": 3 * 10**18, "USDC": 4_000 * 10**6, "WBTC": 0, NATIVE: 10**18},
    pools={},
    prices=PRICES,
    reference={"WETH": Reference(2000 * 10**8, 8, 1_700_000_000)},
    history={"WETH": (1900.0, 1950.0, 1980.123456789, 2000.0)},
    nonce=0,
    permit_nonces={},
    allowances={},
    priority_fee=10**9,
)

VIEW = MarketView({"WETH": 5000, "USDC": 5000}, Regime.UNKNOWN, 1.0, 100, "settings")


PAYS = CycleQuote(250.123456789, 3.25, "v2", "v3-500")
PAYS_ROUND = LoopQuote(("USDC", "WETH", "WBTC", "USDC"), ("v2", "v3-3000", "v3-3000"), 250.123456789, 3.25)


class PaperQuoter:
    """Trades at the mid price less a fee that the venue's label names; nothing fills above 100,000 quote tokens."""

    fees: Mapping[str, float] = {"v2": 0.003, "v3-500": 0.0005, "v3-3000": 0.003}

    def venues(self, state: MarketState, token_in: Symbol, token_out: Symbol) -> Sequence[str]:
        return tuple(self.fees)

    def quote(self, state: MarketState, token_in: Symbol, token_out: Symbol, amount: float, venue: str) -> float:
        if venue not in self.fees:
            raise QuoteError(f"no venue {venue}")
        if amount * state.prices[token_in] > 100_000:
            raise QuoteError("not enough liquidity")
        return amount * state.prices[token_in] / state.prices[token_out] * (1 - self.fees[venue])

    def best_venue(self, state: MarketState, token_in: Symbol, token_out: Symbol, amount: float) -> str:
        return "v3-500"

    def best_cycle(self, state: MarketState, token: Symbol, via: Symbol, max_amount: float) -> CycleQuote | None:
        return PAYS if max_amount >= 100 else None

    def best_loop(self, state: MarketState, token: Symbol, max_amount: float) -> LoopQuote | None:
        return PAYS_ROUND if max_amount >= 100 else None

    def best_split(self, state: MarketState, token_in: Symbol, token_out: Symbol, amount: float) -> Sequence[str]:
        return ("v2", "v3-500")

    def best_route(self, state: MarketState, token_in: Symbol, token_out: Symbol, amount: float) -> RouteQuote:
        return RouteQuote((token_in, token_out), ("v3-500",), self.quote(state, token_in, token_out, amount, "v3-500"))

    def depth(self, state: MarketState, token_in: Symbol, token_out: Symbol, venue: str, bps: float) -> float:
        return bps * 1000 / state.prices[token_in]

    def impact(self, state: MarketState, token_in: Symbol, token_out: Symbol, amount: float, venue: str) -> float:
        return 1e4 * self.fees[venue] if venue in self.fees else 0.0

    def gas_cost(self, state: MarketState) -> float:
        return 3.04123456789


class PaperBuilder:
    def swap(
        self, state: MarketState, token_in: Symbol, token_out: Symbol, amount: float, venue: str | list[str]
    ) -> Action:
        base = int(amount * 10 ** NETWORK.tokens[token_in].decimals)
        if base > state.balances.get(token_in, 0):
            raise ActionFault("the amount is more than the balance")
        return Swap((Route((Leg(f"pool-{venue}", token_in, token_out, "uniswap_v3"),), base),), 1, 1_700_000_120)

    def route(self, state: MarketState, tokens: list[Symbol], amount: float, venues: list[str]) -> Action:
        legs = tuple(
            Leg(f"pool-{venue}", a, b, "uniswap_v3")
            for a, b, venue in zip(tokens[:-1], tokens[1:], venues, strict=True)
        )
        decimals = 18 if tokens[0] == NATIVE else NETWORK.tokens[tokens[0]].decimals
        return Swap((Route(legs, int(amount * 10**decimals)),), 1, 1_700_000_120)

    def cycle(
        self, state: MarketState, token: Symbol, via: Symbol, amount: float, venue_in: str, venue_out: str
    ) -> Action:
        base = int(float(amount) * 10 ** NETWORK.tokens[token].decimals)
        legs = (Leg(f"pool-{venue_in}", token, via, "uniswap_v2"), Leg(f"pool-{venue_out}", via, token, "uniswap_v3"))
        return Swap((Route(legs, base),), base + 1, 1_700_000_120)

    def approve(self, state: MarketState, token: Symbol, amount: float | str) -> Action:
        return Approve(token, "permit2", int(float(amount) * 10 ** NETWORK.tokens[token].decimals), 1_700_000_120)

    def hold(self, reason: str) -> Action:
        return HoldAction(reason)


def toolbox(state: MarketState = STATE) -> Toolbox:
    return Toolbox(state, VIEW, NETWORK, PaperQuoter(), PaperBuilder())


def turn(code: str, thought: str = "I look.") -> str:
    return render_action(thought, code)


def with_balances(**base_units: int) -> MarketState:
    return replace(STATE, balances={**STATE.balances, **base_units})


@dataclass
class Script:
    """Gives the written steps one after the other; a tuple is (text, finish)."""

    steps: Sequence[Sequence[str | tuple[str, str]]]
    source: str = "script"
    asked: list[tuple[list[dict[str, str]], int, str]] = field(default_factory=list)
    after: list[int] = field(default_factory=list)

    async def sample(
        self, messages: Sequence[Mapping[str, str]], n: int, prefill: str, *, after: int = 0
    ) -> list[Sample]:
        step = self.steps[min(len(self.asked), len(self.steps) - 1)]
        self.after.append(after)
        self.asked.append(([dict(message) for message in messages], n, prefill))
        pairs = [one if isinstance(one, tuple) else (one, "stop") for one in step]
        return [Sample(0, i, text, len(text), Finish(finish)) for i, (text, finish) in enumerate(pairs)]
