"""What is asked of the trader in a training or test state: balances and a mandate, drawn by a seed.

The mandate's thresholds are drawn around what the market just did, so that acting and holding are both common.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
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


def draw_scenario(draw: Random, state: MarketState, network: Network, cycle_profit: Mapping[Symbol, float]) -> Scenario:
    """`cycle_profit`: the best closed cycle's net profit through each base token now, quote tokens."""
    bases = [symbol for symbol in network.tokens if symbol != network.quote]
    playbook = draw.choice(PLAYBOOKS)
    base = draw.choice([b for b in bases if b in cycle_profit] if playbook == "arbitrage" else bases)
    bars = draw.randint(2, 60)
    closes = state.history[base][-bars:]
    move = abs(closes[-1] / closes[0] - 1)
    least: float = draw.choice([draw.randint(1, 50), round(draw.uniform(0.5, 50), 1)])
    if playbook == "arbitrage":
        least = max(0.5, round(max(cycle_profit[base], 3.0) * draw.uniform(0.2, 1.6), 1))
    target = draw.randint(1, 99) * draw.choice([100, 50])
    mandate = Mandate(
        playbook=playbook,
        base=base,
        band=max(0.001, round(0.002 * 60 ** draw.random(), draw.choice([2, 3, 3]))),
        bars=bars,
        threshold=max(0.0001, round(max(move, 0.0005) * draw.uniform(0.2, 1.8), draw.choice([3, 4, 4, 5]))),
        size=draw.choice([100 * draw.randint(1, 40), draw.randint(20, 4000), round(draw.uniform(20, 4000), 1)]),
        least=least,
    )
    weights = {base: target, network.quote: BPS - target}
    return Scenario(mandate, MarketView(weights, "", 1.0, state.head.number, "settings"))
