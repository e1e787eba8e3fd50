"""Uniswap V2 and its forks: constant product, with the fee on the input, in exact integers."""

from __future__ import annotations

from collections.abc import Generator, Sequence

from sentinel.chain.multicall import Read
from sentinel.core.abi import encode
from sentinel.core.errors import QuoteError
from sentinel.core.market_state import PoolState, V2State
from sentinel.core.network import Pool, Symbol
from sentinel.core.units import PIPS
from sentinel.dex.venues.router_leg import RouterLeg

MAX_RESERVE = (1 << 112) - 1  # a pair stores its reserves as uint112 and reverts above
V2_SWAP_EXACT_IN = 0x08
_INPUT = ("address", "uint256", "uint256", "address[]", "bool")
GET_RESERVES = bytes.fromhex("0902f1ac")


class UniswapV2:
    """Venue. See sentinel.dex.venues.registry for the contract of each method."""

    gas = 62_000

    def quote_in(self, pool: Pool, state: PoolState, token_in: Symbol, amount_in: int) -> int:
        reserve_in, reserve_out = _oriented(pool, state, token_in)
        if amount_in <= 0:
            raise QuoteError(f"{pool.name}: the amount in must be positive")
        if reserve_in + amount_in > MAX_RESERVE:
            raise QuoteError(f"{pool.name}: the amount in is more than the pair can hold")
        net = amount_in * (PIPS - pool.fee_pips)
        return net * reserve_out // (reserve_in * PIPS + net)

    def quote_out(self, pool: Pool, state: PoolState, token_in: Symbol, amount_out: int) -> int:
        reserve_in, reserve_out = _oriented(pool, state, token_in)
        if not 0 < amount_out < reserve_out:
            raise QuoteError(f"{pool.name}: the pair holds {reserve_out}, it cannot pay {amount_out}")
        amount_in = reserve_in * amount_out * PIPS // ((reserve_out - amount_out) * (PIPS - pool.fee_pips)) + 1
        if reserve_in + amount_in > MAX_RESERVE:
            raise QuoteError(f"{pool.name}: the amount in is more than the pair can hold")
        return amount_in

    def swap(self, pool: Pool, state: PoolState, token_in: Symbol, amount_in: int) -> tuple[int, PoolState]:
        out = self.quote_in(pool, state, token_in, amount_in)
        assert isinstance(state, V2State)
        if token_in == pool.token0:
            return out, V2State(state.reserve0 + amount_in, state.reserve1 - out)
        return out, V2State(state.reserve0 - out, state.reserve1 + amount_in)

    def marginal(self, pool: Pool, state: PoolState, token_in: Symbol, amount_in: int) -> tuple[int, int]:
        reserve_in, reserve_out = _oriented(pool, state, token_in)
        keep = PIPS - pool.fee_pips
        depth = reserve_in * PIPS + amount_in * keep
        return keep * PIPS * reserve_in * reserve_out, depth * depth

    def reserves(self, pool: Pool, state: PoolState) -> tuple[float, float]:
        reserve0, reserve1 = _oriented(pool, state, pool.token0)
        return float(reserve0), float(reserve1)

    def command(self, pool: Pool, leg: RouterLeg) -> tuple[int, bytes]:
        path = (leg.token_in, leg.token_out)
        return V2_SWAP_EXACT_IN, encode(_INPUT, (leg.recipient, leg.amount_in, leg.min_out, path, leg.payer_is_user))

    def read(self, pool: Pool, hint: PoolState | None) -> Generator[Sequence[Read], Sequence[bytes | None], PoolState]:
        (reply,) = yield [(pool.address, GET_RESERVES)]
        if reply is None or len(reply) < 64:
            raise QuoteError(f"{pool.name}: {pool.address} does not answer getReserves")
        return V2State(int.from_bytes(reply[:32]), int.from_bytes(reply[32:64]))


def _oriented(pool: Pool, state: PoolState, token_in: Symbol) -> tuple[int, int]:
    """(reserve in, reserve out)."""
    if not isinstance(state, V2State):
        raise QuoteError(f"{pool.name}: not the state of a V2 pair")
    if token_in == pool.token0:
        return state.reserve0, state.reserve1
    if token_in == pool.token1:
        return state.reserve1, state.reserve0
    raise QuoteError(f"{pool.name}: does not trade {token_in}")
