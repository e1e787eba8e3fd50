"""The crowd's targets for each bar: pool prices, base fee and occasional openings. Pure and seeded.

Nothing here depends on what anybody else does on the chain, so two runs under one seed want the same.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from dataclasses import dataclass

from sentinel.core.units import BPS, GWEI, PIPS
from sentinel.market.contracts import POOLS
from sentinel.market.price_path import Bar

_PAIR = ("WETH/USDC-v2", "WETH/USDC-v3-3000")  # these stray; the deepest pool leads the price and never does
_TRIANGLE = ("WBTC/USDC-v3-3000", "WBTC/WETH-v3-3000")
_STALE = 0.0098  # an opening that has drifted this far from the price is closed at once


@dataclass(frozen=True, slots=True)
class CrowdBehaviour:
    """Ratios are of the price, in bps; blocks are bars."""

    tip: int = GWEI // 10  # wei per gas, of the crowd's transactions
    ahead: float = 0.0  # share of blocks in which the crowd trades before everybody else; else it trades after them
    noise: float = 0.5  # share of a pool's fee that its price may stand off the replayed one
    opening_every: float = 15.0  # blocks from the end of one opening to the next, on average; 0: never
    opening_bps: tuple[float, float] = (60.0, 92.0)  # how far a pool strays, least and most
    opening_blocks: tuple[int, int] = (2, 5)  # how long it stays so if nobody closes it
    base_fee: tuple[int, int] = (5 * GWEI, 60 * GWEI)  # wei per gas


@dataclass(frozen=True, slots=True)
class Opening:
    """Pools that stand off the price on purpose: `strays` is the relative distance by pool."""

    strays: Mapping[str, float]
    prices: Mapping[str, float]  # what they were put to; the crowd then leaves them alone
    closes_at: int  # bar


@dataclass(frozen=True, slots=True)
class BarTarget:
    """One bar's targets. A pool that is absent is left alone."""

    bar: Bar
    pools: Mapping[str, float]  # price of the first token in the second, whole tokens
    base_fee: int  # wei per gas
    ahead: bool
    opening: Opening | None


def fair(pool: str, bar: Bar) -> float:
    """The price of the pool's first named token in its second one, whole tokens."""
    usd = {"WETH": bar.weth, "WBTC": bar.wbtc, "USDC": 1.0}
    first, second = pool.split("-")[0].split("/")
    return usd[first] / usd[second]


class Crowd:
    def __init__(self, seed: int, behaviour: CrowdBehaviour) -> None:
        self._behaviour = behaviour
        noise = random.Random(f"noise {seed}")  # V4 draws apart, so that the other pools' paths are as they were
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

    def next(self, bar: Bar) -> BarTarget:
        """What the crowd makes of the next bar."""
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
        """A walk between the bounds whose steps stay well under the protocol's 12.5 % a block."""
        low, high = self._behaviour.base_fee
        middle, step = math.log(low * high) / 2, self._fee_rng.uniform(-0.1, 0.1)
        self._log_fee += step - 0.01 * (self._log_fee - middle)
        self._log_fee = min(max(self._log_fee, math.log(low)), math.log(high))
        return min(max(round(math.exp(self._log_fee)), low), high)

    def _next_noise(self) -> dict[str, float]:
        """Each pool's relative distance from the price: it lingers, and stays inside a share of the pool's fee."""
        most = self._behaviour.noise
        for pool in POOLS:
            moved = 0.8 * self._noise[pool.name] + self._noise_rng[pool.name].uniform(-0.5, 0.5) * most
            self._noise[pool.name] = min(max(moved, -most), most)
        return {pool.name: self._noise[pool.name] * pool.fee_pips / PIPS for pool in POOLS}

    def _next_opening(self, bar: Bar) -> bool:
        """Close, keep or make an opening; True when one was just made. Draws the same numbers in every case."""
        rng, how = self._opening_rng, self._behaviour
        chance, kind, sign = rng.random(), rng.random(), rng.choice((-1.0, 1.0))
        size, blocks = rng.uniform(*how.opening_bps) / BPS, rng.randint(*how.opening_blocks)
        if self._opening is not None:
            drift = max(abs(price / fair(name, bar) - 1) for name, price in self._opening.prices.items())
            if self._bar < self._opening.closes_at and drift < _STALE:
                return False
            self._opening = None
            return False
        if how.opening_every <= 0 or chance >= 1 / how.opening_every:
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
