"""Scenarios for training and test states: balances and a mandate, drawn by a seed.

The mandate's thresholds are drawn around the market's latest move, so that acting and holding are both common.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from random import Random

from sentinel.core.mandate import Mandate
from sentinel.core.market_state import MarketState, MarketView, Regime
from sentinel.core.network import Network, Symbol
from sentinel.core.units import BPS
from sentinel.distill.states.action_value import EDGE

CYCLES = ("arbitrage", "triangle")  # they act only if the market has an opening
COSTS = 0.004  # max share of a trade: highest pool fee, slippage, and a pool price away from the reference


@dataclass(frozen=True, slots=True)
class Scenario:
    """What the trader is asked in one state."""

    mandate: Mandate
    view: MarketView


def draw_balances(draw: Random, network: Network, prices: Mapping[Symbol, float]) -> dict[Symbol, int]:
    """Balances in base units: an equity of 2,000 to 40,000 quote tokens, split over the tokens at random."""
    equity = round(2_000 * 20 ** draw.random())
    shares = {symbol: draw.random() ** 2 for symbol in network.tokens}
    total = sum(shares.values())
    return {
        symbol: int(equity * shares[symbol] / total / prices[symbol] * 10**token.decimals)
        for symbol, token in network.tokens.items()
    }


@dataclass(frozen=True, slots=True)
class Scene:
    """The facts that a mandate is drawn around. Amounts are quote tokens."""

    state: MarketState
    base: Symbol
    weight: float  # share of equity that the base token has now
    equity: float
    gas: float  # cost of a plain swap
    profits: Mapping[str, float]  # playbook of CYCLES -> best net profit with this base token; 0 if no cycle pays
    lookback: int  # max bars that a mandate may look back


def draw_scenario(draw: Random, network: Network, scenes: Mapping[Symbol, Scene]) -> Scenario:
    """Draw a scenario. `scenes` are keyed by base token."""
    base = draw.choice([*scenes])
    playbook = draw.choice([*MAKERS])
    paying = {name: [symbol for symbol in scenes if scenes[symbol].profits[name] > 0] for name in CYCLES}
    if any(paying.values()) and draw.random() < 0.75:  # paying cycles are rare and teach much
        playbook = draw.choice([name for name in CYCLES if paying[name]])
        base = draw.choice(paying[playbook])
    scene = scenes[base]
    mandate, target = MAKERS[playbook](draw, scene, _blank(draw, playbook, scene))
    view = MarketView(
        {base: target, network.quote: BPS - target}, Regime.NONE, 1.0, scene.state.head.number, "settings"
    )
    return Scenario(mandate, view)


def _rebalance(draw: Random, scene: Scene, mandate: Mandate) -> tuple[Mandate, int]:
    """Half of the targets are about one band away from the wallet's weight."""
    band = _band(draw)
    target = draw.randint(1, 99) / 100
    if draw.random() < 0.5:
        target = _share(scene.weight + band * draw.uniform(-1.6, 1.6), draw)
    return replace(mandate, band=band), round(target * BPS)


def _momentum(draw: Random, scene: Scene, mandate: Mandate) -> tuple[Mandate, int]:
    bars = draw.randint(2, scene.lookback)
    closes = scene.state.history[scene.base][-bars:]
    threshold = _threshold(draw, closes[-1] / closes[0] - 1)
    return replace(mandate, bars=bars, threshold=threshold), BPS // 2


def _mean_reversion(draw: Random, scene: Scene, mandate: Mandate) -> tuple[Mandate, int]:
    bars = draw.randint(2, scene.lookback)
    closes = scene.state.history[scene.base][-bars:]
    threshold = _threshold(draw, closes[-1] / (sum(closes) / len(closes)) - 1)
    return replace(mandate, bars=bars, threshold=threshold), BPS // 2


def _reduce_risk(draw: Random, scene: Scene, mandate: Mandate) -> tuple[Mandate, int]:
    """Most targets are below the wallet's weight, half of those by less than the band, so that the fall decides."""
    bars, band = draw.randint(2, scene.lookback), round(0.02 * math.pow(20, draw.random()), draw.choice([2, 3]))
    closes = scene.state.history[scene.base][-bars:]
    threshold = _threshold(draw, 1 - closes[-1] / max(closes))
    target = _share(scene.weight - band * draw.uniform(-0.2, 1.8), draw)
    if draw.random() < 0.4:
        target = _share(scene.weight * draw.random(), draw)
    return replace(mandate, band=band, bars=bars, threshold=threshold), round(target * BPS)


def _slice(draw: Random, scene: Scene, mandate: Mandate) -> tuple[Mandate, int]:
    """At six of ten blocks a slice is due. Half of all mandates have a min trade near the size of a slice."""
    every = draw.randint(1, 20) if draw.random() < 0.2 else round(math.exp(math.log(5e6) * draw.random() ** 2))
    remaining_slices = draw.randint(0, 12)
    until = scene.state.head.number + remaining_slices * every
    target = draw.randint(1, 99) / 100
    kind = draw.random()
    if kind < 0.1:
        until = max(1, scene.state.head.number - draw.randint(1, 30))
    elif kind < 0.4:
        every = max(2, every)
        until = scene.state.head.number + remaining_slices * every + draw.randint(1, every - 1)
    part = abs(scene.weight - target) * scene.equity / (remaining_slices + 1)
    min_trade = max(mandate.least, round(part * draw.uniform(0.5, 1.4), 1)) if draw.random() < 0.5 else mandate.least
    return replace(mandate, until=until, every=every, least=min_trade), round(target * BPS)


def _cycle(draw: Random, scene: Scene, mandate: Mandate) -> tuple[Mandate, int]:
    size = draw.choice([100 * draw.randint(10, 50), draw.randint(1000, 5000), round(draw.uniform(1000, 5000), 1)])
    min_profit = max(0.5, round(max(scene.profits[mandate.playbook], 3.0) * draw.uniform(0.1, 1.5), 1))
    return replace(mandate, size=size, least=min_profit), BPS // 2


MAKERS: dict[str, Callable[[Random, Scene, Mandate], tuple[Mandate, int]]] = {
    "rebalance": _rebalance,
    "momentum": _momentum,
    "arbitrage": _cycle,
    "triangle": _cycle,
    "mean_reversion": _mean_reversion,
    "reduce_risk": _reduce_risk,
    "slice": _slice,
}


def _band(draw: Random) -> float:
    return max(0.001, round(0.002 * math.pow(60, draw.random()), draw.choice([2, 3, 3])))


def _share(wanted: float, draw: Random) -> float:
    return min(0.99, max(0.01, round(wanted, draw.choice([2, 3]))))


def _threshold(draw: Random, move: float) -> float:
    """A threshold near `move`, the market's latest move."""
    return max(0.0001, round(max(abs(move), 0.0005) * draw.uniform(0.2, 1.8), draw.choice([4, 4, 5])))


def _blank(draw: Random, playbook: str, scene: Scene) -> Mandate:
    """A mandate with sizes as an operator would write them; parameters of other playbooks have their defaults.

    The min trade is so large that the goal pays for the gas of every trade.
    """
    min_for_gas = math.ceil(scene.gas / (EDGE - COSTS))
    min_trade = max(min_for_gas, draw.choice([draw.randint(1, 50), round(draw.uniform(0.5, 50), 1)]))
    size = draw.choice([100 * draw.randint(1, 40), draw.randint(20, 4000), round(draw.uniform(20, 4000), 1)])
    return Mandate(
        playbook=playbook,
        base=scene.base,
        band=0.02,
        bars=20,
        threshold=0.004,
        size=size + min_trade if size < min_trade and draw.random() < 0.8 else size,
        least=min_trade,
    )
