"""Reads of a V3 pool's state: price, liquidity, and all initialised ticks in a window around the price."""

from __future__ import annotations

from collections.abc import Generator, Sequence

from sentinel.chain.multicall import Read
from sentinel.core.errors import QuoteError
from sentinel.core.market_state import V3State
from sentinel.core.network import Pool
from sentinel.dex.venues.tick_math import MAX_TICK, MIN_TICK

SLOT0 = bytes.fromhex("3850c7bd")
LIQUIDITY = bytes.fromhex("1a686502")
TICK_BITMAP = bytes.fromhex("5339c296")
TICKS = bytes.fromhex("f30dba93")

REACH = 2560  # minimum ticks on each side of the window, a factor of 1.29 in price

Replies = Sequence[bytes | None]
Rounds = Generator[Sequence[Read], Replies, V3State]


def read(pool: Pool, hint: V3State | None) -> Rounds:
    """Read the state: one round if `hint` has all initialised ticks, else two or three.

    `liquidity_net` of known ticks is read each time because it changes with every new position.
    """
    words = _window(pool, hint.tick) if hint is not None else range(0)
    known = [tick for tick, _ in hint.ticks] if hint is not None else []
    scalars: list[Read] = [(pool.address, SLOT0), (pool.address, LIQUIDITY)]
    replies = yield [*scalars, *_word_reads(pool, words), *_tick_reads(pool, known)]
    slot0, liquidity = _returned(pool, replies[0], 64), _returned(pool, replies[1], 32)
    price, tick = int.from_bytes(slot0[:32]), int.from_bytes(slot0[32:64], signed=True)
    if price == 0:
        raise QuoteError(f"{pool.name}: the pool has no price yet")
    if not MIN_TICK <= tick <= MAX_TICK:
        raise QuoteError(f"{pool.name}: no V3 pool stands at tick {tick:.3g}")
    bitmap = _words(pool, words, replies[2:])
    nets = _nets(pool, known, replies[2 + len(words) :])

    window = _window(pool, tick)
    if missing_words := [word for word in window if word not in bitmap]:
        replies = yield _word_reads(pool, missing_words)
        bitmap.update(_words(pool, missing_words, replies))
    initialised = [at for word in window for at in _set_ticks(word, bitmap[word], pool.tick_spacing)]
    if missing_ticks := [at for at in initialised if at not in nets]:
        replies = yield _tick_reads(pool, missing_ticks)
        nets.update(_nets(pool, missing_ticks, replies))

    return V3State(
        sqrt_price_x96=price,
        tick=tick,
        liquidity=int.from_bytes(liquidity[:32]),
        ticks=tuple((at, nets[at]) for at in initialised),
        tick_low=max(MIN_TICK, window[0] * 256 * pool.tick_spacing),
        tick_high=min(MAX_TICK, (window[-1] * 256 + 255) * pool.tick_spacing),
    )


def _window(pool: Pool, tick: int) -> range:
    """The indices of the bitmap words around `tick`, within the pool's range."""
    word = (tick // pool.tick_spacing) >> 8
    radius = -(-REACH // (256 * pool.tick_spacing))
    lowest, highest = (MIN_TICK // pool.tick_spacing) >> 8, (MAX_TICK // pool.tick_spacing) >> 8
    return range(max(lowest, word - radius), min(highest, word + radius) + 1)


def _set_ticks(word: int, bits: int, spacing: int) -> list[int]:
    """The ticks of the set bits in one bitmap word."""
    ticks = []
    while bits:
        lowest = bits & -bits
        ticks.append(((word << 8) + lowest.bit_length() - 1) * spacing)
        bits ^= lowest
    return ticks


def _word_reads(pool: Pool, words: Sequence[int]) -> list[Read]:
    return [(pool.address, TICK_BITMAP + word.to_bytes(32, signed=True)) for word in words]


def _tick_reads(pool: Pool, ticks: Sequence[int]) -> list[Read]:
    return [(pool.address, TICKS + tick.to_bytes(32, signed=True)) for tick in ticks]


def _words(pool: Pool, words: Sequence[int], replies: Replies) -> dict[int, int]:
    return {word: int.from_bytes(_returned(pool, reply, 32)[:32]) for word, reply in zip(words, replies, strict=False)}


def _nets(pool: Pool, ticks: Sequence[int], replies: Replies) -> dict[int, int]:
    """liquidity_net by tick. It is the second word that ticks() returns."""
    return {
        tick: int.from_bytes(_returned(pool, reply, 64)[32:64], signed=True)
        for tick, reply in zip(ticks, replies, strict=False)
    }


def _returned(pool: Pool, reply: bytes | None, size: int) -> bytes:
    if reply is None or len(reply) < size:
        raise QuoteError(f"{pool.name}: {pool.address} does not answer as a V3 pool")
    return reply
