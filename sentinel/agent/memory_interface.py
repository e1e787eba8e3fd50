"""The interface of the agent's memory: past market windows, and its own confirmed trades.

A recollection belongs to one block and holds nothing from that block or later ones. It is not a read of the market.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from sentinel.core.market_state import MarketState
from sentinel.core.network import Symbol

MAX_ITEMS = 16  # maximum of one call

Item = Mapping[str, float | str]


class Recollection(Protocol):
    """The memory at one block. Equal calls get equal answers, from any thread. Raises nothing."""

    def similar(self, token: Symbol, k: int) -> Sequence[Item]:
        """Past windows, the most similar first: "return_after" (fraction), "distance", "age" (blocks)."""
        ...

    def recall(self, k: int) -> Sequence[Item]:
        """Own confirmed trades, newest first."""
        ...


class Memory(Protocol):
    def at(self, state: MarketState) -> Recollection:
        """What was known before the state's block. Returns at once, and the memory is read only on use."""
        ...


class EmptyMemory:
    """A memory that is always empty. It is also its own recollection at every block."""

    def at(self, state: MarketState) -> Recollection:
        return self

    def similar(self, token: Symbol, k: int) -> Sequence[Item]:
        return ()

    def recall(self, k: int) -> Sequence[Item]:
        return ()


EMPTY_MEMORY = EmptyMemory()
