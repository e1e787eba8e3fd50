"""Today's loss and volume."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Spent:
    """Today's totals (UTC day) from the journal, in base units of the quote token."""

    loss: int  # sum of the losses of the trades that lost, gas included; gains are not subtracted
    volume: int  # gross input, open intents included
