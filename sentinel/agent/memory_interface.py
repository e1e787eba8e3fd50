"""What the agent may remember: past market windows, and its own decisions that were confirmed.

A recollection belongs to one block and holds nothing from that block or after it. It is no look at the market.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from sentinel.core.market_state import MarketState
from sentinel.core.network import Symbol

MAX_ITEMS = 16  # that one call may ask for

Item = Mapping[str, float | str]


class Recollection(Protocol):
    """Frozen: the same question gets the same answer, from any thread. Raises nothing."""

    def similar(self, token: Symbol, k: int) -> Sequence[Item]:
        """Past windows, the most similar first: "return_after" (fraction), "distance", "age" (blocks)."""
        ...

    def recall(self, k: int) -> Sequence[Item]:
        """Own confirmed decisions, newest first."""
        ...


class Memory(Protocol):
    def at(self, state: MarketState) -> Recollection:
        """What was known before the state's block. Costs next to nothing until it is asked something."""
        ...


class EmptyMemory:
    """A memory without anything in it, and its recollection at any block."""

    def at(self, state: MarketState) -> Recollection:
        return self

    def similar(self, token: Symbol, k: int) -> Sequence[Item]:
        return ()

    def recall(self, k: int) -> Sequence[Item]:
        return ()


EMPTY_MEMORY = EmptyMemory()
