"""A market in which every price is exact, trades that policy lets through, and ways to twist them.

Calldata is written here with eth_abi from the router's source, apart from the code under test and the code it guards.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import isqrt
from typing import Any

from eth_abi.abi import encode

from sentinel.config.limits import Limits, LimitSettings
from sentinel.config.network_file import load_network
from sentinel.core.actions import Action, Approve, Candidate, Leg, Route, Swap
from sentinel.core.decision import Act
from sentinel.core.mandate import Spent
from sentinel.core.market_state import Head, MarketState, Reference, V2State, V3State, V4State
from sentinel.core.network import HexHash
from sentinel.core.simulation import SimEnv, Simulation, TxRequest
from sentinel.core.units import GWEI
from sentinel.decide.policy import Policy

NETWORK = load_network("devnet")
WALLET = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
STRANGER = "0x90F79bf6EB2c4f870365E785982E1f101E93b906"
MSG_SENDER = "0x0000000000000000000000000000000000000001"
ROUTER = "0x0000000000000000000000000000000000000002"
ALL = 1 << 255
NOW = 1_800_000_000
USD = 10**6
WETH_ANSWER, WBTC_ANSWER = 2000 * 10**8, 50_000 * 10**8  # 8 decimals

HEAD = Head(
    100, HexHash("0x" + "aa" * 32), HexHash("0x" + "ab" * 32), NOW, 20 * GWEI, 30_000_000, STRANGER, "0x" + "ac" * 32
)
ENV = SimEnv(7, 41 * GWEI, GWEI, HEAD.hash, 101, NOW + 2, 20 * GWEI, 30_000_000, STRANGER, "0x" + "ad" * 32)
OTHER_ENV = replace(ENV, timestamp=NOW + 14, base_fee=22 * GWEI, coinbase=WALLET, prev_randao="0x" + "ae" * 32)
DEADLINE = NOW + 120


def _root(numerator: int, denominator: int) -> int:
    """floor(sqrt(numerator / denominator) * 2**96), near enough for a mid price within a millionth."""
    return isqrt((numerator << 192) // denominator)


def _v3(numerator: int, denominator: int) -> V3State:
    return V3State(_root(numerator, denominator), 0, 10**20, (), -10, 10)


STATE = MarketState(
    head=HEAD,
    wallet=WALLET,
    balances={"ETH": 10**18, "WETH": 5 * 10**18, "USDC": 10_000 * USD, "WBTC": 10**7},
    pools={
        "WETH/USDC-v2": V2State(2_000_000 * USD, 1000 * 10**18),
        "WETH/USDC-v3-500": _v3(10**18, 2000 * USD),
        "WETH/USDC-v3-3000": _v3(10**18, 2000 * USD),
        "WBTC/USDC-v3-3000": _v3(50_000 * USD, 10**8),
        "WBTC/WETH-v3-3000": _v3(25 * 10**18, 10**8),
        "WETH/USDC-v4-500": V4State(_root(10**18, 2000 * USD), 0, 10**20, (), -10, 10, 500, 500),
    },
    prices={"USDC": 1.0, "WETH": 2000.0, "WBTC": 50_000.0},
    reference={"WETH": Reference(WETH_ANSWER, 8, NOW), "WBTC": Reference(WBTC_ANSWER, 8, NOW)},
    history={},
    nonce=7,
    permit_nonces={"USDC": 3, "WETH": 0, "WBTC": 0},
    allowances={"USDC": 10**12},
    priority_fee=GWEI,
)
LIMITS = Limits.of(LimitSettings(min_trade=10, min_profit=1), NETWORK)


@dataclass(frozen=True)
class World:
    """One trade on its way: what was voted, what the final bytes did in two environments, and all that limits it."""

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
    env: SimEnv = ENV
    other_env: SimEnv = OTHER_ENV
    limits: Limits = LIMITS
    state: MarketState = STATE
    head: Head = HEAD
    spent: Spent = field(default_factory=lambda: Spent(0, 0))
    now: float = float(NOW + 3)
    voted_data: bytes | None = None  # where the bytes that were voted for differ from the final ones
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
        """Other fees or nonce, in both environments."""
        return replace(self, env=replace(self.env, **changes), other_env=replace(self.other_env, **changes))

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
        )

    def refused_on_screen(self) -> str | None:
        """The rule that refused the candidate, None where it became a ballot."""
        ballots, refusals = Policy(NETWORK, self.limits).screen([self.simulation(4)], self.state, self.spent)
        assert len(ballots) + len(refusals) == 1
        assert all(refusal.index == 4 and refusal.detail for refusal in refusals)
        return refusals[0].rule if refusals else None

    def refused_finally(self) -> set[str]:
        """Every rule that refused the final bytes."""
        first = self.simulation()
        voted = first
        if self.voted_data is not None:
            voted = replace(first, tx=replace(self.tx, data=self.voted_data))
        confirmed = (first, replace(first, env=self.other_env, **self.second))
        decision = Act(voted, 8, 8, 8, 0)
        policy = Policy(NETWORK, self.limits)
        verdicts = policy.check(confirmed, decision, self.state, self.head, self.spent, self.now)
        assert len({verdict.rule for verdict in verdicts}) == len(verdicts)
        assert all(verdict.detail for verdict in verdicts)
        return {verdict.rule for verdict in verdicts if not verdict.ok}


def permit(symbol: str, paid: int, **changes: Any) -> bytes:
    """A PERMIT2_PERMIT input, signed by nobody."""
    said = {
        "token": NETWORK.tokens[symbol].address,
        "amount": paid,
        "expiration": DEADLINE,
        "nonce": STATE.permit_nonces[symbol],
        "spender": NETWORK.universal_router,
        "sig_deadline": DEADLINE,
        "signature": b"\x01" * 65,
    } | changes
    single = ((said["token"], said["amount"], said["expiration"], said["nonce"]), said["spender"], said["sig_deadline"])
    return encode(["((address,uint160,uint48,uint48),address,uint256)", "bytes"], [single, said["signature"]])


V4_ACTIONS = bytes((0x0B, 0x06, 0x0E))  # settle, swap, take
V4_PARTS = (
    ["address", "uint256", "bool"],
    ["((address,address,uint24,int24,address),bool,uint128,uint128,bytes)"],
    ["address", "address", "uint256"],
)


def command(leg: Leg, recipient: str, amount_in: int, min_out: int, payer_is_user: bool) -> tuple[int, bytes]:
    if leg.pool == "wrap":
        return 0x0B, encode(["address", "uint256"], [recipient, amount_in])
    if leg.pool == "unwrap":
        return 0x0C, encode(["address", "uint256"], [recipient, min_out])
    pool = NETWORK.pools[leg.pool]
    ends = (token.replace("ETH", "WETH") if token == "ETH" else token for token in (leg.token_in, leg.token_out))
    one, other = (NETWORK.tokens[token].address for token in ends)
    head = [recipient, amount_in, min_out]
    if leg.venue == "uniswap_v2":
        return 0x08, encode(
            ["address", "uint256", "uint256", "address[]", "bool"], [*head, [one, other], payer_is_user]
        )
    if leg.venue == "uniswap_v4":
        low, high = sorted((one, other), key=lambda address: int(address, 16))
        key = (low, high, pool.fee_pips, pool.tick_spacing, "0x" + "00" * 20)
        values: tuple[list[Any], ...] = (
            [one, amount_in, payer_is_user],
            [(key, one == low, 0, min_out, b"")],
            [other, recipient, 0],
        )
        parts = [encode(kinds, given) for kinds, given in zip(V4_PARTS, values, strict=True)]
        return 0x10, encode(["bytes", "bytes[]"], [V4_ACTIONS, parts])
    path = bytes.fromhex(one[2:]) + pool.fee_pips.to_bytes(3, "big") + bytes.fromhex(other[2:])
    return 0x00, encode(["address", "uint256", "uint256", "bytes", "bool"], [*head, path, payer_is_user])


def transfer(amount: int, token: str = "WETH", recipient: str = ROUTER) -> tuple[int, bytes]:
    """The router takes what the wallet has, through Permit2."""
    given = [NETWORK.tokens[token].address, recipient, amount]
    return 0x02, encode(["address", "address", "uint256"], given)


def execute(commands: list[tuple[int, bytes]], deadline: int = DEADLINE) -> bytes:
    codes = bytes(code for code, _ in commands)
    return bytes.fromhex("3593564c") + encode(
        ["bytes", "bytes[]", "uint256"], [codes, [given for _, given in commands], deadline]
    )


def commands_of(swap: Swap, **permit_changes: Any) -> list[tuple[int, bytes]]:
    """The plain commands of a swap of one or more routes; several routes share min_out with the last one."""
    out = [] if swap.token_in == "ETH" else [(0x8A, permit(swap.token_in, swap.amount_in, **permit_changes))]
    for number, route in enumerate(swap.routes):
        final_route = number == len(swap.routes) - 1
        least = swap.min_out - (len(swap.routes) - 1) if final_route else 1
        if route.legs == (UNWRAP,):
            out.append(transfer(route.amount_in))
        for position, leg in enumerate(route.legs):
            last = position == len(route.legs) - 1
            out.append(
                command(
                    leg,
                    MSG_SENDER if last else ROUTER,
                    route.amount_in if position == 0 else ALL,
                    least if last else 0,
                    position == 0,
                )
            )
    return out


def leg(pool: str, token_in: str, token_out: str) -> Leg:
    return Leg(pool, token_in, token_out, NETWORK.pools[pool].venue)


WRAP, UNWRAP = Leg("wrap", "ETH", "WETH", "wrap"), Leg("unwrap", "WETH", "ETH", "unwrap")
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
