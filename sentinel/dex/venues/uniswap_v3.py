"""Uniswap V3 and its forks: concentrated liquidity, equal to the pool contract to the last unit.

The contract swaps in steps and rounds at each of them. A step ends at the next initialised tick, or at the edge of a
word of the tick bitmap (256 ticks of the pool's spacing). So edges without a tick end a step here too.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Generator, Sequence
from dataclasses import dataclass

from sentinel.chain.multicall import Read
from sentinel.core.abi import encode
from sentinel.core.errors import QuoteError
from sentinel.core.market_state import PoolState, V3State
from sentinel.core.network import Pool, Symbol
from sentinel.core.units import MAX_UINT256, PIPS, Q96, Q192
from sentinel.dex.venues import uniswap_v3_reads
from sentinel.dex.venues.router_leg import RouterLeg
from sentinel.dex.venues.tick_math import MAX_SQRT_PRICE, MAX_TICK, MIN_SQRT_PRICE, MIN_TICK, sqrt_price_at, tick_at

V3_SWAP_EXACT_IN = 0x00
_INPUT = ("address", "uint256", "uint256", "bytes", "bool")
_MAX_AMOUNT = (1 << 255) - 1
_BEYOND = 1 << 200  # sorts after every liquidity_net


@dataclass(frozen=True, slots=True)
class Filled:
    """The result of one swap. `amount_in` includes the fee. The amounts fall short if the liquidity ran out."""

    amount_in: int
    amount_out: int
    sqrt_price_x96: int
    liquidity: int
    edge: int | None  # the tick that the pool would store if the price stopped exactly at one; None between ticks

    @property
    def tick(self) -> int:
        return tick_at(self.sqrt_price_x96) if self.edge is None else self.edge


class UniswapV3:
    """Venue. See sentinel.dex.venues.registry for the contract of each method."""

    gas = 68_000

    def quote_in(self, pool: Pool, state: PoolState, token_in: Symbol, amount_in: int) -> int:
        return _filled_in(pool, state, token_in, amount_in).amount_out

    def quote_out(self, pool: Pool, state: PoolState, token_in: Symbol, amount_out: int) -> int:
        filled = fill(pool, _v3(pool, state), _direction(pool, token_in), -_positive(pool, amount_out))
        if filled.amount_out != amount_out:
            raise QuoteError(f"{pool.name}: runs dry after paying {filled.amount_out} of {amount_out}")
        return filled.amount_in

    def swap(self, pool: Pool, state: PoolState, token_in: Symbol, amount_in: int) -> tuple[int, PoolState]:
        filled = _filled_in(pool, state, token_in, amount_in)
        before = _v3(pool, state)
        after = V3State(
            filled.sqrt_price_x96, filled.tick, filled.liquidity, before.ticks, before.tick_low, before.tick_high
        )
        return filled.amount_out, after

    def marginal(self, pool: Pool, state: PoolState, token_in: Symbol, amount_in: int) -> tuple[int, int]:
        v3 = _v3(pool, state)
        price = _filled_in(pool, state, token_in, amount_in).sqrt_price_x96 if amount_in else v3.sqrt_price_x96
        squared = price * price
        keep = PIPS - pool.fee_pips
        if _direction(pool, token_in):
            return squared * keep, PIPS * Q192
        return keep * Q192, squared * PIPS

    def reserves(self, pool: Pool, state: PoolState) -> tuple[float, float]:
        v3 = _v3(pool, state)
        return v3.liquidity * Q96 / v3.sqrt_price_x96, v3.liquidity * v3.sqrt_price_x96 / Q96

    def command(self, pool: Pool, leg: RouterLeg) -> tuple[int, bytes]:
        path = bytes.fromhex(leg.token_in[2:]) + pool.fee_pips.to_bytes(3) + bytes.fromhex(leg.token_out[2:])
        return V3_SWAP_EXACT_IN, encode(_INPUT, (leg.recipient, leg.amount_in, leg.min_out, path, leg.payer_is_user))

    def read(self, pool: Pool, hint: PoolState | None) -> Generator[Sequence[Read], Sequence[bytes | None], PoolState]:
        return uniswap_v3_reads.read(pool, hint if isinstance(hint, V3State) else None)


def fill(pool: Pool, state: V3State, zero_for_one: bool, amount: int) -> Filled:
    """The pool's `swap` without a price limit; amount > 0 is an exact input, amount < 0 an exact output.

    It stops early only at the end of the pool's price range. Raises QuoteError if the swap leaves the ticks that were
    read.
    """
    price, liquidity, tick = state.sqrt_price_x96, state.liquidity, state.tick
    ticks, fee, keep = state.ticks, pool.fee_pips, PIPS - pool.fee_pips
    limit = MIN_SQRT_PRICE + 1 if zero_for_one else MAX_SQRT_PRICE - 1
    exact_in = amount > 0
    remaining, total_in, total_out = abs(amount), 0, 0
    edge: int | None = tick
    while remaining and price != limit:
        next_tick, net = _next_tick(ticks, tick, pool.tick_spacing, zero_for_one)
        if next_tick < state.tick_low or next_tick > state.tick_high:
            known_to_end = state.tick_low <= MIN_TICK if zero_for_one else state.tick_high >= MAX_TICK
            if not known_to_end:
                raise QuoteError(f"{pool.name}: the amount moves the price beyond the ticks that were read")
            next_tick = MIN_TICK if zero_for_one else MAX_TICK
        end = sqrt_price_at(next_tick)
        target = max(end, limit) if zero_for_one else min(end, limit)
        whole_in = _amount_in(price, target, liquidity, zero_for_one)

        if exact_in:
            net_in = remaining * keep // PIPS
            if net_in >= whole_in:
                reached, spent = target, whole_in
            else:
                reached = _price_after_input(price, liquidity, net_in, zero_for_one)
                spent = _amount_in(price, reached, liquidity, zero_for_one)
            paid = _amount_out(price, reached, liquidity, zero_for_one)
            # a step that ends before its target takes the rest of the input as fee
            cost = remaining if reached != target else spent - (-spent * fee // keep)
            remaining -= cost
        else:
            paid = _amount_out(price, target, liquidity, zero_for_one)
            if remaining >= paid:
                reached, spent = target, whole_in
            else:
                reached = _price_after_output(pool, price, liquidity, remaining, zero_for_one)
                spent = _amount_in(price, reached, liquidity, zero_for_one)
                paid = min(_amount_out(price, reached, liquidity, zero_for_one), remaining)
            cost = spent - (-spent * fee // keep)
            remaining -= paid
        total_in += cost
        total_out += paid

        if reached == end:
            liquidity += -net if zero_for_one else net
            edge = tick = next_tick - 1 if zero_for_one else next_tick
        elif reached != price:
            edge = None
        price = reached
    return Filled(total_in, total_out, price, liquidity, edge)


def _next_tick(ticks: Sequence[tuple[int, int]], tick: int, spacing: int, zero_for_one: bool) -> tuple[int, int]:
    """The end of the next step as (tick, liquidity_net); liquidity_net is 0 at a bitmap edge without a tick."""
    word = tick // spacing
    if zero_for_one:
        edge = (word & -256) * spacing
        i = bisect_right(ticks, (tick, _BEYOND)) - 1
        return ticks[i] if i >= 0 and ticks[i][0] >= edge else (edge, 0)
    edge = ((word + 1) | 255) * spacing
    i = bisect_left(ticks, ((word + 1) * spacing, -_BEYOND))
    return ticks[i] if i < len(ticks) and ticks[i][0] <= edge else (edge, 0)


def _amount_in(price: int, target: int, liquidity: int, zero_for_one: bool) -> int:
    """The input before fee that moves the price to `target`, rounded up."""
    if zero_for_one:
        rounded_up = -((liquidity << 96) * (target - price) // price)
        return -(-rounded_up // target)
    return -(-liquidity * (target - price) >> 96)


def _amount_out(price: int, target: int, liquidity: int, zero_for_one: bool) -> int:
    """The output while the price moves to `target`, rounded down."""
    if zero_for_one:
        return liquidity * (price - target) >> 96
    return (liquidity << 96) * (target - price) // target // price


def _price_after_input(price: int, liquidity: int, amount: int, zero_for_one: bool) -> int:
    """The price after an input, rounded so that it moves no further than the input pays for."""
    if not zero_for_one:
        return price + (amount << 96) // liquidity
    if not amount:
        return price
    scaled = liquidity << 96
    product = amount * price
    if product <= MAX_UINT256 and scaled + product <= MAX_UINT256:
        return -(-scaled * price // (scaled + product))
    return -(-scaled // (scaled // price + amount))  # the contract's formula if 256 bits overflow


def _price_after_output(pool: Pool, price: int, liquidity: int, amount: int, zero_for_one: bool) -> int:
    """The price after an output, rounded so that it moves at least as far as the output demands."""
    if zero_for_one:
        return price + (-(amount << 96) // liquidity)
    scaled = liquidity << 96
    product = amount * price
    if product > MAX_UINT256 or scaled <= product:
        raise QuoteError(f"{pool.name}: the pool contract would revert on this output")
    return -(-scaled * price // (scaled - product))


def _filled_in(pool: Pool, state: PoolState, token_in: Symbol, amount_in: int) -> Filled:
    filled = fill(pool, _v3(pool, state), _direction(pool, token_in), _positive(pool, amount_in))
    if filled.amount_in != amount_in:
        raise QuoteError(f"{pool.name}: runs dry after taking {filled.amount_in} of {amount_in}")
    return filled


def _positive(pool: Pool, amount: int) -> int:
    if not 0 < amount <= _MAX_AMOUNT:
        raise QuoteError(f"{pool.name}: the amount must be positive and fit into 255 bits")
    return amount


def _v3(pool: Pool, state: PoolState) -> V3State:
    if not isinstance(state, V3State):
        raise QuoteError(f"{pool.name}: not the state of a V3 pool")
    return state


def _direction(pool: Pool, token_in: Symbol) -> bool:
    """True if token0 is the input. Raises QuoteError if the pool does not trade `token_in`."""
    if token_in == pool.token0:
        return True
    if token_in == pool.token1:
        return False
    raise QuoteError(f"{pool.name}: does not trade {token_in}")
