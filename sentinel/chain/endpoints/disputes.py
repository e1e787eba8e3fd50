"""Detection of endpoints that lag, and of endpoints that disagree on a block, and for how long. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sentinel.core.network import HexHash

Shown = Mapping[str, tuple[int, HexHash]]  # endpoint -> (number, hash) of a block that it shows


def best(numbers: Collection[int]) -> int:
    """The newest block number. Of three or more endpoints the second highest: one alone cannot outrun the others."""
    ranked = sorted(numbers, reverse=True)
    return ranked[1] if len(ranked) > 2 else ranked[0]


def behind(heads: Mapping[int, int], lag: int) -> set[int]:
    """Endpoints whose head is `lag` blocks or more below the best."""
    top = best(heads.values())
    return {endpoint for endpoint, number in heads.items() if number <= top - lag}


def disagreement(shown: Shown) -> str | None:
    """Two endpoints with different blocks of one number, in words; None where there are none."""
    at: defaultdict[int, defaultdict[HexHash, list[str]]] = defaultdict(lambda: defaultdict(list))
    for endpoint, (number, block) in shown.items():
        at[number][block].append(endpoint)
    for number in sorted(at):
        if len(at[number]) > 1:
            sides = "; ".join(f"{', '.join(names)}: {block}" for block, names in sorted(at[number].items()))
            return f"block {number} is not the same everywhere: {sides}"
    return None


@dataclass(slots=True)
class Dispute:
    """A disagreement that lasts. Short ones are a block on its way, or a reorg on its way."""

    after: float  # seconds
    _why: str | None = None
    _since: float = 0.0

    def seen(self, why: str | None, now: float) -> None:
        if why is not None and self._why is None:
            self._since = now
        self._why = why

    def standing(self, now: float) -> str | None:
        """Why nothing may be decided (I11); None where endpoints agree, or may soon."""
        return self._why if self._why is not None and now - self._since >= self.after else None
