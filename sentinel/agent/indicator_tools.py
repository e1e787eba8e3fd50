"""The indicators as tools, computed from the same closes that the tool `prices` returns."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sentinel.agent.tool_arguments import parse_count, rounded
from sentinel.core import indicators
from sentinel.core.network import Symbol

KNOWN = 1_000_000  # bars; no history is longer
MAX_RETURNS = 100  # numbers in one answer


@dataclass(frozen=True, slots=True)
class IndicatorTools:
    """Each method is a tool. All raise CodeFault for wrong arguments; `prices` raises it for a wrong token."""

    prices: Callable[[Symbol, int], Sequence[float]]  # the last `bars` closes of a token, oldest first, at least one

    def returns(self, token: Symbol, bars: int = 1) -> list[float]:
        """The last `bars` changes from close to close, fractions, oldest first; fewer where fewer are known."""
        bars = parse_count(bars, "bars", MAX_RETURNS)
        return [rounded(change, 6) for change in indicators.returns(self.prices(token, bars + 1), bars)]

    def volatility(self, token: Symbol, bars: int = 20) -> float:
        """Standard deviation of the last `bars` log returns, per bar; 0 where fewer than two are known."""
        return self._measured(indicators.volatility, token, bars)

    def sma(self, token: Symbol, bars: int = 20) -> float:
        """Mean of the last `bars` closes, quote tokens."""
        return self._measured(indicators.sma, token, bars)

    def ema(self, token: Symbol, bars: int = 20) -> float:
        """Exponential average of span `bars` over all known closes, quote tokens."""
        return self._measured(indicators.ema, token, bars)

    def rsi(self, token: Symbol, bars: int = 14) -> float:
        """Wilder's relative strength index over all known closes, 0 to 100; 50 where nothing moved."""
        return self._measured(indicators.rsi, token, bars)

    def drawdown(self, token: Symbol, bars: int = 20) -> float:
        """How far the price is below the highest of the last `bars` closes, a fraction."""
        return self._measured(indicators.drawdown, token, bars)

    def twap(self, token: Symbol, bars: int = 20) -> float:
        """Time-weighted (geometric) average price of the last `bars` bars, quote tokens."""
        return self._measured(indicators.twap, token, bars)

    @property
    def tools(self) -> list[Callable[..., object]]:
        return [self.returns, self.volatility, self.sma, self.ema, self.rsi, self.drawdown, self.twap]

    def _measured(self, measure: Callable[[Sequence[float], int], float], token: Symbol, bars: object) -> float:
        bars = min(parse_count(bars, "bars"), KNOWN)
        return rounded(measure(self.prices(token, KNOWN), bars), 7)
