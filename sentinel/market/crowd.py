"""The crowd's targets for each bar: pool prices, base fee and occasional openings. Pure and seeded.

The targets do not depend on other transactions on the chain, so two runs with the same seed have the same targets.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass

from sentinel.core.units import BPS, GWEI, PIPS
from sentinel.market.contracts import POOLS
from sentinel.market.price_path import MarketBar

_PAIR = ("WETH/USDC-v2", "WETH/USDC-v3-3000")  # pools that stray from the price; the deepest pool never does
_TRIANGLE = ("WBTC/USDC-v3-3000", "WBTC/WETH-v3-3000")
_STALE = 0.0098  # fraction; an opening further than this from the price is closed at once


@dataclass(frozen=True, slots=True)
class CrowdBehaviour:
    """The settings of the crowd. One block is one bar."""

    tip: int = GWEI // 10  # wei per gas, of the crowd's transactions
    ahead: float = 0.0  # share of blocks in which the crowd trades before everybody else instead of after them
    noise: float = 0.5  # maximum distance of a pool's price from the replayed one, as a share of the pool's fee
    opening_every: float = 15.0  # mean number of blocks between two openings; 0 means no openings
    opening_bps: tuple[float, float] = (60.0, 92.0)  # minimum and maximum distance from the price, bps
    opening_blocks: tuple[int, int] = (2, 5)  # minimum and maximum duration if nobody closes it
    base_fee: tuple[int, int] = (5 * GWEI, 60 * GWEI)  # minimum and maximum, wei per gas


@dataclass(frozen=True, slots=True)
class Opening:
    """Pools whose prices differ from the market's on purpose. `strays` is the relative difference by pool."""

    strays: Mapping[str, float]
    prices: Mapping[str, float]  # to which the crowd moved the pools before it left them alone
    closes_at: int  # number of the bar


@dataclass(frozen=True, slots=True)
class BarTarget:
    """The targets of one bar. The crowd does not trade in a pool that is absent from `pools`."""

    bar: MarketBar
    pools: Mapping[str, float]  # price of the first token in the second, whole tokens
    base_fee: int  # wei per gas
    ahead: bool  # whether the crowd trades before everybody else
    opening: Opening | None


def fair(pool: str, bar: MarketBar) -> float:
    """The price of the pool's first named token in its second one, whole tokens."""
    usd = {"WETH": bar.weth, "WBTC": bar.wbtc, "USDC": 1.0}
    first, second = pool.split("-")[0].split("/")
    return usd[first] / usd[second]


class Crowd:
    """Makes the targets bar by bar. It holds the noise of each pool, the base fee and the open opening."""

    def __init__(self, seed: int, behaviour: CrowdBehaviour) -> None:
        self._behaviour = behaviour
        noise = random.Random(f"noise {seed}")  # V4 pools draw from their own, which keeps the other paths stable
        self._noise_rng = {
            pool.name: random.Random(f"noise {seed} {pool.name}") if pool.venue == "uniswap_v4" else noise
            for pool in POOLS
        }
        self._opening_rng = random.Random(f"opening {seed}")
        self._fee_rng = random.Random(f"base fee {seed}")
        self._order_rng = random.Random(f"order {seed}")
        self._noise = {pool.name: 0.0 for pool in POOLS}  # in units of the fee, -noise..noise
        low, high = behaviour.base_fee
        self._log_fee = math.log(low * high) / 2
        self._opening: Opening | None = None
        self._bar = 0

    def next(self, bar: MarketBar) -> BarTarget:
        """The targets of the next bar."""
        self._bar += 1
        base_fee, noise = self._next_base_fee(), self._next_noise()
        opened = self._next_opening(bar)
        pools = {}
        for pool in POOLS:
            if self._opening is not None and pool.name in self._opening.strays:
                if opened:
                    pools[pool.name] = self._opening.prices[pool.name]
            else:
                pools[pool.name] = fair(pool.name, bar) * (1 + noise[pool.name])
        ahead = self._order_rng.random() < self._behaviour.ahead
        return BarTarget(bar, pools, base_fee, ahead, self._opening)

    def _next_base_fee(self) -> int:
        """The next step of a random walk between the bounds. Steps are well below the protocol's 12.5 % per block."""
        low, high = self._behaviour.base_fee
        middle, step = math.log(low * high) / 2, self._fee_rng.uniform(-0.1, 0.1)
        self._log_fee += step - 0.01 * (self._log_fee - middle)
        self._log_fee = min(max(self._log_fee, math.log(low)), math.log(high))
        return min(max(round(math.exp(self._log_fee)), low), high)

    def _next_noise(self) -> dict[str, float]:
        """Each pool's relative distance from the price. It decays slowly and stays within a share of the pool's fee."""
        limit = self._behaviour.noise
        for pool in POOLS:
            moved = 0.8 * self._noise[pool.name] + self._noise_rng[pool.name].uniform(-0.5, 0.5) * limit
            self._noise[pool.name] = min(max(moved, -limit), limit)
        return {pool.name: self._noise[pool.name] * pool.fee_pips / PIPS for pool in POOLS}

    def _next_opening(self, bar: MarketBar) -> bool:
        """Close, keep or make an opening; True if one was made. Draws equally many random numbers in every case."""
        rng, behaviour = self._opening_rng, self._behaviour
        start, kind, sign = rng.random(), rng.random(), rng.choice((-1.0, 1.0))
        size, blocks = rng.uniform(*behaviour.opening_bps) / BPS, rng.randint(*behaviour.opening_blocks)
        if self._opening is not None:
            distance = max(abs(price / fair(name, bar) - 1) for name, price in self._opening.prices.items())
            if self._bar < self._opening.closes_at and distance < _STALE:
                return False
            self._opening = None
            return False
        if behaviour.opening_every <= 0 or start >= 1 / behaviour.opening_every:
            return False
        if kind < 0.2:
            strays = {_PAIR[0]: sign * size}
        elif kind < 0.4:
            strays = {_PAIR[1]: sign * size}
        else:
            first, second = _PAIR if kind < 0.7 else _TRIANGLE
            strays = {first: sign * size, second: -sign * size}
        prices = {name: fair(name, bar) * (1 + stray) for name, stray in strays.items()}
        self._opening = Opening(strays, prices, self._bar + blocks)
        return True
