"""The order guard: a trade passes only if the player of the approved order makes the same one on the same state."""

from __future__ import annotations

from decimal import Decimal

from sentinel.core.actions import Swap
from sentinel.core.units import BPS
from sentinel.decide.case import Case, Finding, Rule
from sentinel.orders.trades import Side, Trade, trade_text


def order(case: Case) -> Finding:
    """Same tokens, same side, and an input within the agreement tolerance of the player's."""
    play = case.play
    if play is None:
        return True, "there is no order: the playbook's limits alone bind"
    if play.trade is None:
        return False, f"the order does not trade now: {play.why}"
    wanted, swap = trade_text(play.trade, case.network.quote), case.swap
    if not _same_tokens(swap, play.trade):
        return False, f"the order wants to {wanted}, this sells {swap.token_in} for {swap.token_out}"
    amount = Decimal(swap.amount_in).scaleb(-case.network.tokens[swap.token_in].decimals)
    off = abs(amount - play.trade.amount) / play.trade.amount * BPS
    tolerance = case.order_tolerance_bps
    return off <= tolerance, f"the order wants to {wanted}, this is {off:.0f} bps off, at most {tolerance}"


def _same_tokens(swap: Swap, wanted: Trade) -> bool:
    if wanted.side is not Side.ARBITRAGE:
        return (swap.token_in, swap.token_out) == (wanted.sold, wanted.bought)
    crossed = {leg.token_out for route in swap.routes for leg in route.legs}
    return (swap.token_in, swap.token_out) == (wanted.sold, wanted.sold) and wanted.bought in crossed


SWAP: tuple[Rule, ...] = (order,)
