"""The order guard: a trade passes only if the player of the approved order makes the same one on the same state."""

from __future__ import annotations

from decimal import Decimal

from sentinel.core.units import BPS
from sentinel.decide.case import Case, Finding, Rule, loss, value_in
from sentinel.decide.case import money as reference_money
from sentinel.orders.playing.carried_out import carried_out, same_tokens
from sentinel.orders.playing.player import Play
from sentinel.orders.playing.shown import coins, money
from sentinel.orders.playing.spending import base_units
from sentinel.orders.playing.trades import trade_text


def order(case: Case) -> Finding:
    """Same tokens, same side, an input within the tolerance of the player's, and no more than the signer will sign.

    Where the order has something judged, the trade must be the player's under some answer (I34).
    """
    play = case.play
    if play is None:
        return True, "there is no order: the other limits alone bind"
    if not play.possible:
        return _is_of(play, case)
    decimals = {symbol: token.decimals for symbol, token in case.network.tokens.items()}
    allowed = carried_out(play, case.swap, decimals)
    if allowed not in play.possible:
        return False, f"the order allows no such trade, whatever is judged: {play.why}"
    holds, why = _is_of(allowed, case)
    return holds, f"{why}; by the student's judgement: {allowed.why}"


def _is_of(play: Play, case: Case) -> Finding:
    if play.trade is None:
        return False, f"the order does not trade now: {play.why}"
    wanted, swap = trade_text(play.trade, case.network.quote), case.swap
    if not same_tokens(swap, play.trade):
        return False, f"the order wants to {wanted}, this sells {swap.token_in} for {swap.token_out}"
    amount = Decimal(swap.amount_in).scaleb(-case.network.tokens[swap.token_in].decimals)
    if play.trade.most is not None and amount > play.trade.most:  # the tolerance does not go over the order's limits
        return False, f"the order wants to {wanted}, and its limits allow {coins(play.trade.most)} {swap.token_in}"
    if (short := play.trade.min_profit - _gain(case)) > 0 and swap.is_cycle:
        return False, f"the order wants {money(play.trade.min_profit)} of profit, this lacks {money(short)}"
    off = abs(amount - play.trade.amount) / play.trade.amount * BPS
    tolerance = case.order_tolerance_bps
    if off > tolerance:
        return False, f"the order wants to {wanted}, this is {off:.2f} bps off, at most {tolerance}"
    if (worth := _worth_too_much(case)) is not None:
        return False, f"the order wants to {wanted}, {worth}"
    return True, f"the order wants to {wanted}, this is {off:.2f} bps off, at most {tolerance}"


def _worth_too_much(case: Case) -> str | None:
    """The signer holds the order's largest trade to the reference prices; what it would refuse is refused here."""
    if case.order_max_trade is None:
        return None
    decimals, tolerance = case.network.tokens[case.network.quote].decimals, case.limits.price_tolerance_bps
    bound = int(case.order_max_trade.scaleb(decimals))
    if (size := value_in(case)) * BPS <= bound * (BPS + tolerance):
        return None
    most = f"{reference_money(case, bound)} and {tolerance} bps"
    return f"this puts in {reference_money(case, size)} at the reference price, at most {most}"


def _gain(case: Case) -> Decimal:
    """What the trade gains at the reference prices, its cost taken, in whole quote tokens."""
    gain = -loss(case)
    decimals = case.network.tokens[case.network.quote].decimals
    return (Decimal(gain.numerator) / gain.denominator).scaleb(-decimals)


def approval_order(case: Case) -> Finding:
    """An allowance is of a token that the order sells, covers the trade that lacks it, and is no more than the order's
    trades can take (I35). Setting it to zero is always allowed."""
    spends, token = case.order_spending, case.approval.token
    if spends is None or case.approval.amount == 0:
        return True, "no order bounds it"
    if token not in spends:
        return False, f"the order sells no {token}"
    decimals = case.network.tokens[token].decimals
    amount = Decimal(case.approval.amount).scaleb(-decimals)
    played = () if case.play is None else (case.play, *case.play.possible)
    trades = [one.trade.amount for one in played if one.trade is not None and one.trade.sold == token]
    lacking = [takes for takes in trades if base_units(takes, decimals) > case.state.allowances.get(token, 0)]
    if (wanted := lacking or trades) and case.approval.amount < base_units(min(wanted), decimals):
        return False, f"it allows {coins(amount)} {token}, and the order's trade takes {coins(min(wanted))}"
    most = spends[token]
    if most is None:
        return True, f"the order sells {token} without a bound of its own"
    bound = most * (BPS + case.order_tolerance_bps) / BPS
    return amount <= bound, f"it allows {coins(amount)} {token}, and the order can take {coins(most)}"


SWAP: tuple[Rule, ...] = (order,)
APPROVE: tuple[Rule, ...] = (approval_order,)
