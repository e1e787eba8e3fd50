"""What is asked of the trader in a training or test state: balances and a mandate, drawn by a seed.

The mandate's thresholds are drawn around what the market just did, so that acting and holding are both common.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from random import Random

from sentinel.types import BPS, Mandate, MarketState, MarketView, Network, Symbol

PLAYBOOKS = ("rebalance", "momentum", "arbitrage")


@dataclass(frozen=True, slots=True)
class Scenario:
    mandate: Mandate
    view: MarketView


def draw_balances(draw: Random, network: Network, prices: Mapping[Symbol, float]) -> dict[Symbol, int]:
    """Base units of each token: an equity of 2,000 to 40,000 quote tokens, split at random."""
    equity = round(2_000 * 20 ** draw.random())
    shares = {symbol: draw.random() ** 2 for symbol in network.tokens}
    total = sum(shares.values())
    return {
        symbol: int(equity * shares[symbol] / total / prices[symbol] * 10**token.decimals)
        for symbol, token in network.tokens.items()
    }


def draw_scenario(
    draw: Random, state: MarketState, network: Network, weights: Mapping[Symbol, float], profits: Mapping[Symbol, float]
) -> Scenario:
    """`weights`: each token's share of equity now; `profits`: the best cycle's net profit through each base token."""
    bases = [symbol for symbol in network.tokens if symbol != network.quote]
    base = draw.choice(bases)
    playbook = draw.choice(PLAYBOOKS)
    if max(profits.values()) > 0 and draw.random() < 0.5:  # rare, and there is much to learn from them
        playbook, base = "arbitrage", max(profits, key=lambda symbol: (profits[symbol], symbol))
    make = {"rebalance": _rebalance, "momentum": _momentum, "arbitrage": _arbitrage}[playbook]
    mandate, target = make(draw, state, base, weights[base], profits[base])
    return Scenario(
        mandate, MarketView({base: target, network.quote: BPS - target}, "", 1.0, state.head.number, "settings")
    )


def _rebalance(draw: Random, state: MarketState, base: Symbol, weight: float, _: float) -> tuple[Mandate, int]:
    """Half of the targets are about a band away from where the wallet is."""
    band = max(0.001, round(0.002 * 60 ** draw.random(), draw.choice([2, 3, 3])))
    target = draw.randint(1, 99) / 100
    if draw.random() < 0.5:
        target = min(0.99, max(0.01, round(weight + band * draw.uniform(-1.6, 1.6), draw.choice([2, 3]))))
    return replace(_blank(draw, "rebalance", base), band=band), round(target * BPS)


def _momentum(draw: Random, state: MarketState, base: Symbol, _: float, __: float) -> tuple[Mandate, int]:
    bars = draw.randint(2, 60)
    closes = state.history[base][-bars:]
    move = abs(closes[-1] / closes[0] - 1)
    threshold = max(0.0001, round(max(move, 0.0005) * draw.uniform(0.2, 1.8), draw.choice([4, 4, 5])))
    return replace(_blank(draw, "momentum", base), bars=bars, threshold=threshold), BPS // 2


def _arbitrage(draw: Random, state: MarketState, base: Symbol, _: float, profit: float) -> tuple[Mandate, int]:
    mandate = _blank(draw, "arbitrage", base)
    size = draw.choice([100 * draw.randint(10, 50), draw.randint(1000, 5000), round(draw.uniform(1000, 5000), 1)])
    least = max(0.5, round(max(profit, 3.0) * draw.uniform(0.1, 1.5), 1))
    return replace(mandate, size=size, least=least), BPS // 2


def _blank(draw: Random, playbook: str, base: Symbol) -> Mandate:
    """Sizes and least amounts as an operator would write them; the knobs of other playbooks stand at their defaults."""
    return Mandate(
        playbook=playbook,
        base=base,
        band=0.02,
        bars=20,
        threshold=0.004,
        size=draw.choice([100 * draw.randint(1, 40), draw.randint(20, 4000), round(draw.uniform(20, 4000), 1)]),
        least=draw.choice([draw.randint(1, 50), round(draw.uniform(0.5, 50), 1)]),
    )
