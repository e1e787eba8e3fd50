"""models/split.toml: the days, seeds and pools that teach the student, and those that judge it."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

from sentinel.core.errors import OperatorError
from sentinel.core.host.places import FILES
from sentinel.core.network import Network

SPLIT_FILE = FILES / "models" / "split.toml"
BARS_A_DAY = 1440


@dataclass(frozen=True, slots=True)
class SplitSegment:
    """One new chain, which replays the bars of `day` from minute `start` on."""

    day: str
    start: int
    seed: int

    @property
    def seed_text(self) -> str:
        """Seeds the draw of the segment's states. Never change it: the published states were drawn with this text."""
        return f"Segment(day={self.day!r}, start={self.start}, seed={self.seed})"


@dataclass(frozen=True, slots=True)
class SplitPart:
    """One part of the split."""

    name: str  # "train" | "dev" | "heldout"
    days: tuple[str, ...]
    seeds: tuple[int, int]  # first and last
    pools: frozenset[str]

    def segments(self, bars: int, seed: int = 0) -> Iterator[SplitSegment]:
        """Yield one segment per seed of the part, in an order that `seed` determines."""
        draw = Random(f"{self.name}/{seed}")
        first, last = self.seeds
        order = list(range(first, last + 1))
        draw.shuffle(order)
        for chosen in order:
            yield SplitSegment(draw.choice(self.days), draw.randrange(0, BARS_A_DAY - bars), chosen)

    def restrict(self, network: Network) -> Network:
        """The network with only the pools of this part."""
        return replace(network, pools={name: pool for name, pool in network.pools.items() if name in self.pools})


def load(name: str, path: Path = SPLIT_FILE) -> SplitPart:
    """The part `name` of the split. Raises OperatorError if there is none."""
    body = tomllib.loads(path.read_text(encoding="utf-8"))
    if name not in body:
        raise OperatorError(f"{path} has no part {name!r}; it has {', '.join(body)}")
    part = body[name]
    return SplitPart(name, tuple(part["days"]), (part["seeds"][0], part["seeds"][1]), frozenset(part["pools"]))
