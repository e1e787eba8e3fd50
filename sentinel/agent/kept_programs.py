"""A sampler that keeps the programs of an order, and has them sampled anew every so many blocks.

The messages hold nothing of the market, so samples are a pure function of model, messages, sampling and seed: asking
again at each block would give the same ones, or new ones by a new seed.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field

from sentinel.agent.episode import Message, Sampler
from sentinel.core.actions import Sample

SEEDS = 1_024  # seeds of one block, more than are sampled at any


@dataclass(slots=True)
class KeptPrograms:
    """`every` 1 asks the sampler at each block. Nothing is kept of a request that fails."""

    sampler: Sampler
    every: int  # blocks from one sampling to the next
    sampled_at: int | None = None  # block number
    _samples: dict[Hashable, tuple[Sample, ...]] = field(default_factory=dict)
    _source: str = ""  # of the samples kept

    @property
    def source(self) -> str:
        return self.sampler.source

    def at(self, block: int) -> None:
        """Begin a block: what was kept for longer than `every` blocks, or comes from another model, is dropped."""
        begun = self.sampled_at
        if begun is None or not begun <= block < begun + self.every or self._source != self.sampler.source:
            self.sampled_at, self._source = block, ""
            self._samples.clear()

    async def sample(self, messages: Sequence[Message], n: int, prefill: str, *, after: int = 0) -> list[Sample]:
        """As the sampler, which is asked with new seeds at each sampling. `at` must have been called."""
        if self.sampled_at is None:
            raise RuntimeError("no block has begun")
        key = (tuple(tuple(sorted(message.items())) for message in messages), n, prefill, after)
        if key not in self._samples:
            drawn = await self.sampler.sample(messages, n, prefill, after=self.sampled_at * SEEDS + after)
            self._samples[key], self._source = tuple(drawn), self.sampler.source
        return [*self._samples[key]]
