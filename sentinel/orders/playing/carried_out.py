"""Which trade of an order a swap carries out: of several that a judgement allows, the one of its tokens and size."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from sentinel.core.actions import Swap
from sentinel.core.network import Symbol
from sentinel.orders.playing.player import Play
from sentinel.orders.playing.trades import Side, Trade


def same_tokens(swap: Swap, wanted: Trade) -> bool:
    if wanted.side is not Side.ARBITRAGE:
        return (swap.token_in, swap.token_out) == (wanted.sold, wanted.bought)
    crossed = {leg.token_out for route in swap.routes for leg in route.legs}
    return (swap.token_in, swap.token_out) == (wanted.sold, wanted.sold) and wanted.bought in crossed


def whole(swap: Swap, decimals: Mapping[Symbol, int]) -> Decimal:
    """Its input in whole tokens."""
    return Decimal(swap.amount_in).scaleb(-decimals[swap.token_in])


def carried_out(play: Play, swap: Swap, decimals: Mapping[Symbol, int]) -> Play:
    """The play itself, or the one of `possible` whose trade is nearest to the swap."""
    fits = [one for one in play.possible if one.trade is not None and same_tokens(swap, one.trade)]
    if not fits:
        return play
    amount = whole(swap, decimals)
    return min(fits, key=lambda one: Decimal(0) if one.trade is None else abs(one.trade.amount - amount))
