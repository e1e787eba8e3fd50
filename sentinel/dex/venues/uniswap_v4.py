"""Uniswap V4 without hooks: V3's arithmetic, one PoolManager for all pools, and an extra protocol fee.

The PoolManager exposes its storage by `extsload`. So a pool is read with V3's reader, and each of its calls becomes a
read of the storage slot that holds the value.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import replace
from functools import lru_cache

from eth_utils.crypto import keccak

from sentinel.chain.multicall import Read
from sentinel.core.abi import encode
from sentinel.core.errors import ActionFault, QuoteError
from sentinel.core.market_state import PoolState, V3State, V4State
from sentinel.core.network import Pool, Symbol
from sentinel.core.units import PIPS
from sentinel.dex.venues import uniswap_v3_reads as v3_reads
from sentinel.dex.venues.router_leg import RouterLeg
from sentinel.dex.venues.uniswap_v3 import UniswapV3

EXTSLOAD = bytes.fromhex("1e2eaeaf")  # extsload(bytes32 slot)
MAX_AMOUNT = (1 << 127) - 1  # balances change by int128

V4_SWAP = 0x10
_ACTIONS = bytes((0x0B, 0x06, 0x0E))  # SETTLE the input, SWAP_EXACT_IN_SINGLE all of it, TAKE the whole output
_INPUT = ("bytes", "bytes[]")
_SETTLE = ("address", "uint256", "bool")
_SWAP = ("((address,address,uint24,int24,address),bool,uint128,uint128,bytes)",)
_TAKE = ("address", "address", "uint256")
_OPEN_DELTA = 0  # as an amount: the whole open balance
_MOST_OUT = (1 << 128) - 1
_NO_HOOKS = "0x" + "00" * 20

# The slot of the PoolManager's mapping of pools, and offsets from a pool's first slot.
_POOLS, _LIQUIDITY, _TICKS, _BITMAP = 6, 3, 4, 5


class UniswapV4:
    """Venue. See sentinel.dex.venues.registry for the contract of each method."""

    gas = 76_000

    def __init__(self) -> None:
        self._v3 = UniswapV3()

    def quote_in(self, pool: Pool, state: PoolState, token_in: Symbol, amount_in: int) -> int:
        return self._v3.quote_in(_priced(pool, state, token_in), state, token_in, _fitting(pool, amount_in))

    def quote_out(self, pool: Pool, state: PoolState, token_in: Symbol, amount_out: int) -> int:
        priced = _priced(pool, state, token_in)
        return _fitting(pool, self._v3.quote_out(priced, state, token_in, _fitting(pool, amount_out)))

    def swap(self, pool: Pool, state: PoolState, token_in: Symbol, amount_in: int) -> tuple[int, PoolState]:
        priced, before = _priced(pool, state, token_in), _v4(pool, state)
        out, after = self._v3.swap(priced, state, token_in, _fitting(pool, amount_in))
        assert isinstance(after, V3State)
        moved = replace(before, sqrt_price_x96=after.sqrt_price_x96, tick=after.tick, liquidity=after.liquidity)
        return out, moved

    def marginal(self, pool: Pool, state: PoolState, token_in: Symbol, amount_in: int) -> tuple[int, int]:
        return self._v3.marginal(_priced(pool, state, token_in), state, token_in, amount_in)

    def reserves(self, pool: Pool, state: PoolState) -> tuple[float, float]:
        return self._v3.reserves(pool, _v4(pool, state))

    def command(self, pool: Pool, leg: RouterLeg) -> tuple[int, bytes]:
        if leg.min_out > _MOST_OUT:
            raise ActionFault("the least output is more than a pool can hold")
        zero_for_one = int(leg.token_in, 16) < int(leg.token_out, 16)
        pair = (leg.token_in, leg.token_out) if zero_for_one else (leg.token_out, leg.token_in)
        key = (*pair, pool.fee_pips, pool.tick_spacing, _NO_HOOKS)
        actions = (
            encode(_SETTLE, (leg.token_in, leg.amount_in, leg.payer_is_user)),
            encode(_SWAP, ((key, zero_for_one, _OPEN_DELTA, leg.min_out, b""),)),
            encode(_TAKE, (leg.token_out, leg.recipient, _OPEN_DELTA)),
        )
        return V4_SWAP, encode(_INPUT, (_ACTIONS, actions))

    def read(self, pool: Pool, hint: PoolState | None) -> Generator[Sequence[Read], Sequence[bytes | None], PoolState]:
        if pool.pool_id is None:
            raise QuoteError(f"{pool.name}: a V4 pool needs its pool_id")
        base = keccak(bytes.fromhex(pool.pool_id[2:]) + _POOLS.to_bytes(32))
        reader = v3_reads.read(pool, hint if isinstance(hint, V4State) else None)
        questions, fees = next(reader), (0, 0)
        while True:
            answers = yield [(pool.address, EXTSLOAD + _slot(base, call)) for _, call in questions]
            words = [_as_v3(call, answer) for (_, call), answer in zip(questions, answers, strict=True)]
            for (_, call), answer in zip(questions, answers, strict=True):
                if call == v3_reads.SLOT0 and answer is not None:
                    fees = _fees(answer)
            try:
                questions = reader.send(words)
            except StopIteration as done:
                v3: V3State = done.value
                return V4State(v3.sqrt_price_x96, v3.tick, v3.liquidity, v3.ticks, v3.tick_low, v3.tick_high, *fees)


@lru_cache(maxsize=4096)  # the same ticks and words are read at every block
def _slot(base: bytes, call: bytes) -> bytes:
    """The storage slot with the value that this call of a V3 pool returns; `base` is the pool's first slot."""
    question, argument = call[:4], call[4:]
    if question == v3_reads.SLOT0:
        return base
    if question == v3_reads.LIQUIDITY:
        return _after(base, _LIQUIDITY)
    return keccak(argument + _after(base, _BITMAP if question == v3_reads.TICK_BITMAP else _TICKS))


def _after(base: bytes, offset: int) -> bytes:
    return (int.from_bytes(base) + offset).to_bytes(32)


def _as_v3(call: bytes, answer: bytes | None) -> bytes | None:
    """The storage word as a V3 pool's return data, with one word per value; None if it could not be read."""
    if answer is None or len(answer) != 32:
        return None
    word = int.from_bytes(answer)
    if call == v3_reads.SLOT0:
        return (word & (1 << 160) - 1).to_bytes(32) + _signed(word >> 160, 24).to_bytes(32, signed=True)
    if call[:4] == v3_reads.TICKS:
        return (word & (1 << 128) - 1).to_bytes(32) + _signed(word >> 128, 128).to_bytes(32, signed=True)
    if call == v3_reads.LIQUIDITY:
        return (word & (1 << 128) - 1).to_bytes(32)
    return answer


def _signed(value: int, bits: int) -> int:
    """The lowest `bits` as two's complement."""
    value &= (1 << bits) - 1
    return value - (1 << bits) if value >> bits - 1 else value


def _fees(slot0: bytes) -> tuple[int, int]:
    """Swap fees in pips for (token1 in, token0 in). The providers' fee applies to what the protocol's fee leaves."""
    word = int.from_bytes(slot0[:32])
    protocol, provider = word >> 184 & 0xFFFFFF, word >> 208 & 0xFFFFFF
    return swap_fee(protocol >> 12, provider), swap_fee(protocol & 0xFFF, provider)


def swap_fee(protocol: int, provider: int) -> int:
    """Both fees combined, in pips, with the pool's rounding."""
    return protocol + provider - protocol * provider // PIPS


def _priced(pool: Pool, state: PoolState, token_in: Symbol) -> Pool:
    """The pool with its current fee in this direction. Raises QuoteError if that is 100 %."""
    v4 = _v4(pool, state)
    fee = v4.fee_down if token_in == pool.token0 else v4.fee_up
    if fee >= PIPS:
        raise QuoteError(f"{pool.name}: the fee takes everything")
    return pool if fee == pool.fee_pips else replace(pool, fee_pips=fee)


def _fitting(pool: Pool, amount: int) -> int:
    if amount > MAX_AMOUNT:
        raise QuoteError(f"{pool.name}: the amount does not fit into 127 bits")
    return amount


def _v4(pool: Pool, state: PoolState) -> V4State:
    if not isinstance(state, V4State):
        raise QuoteError(f"{pool.name}: not the state of a V4 pool")
    return state
