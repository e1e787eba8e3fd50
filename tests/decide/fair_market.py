"""A market in which every price is exact, and the limits that hold on it."""

from __future__ import annotations

from dataclasses import replace
from math import isqrt

from sentinel.config.limits import Limits, LimitSettings
from sentinel.config.network_file import load_network
from sentinel.core.market_state import Head, MarketState, Reference, V2State, V3State, V4State
from sentinel.core.network import HexHash
from sentinel.core.simulation import SimEnv
from sentinel.core.units import GWEI

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
LATER_ENV = replace(
    ENV, number=104, timestamp=NOW + 8, base_fee=21 * GWEI, prev_randao="0x" + "af" * 32
)  # the later block, by the usual proposer
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
LIMITS = Limits.of(LimitSettings(min_trade=10, min_profit=1, max_gain_bps=500), NETWORK)
