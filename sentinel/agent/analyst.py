"""The slow loop's seat. In this slice the view comes from settings, and says so."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sentinel.types import MarketState, MarketView, Symbol


@dataclass(frozen=True, slots=True)
class SettingsAnalyst:
    target_weights: Mapping[Symbol, int]  # bps of equity, summing to 10,000

    def view(self, state: MarketState) -> MarketView:
        """Valid for the state's own block: it is asked anew at each."""
        return MarketView(
            target_weights=self.target_weights,
            regime="unknown",
            confidence=1.0,
            valid_until=state.head.number,
            source="settings",
        )
