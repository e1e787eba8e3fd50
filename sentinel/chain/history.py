"""The closes of the last blocks: one closing price per token and block."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sentinel.core.market_state import Head
from sentinel.core.network import HexHash, Symbol


@dataclass(frozen=True, slots=True)
class _Close:
    number: int
    hash: HexHash | None  # None if the block was not read and repeats the close before it
    prices: Mapping[Symbol, float]


@dataclass(slots=True)
class BlockCloses:
    """The closes of the last `bars` blocks, in quote tokens per whole token.

    `prior` holds closes from before the first block, oldest first.
    """

    bars: int
    prior: Mapping[Symbol, Sequence[float]] = field(default_factory=dict)
    _closes: deque[_Close] = field(default_factory=deque, init=False)

    def append(self, head: Head, prices: Mapping[Symbol, float]) -> None:
        """Add the close of `head`.

        Blocks from `head.number` on and a parent of another branch are removed. A missed block repeats the close before
        it.
        """
        self.rewind(head.number)
        parent = self._closes[-1] if self._closes else None
        if parent and parent.number == head.number - 1 and parent.hash not in (None, head.parent_hash):
            self._closes.pop()
        if self._closes:
            last = self._closes[-1]
            for number in range(max(last.number + 1, head.number - self.bars), head.number):
                self._closes.append(_Close(number, None, last.prices))
            prices = {**last.prices, **prices}
        self._closes.append(_Close(head.number, head.hash, dict(prices)))
        while len(self._closes) > self.bars:
            self._closes.popleft()

    def rewind(self, number: int) -> None:
        """Remove block `number` and all later blocks, because a reorg replaced them."""
        while self._closes and self._closes[-1].number >= number:
            self._closes.pop()

    def closes(self) -> dict[Symbol, tuple[float, ...]]:
        """The closes of each token, oldest first, at most `bars` of them. A token that was never priced is absent."""
        symbols = {symbol for close in self._closes for symbol in close.prices} | set(self.prior)
        return {symbol: self._of(symbol) for symbol in sorted(symbols)}

    def _of(self, symbol: Symbol) -> tuple[float, ...]:
        own = [close.prices[symbol] for close in self._closes if symbol in close.prices]
        missing = self.bars - len(own)
        before = list(self.prior.get(symbol, ()))[-missing:] if missing > 0 else []
        return (*before, *own)
