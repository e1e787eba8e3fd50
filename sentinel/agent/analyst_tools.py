"""The tools of an analyst's code: all reads of the trader, `lean`, and `view` as the only final action.

A view's types and sum are checked here; its weights are bounded outside the model (view_bounds.py). Raises CodeFault.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sentinel.agent.tool_arguments import checked_tool, shown
from sentinel.agent.tools import Toolbox
from sentinel.core.actions import View
from sentinel.core.errors import CodeFault
from sentinel.core.market_state import Regime
from sentinel.core.network import Symbol
from sentinel.core.units import BPS

# By regime, the wanted share of a token in bps of its target weight. The operator's target weights are the middle.
REGIMES: Mapping[Regime, int] = {
    Regime.UP: 12_000,
    Regime.RANGE: BPS,
    Regime.DOWN: 6_000,
    Regime.STRESS: 2_000,
    Regime.THIN: BPS,
}
ROUNDING = 0.001  # maximum distance from 1 of the sum of a model's weights


@dataclass(frozen=True)  # without slots: cached_property needs a dict
class AnalystToolbox:
    """The tools at one block. The toolbox's view holds the operator's target weights."""

    box: Toolbox

    def lean(self, token: Symbol, regime: str) -> dict[str, float]:
        """All standing shares, with `token` leaned as the regime asks; the quote token takes the difference."""
        symbol, quote, tilt = self._token(token), self.box.network.quote, REGIMES[self._regime(regime)]
        if symbol == quote:
            raise CodeFault(f"{quote} takes the difference, it is not leaned")
        shares = dict(self.box.view.target_weights)
        pair = shares.get(symbol, 0) + shares.get(quote, 0)
        shares[symbol] = min(pair, shares.get(symbol, 0) * tilt // BPS)
        shares[quote] = pair - shares[symbol]
        return {name: share / BPS for name, share in shares.items()}

    def view(self, weights: dict[str, float], regime: str, confidence: float) -> View:
        """The shares of equity that the portfolio should have, 0 to 1, summing to 1; a token not named keeps its
        standing share. `regime`: up, range, down, stress or thin; `confidence`: 0 to 1."""
        if not isinstance(weights, dict) or not weights:
            raise CodeFault("weights are shares by token")
        wanted = {name: share / BPS for name, share in self.box.view.target_weights.items()}
        wanted |= {self._token(name): _share(share, "a weight") for name, share in weights.items()}
        if abs(math.fsum(wanted.values()) - 1) > ROUNDING:
            raise CodeFault(f"the weights sum to {math.fsum(wanted.values()):.4g}, not to 1")
        return View("a view", _in_bps(wanted), self._regime(regime), _share(confidence, "confidence"))

    # ------------------------------------------------------------ the sandbox's interface

    @functools.cached_property
    def reads(self) -> Mapping[str, Callable[..., object]]:
        return {**self.box.reads, "lean": checked_tool(self.lean)}

    @functools.cached_property
    def finals(self) -> Mapping[str, Callable[..., View]]:
        return {"view": checked_tool(self.view)}

    @property
    def fresh(self) -> frozenset[str]:
        return self.box.fresh

    # ------------------------------------------------------------ arguments

    def _token(self, symbol: object) -> Symbol:
        if isinstance(symbol, str) and symbol in self.box.network.tokens:
            return symbol
        raise CodeFault(f"unknown token {shown(symbol)}; known are {', '.join(sorted(self.box.network.tokens))}")

    def _regime(self, regime: object) -> Regime:
        if isinstance(regime, str) and regime in REGIMES:
            return Regime(regime)
        raise CodeFault(f"unknown regime {shown(regime)}; known are {', '.join(REGIMES)}")


def _share(value: object, what: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:  # NaN compares false
        raise CodeFault(f"{what} is a number from 0 to 1")
    return float(value)


def _in_bps(shares: Mapping[Symbol, float]) -> dict[Symbol, int]:
    """The shares in bps, rounded to sum to 10,000: all are rounded down, then the largest remainders get one more."""
    total = math.fsum(shares.values())
    exact = {name: share / total * BPS for name, share in shares.items()}
    rounded = {name: math.floor(share + 1e-6) for name, share in exact.items()}
    by_remainder = sorted(rounded, key=lambda name: (rounded[name] - exact[name], name))
    for name in by_remainder[: BPS - sum(rounded.values())]:
        rounded[name] += 1
    return rounded
