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
    """The memory at one block. Equal calls get equal answers, from any thread."""

    def similar(self, token: Symbol, k: int) -> Sequence[Item]:
        """Past windows, the most similar first: "return_after" (fraction), "distance", "age" (blocks)."""
        ...

    def recall(self, k: int) -> Sequence[Item]:
        """Own confirmed trades, newest first."""
        ...

    def last_trade(self) -> int | None:
        """Chain time of the block that the newest own trade was decided on, in Unix seconds; None if there is none.

        A trade counts if it was confirmed, or if its outcome is unknown. NOTE: unlike the others, it raises CodeFault
        if the memory cannot be read: a program that waits between trades must not take silence for `no trade yet`.
        """
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

    def last_trade(self) -> int | None:
        return None


EMPTY_MEMORY = EmptyMemory()
