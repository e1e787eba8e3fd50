"""The oracle's turns without tools: its computation in words, then the action with all numbers. Pure.

The words follow the steps of its code, number by number, so that a student without code learns the same steps.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import ROUND_DOWN, Decimal

from lab.swapbench.facts import short
from sentinel.agent.action_format import render_action
from sentinel.agent.tools import Toolbox
from sentinel.core.actions import Action, Swap
from sentinel.core.mandate import Mandate
from sentinel.dex.quoting.venue_labels import label_of
from sentinel.distill.states.action_value import goal

AMOUNT_DIGITS = 5  # significant digits of a written amount, rounded down


def turn(mandate: Mandate, box: Toolbox, action: Action) -> str:
    """The whole assistant turn for the oracle's verified `action`."""
    words = [*RECKONINGS[mandate.playbook](mandate, box)]
    if not isinstance(action, Swap):
        return render_action(" ".join([*words, "So I hold."]), 'hold("nothing to do")')
    doing, code = _spelled(box, action)
    return render_action(" ".join([*words, doing]), code)


def _spelled(box: Toolbox, swap: Swap) -> tuple[str, str]:
    legs = [leg for route in swap.routes for leg in route.legs]
    venues = [label_of(box.network.pools[leg.pool]) for leg in legs]
    amount = _down(box, swap)
    tokens = [swap.token_in, *(leg.token_out for leg in legs)]
    if len(legs) == 1:
        return (
            f"So I sell {amount} {swap.token_in} for {swap.token_out} at {venues[0]}.",
            f'swap("{swap.token_in}", "{swap.token_out}", {amount}, "{venues[0]}")',
        )
    if swap.is_cycle and len(legs) == 2:
        return (
            f"So I cycle {amount} through {tokens[1]}, {venues[0]} to {venues[1]}.",
            f'cycle("{tokens[0]}", "{tokens[1]}", {amount}, "{venues[0]}", "{venues[1]}")',
        )
    quoted = ", ".join(f'"{token}"' for token in tokens)
    where = ", ".join(f'"{venue}"' for venue in venues)
    return f"So I go round with {amount}.", f"route([{quoted}], {amount}, [{where}])"


def _down(box: Toolbox, swap: Swap) -> str:
    """The amount in whole tokens, never more than the simulated amount."""
    amount = Decimal(swap.amount_in).scaleb(-box.network.tokens[swap.token_in].decimals)
    rounded = amount.quantize(Decimal(1).scaleb(amount.adjusted() - AMOUNT_DIGITS + 1), ROUND_DOWN)
    return f"{rounded.normalize():f}"


def _over(mandate: Mandate, box: Toolbox) -> float:
    return box.weight(mandate.base) - box.target(mandate.base)


def _gap(mandate: Mandate, box: Toolbox) -> list[str]:
    over = _over(mandate, box)
    side = "over" if over > 0 else "under"
    weight, equity = short(box.weight(mandate.base), 4), short(box.equity(), 4)
    return [f"{mandate.base} is {weight} of {equity}, {side} by {short(abs(over), 3)}."]


def _sized(mandate: Mandate, box: Toolbox, worth: float) -> list[str]:
    """The step from the value of the gap to the amount that can be traded."""
    wanted = abs(goal(mandate, box).wanted)
    return [f"That is {short(worth, 4)}" + (f"; within size and purse {short(wanted, 4)}." if wanted else ".")]


def _rebalance(mandate: Mandate, box: Toolbox) -> list[str]:
    over = abs(_over(mandate, box))
    if over < mandate.band:
        return [*_gap(mandate, box), f"That is less than {short(mandate.band)}."]
    return [*_gap(mandate, box), *_sized(mandate, box, over * box.equity())]


def _fallen(mandate: Mandate, box: Toolbox) -> str:
    closes = box.prices(mandate.base, mandate.bars)
    return f"From {short(max(closes))} to {short(closes[-1])} it fell {short(1 - closes[-1] / max(closes), 2)}."


def _reduce_risk(mandate: Mandate, box: Toolbox) -> list[str]:
    over = _over(mandate, box)
    words = [*_gap(mandate, box), _fallen(mandate, box)]
    return [*words, *_sized(mandate, box, over * box.equity())] if over > 0 else words


def _slice(mandate: Mandate, box: Toolbox) -> list[str]:
    remaining = mandate.until - box.block()
    if remaining < 0:
        return [f"Block {box.block()} is past {mandate.until}."]
    if remaining % mandate.every:
        return [f"{remaining} blocks are left, no slice is due."]
    parts = remaining // mandate.every + 1
    return [
        f"{remaining} blocks are left, {parts} slices.",
        *_gap(mandate, box),
        *_sized(mandate, box, abs(_over(mandate, box)) * box.equity() / parts),
    ]


def _moved(mandate: Mandate, box: Toolbox, start: float, name: str) -> list[str]:
    last = box.prices(mandate.base, mandate.bars)[-1]
    move = last / start - 1
    way = "above" if move > 0 else "below"
    size = "enough" if abs(move) >= mandate.threshold else "too little"
    words = [f"{short(last)} is {short(abs(move), 2)} {way} the {name} {short(start)}, {size}."]
    wanted = goal(mandate, box).wanted
    return [*words, f"Within size and purse {short(abs(wanted), 4)}."] if wanted else words


def _momentum(mandate: Mandate, box: Toolbox) -> list[str]:
    return _moved(mandate, box, box.prices(mandate.base, mandate.bars)[0], "first")


def _mean_reversion(mandate: Mandate, box: Toolbox) -> list[str]:
    closes = box.prices(mandate.base, mandate.bars)
    return _moved(mandate, box, sum(closes) / len(closes), "mean")


def _profit(profit: float, mandate: Mandate) -> list[str]:
    if profit <= 0:
        return ["Nothing pays."]
    side = "more" if profit > mandate.least else "not more"
    return [f"The best gains {short(profit, 3)}, {side} than {short(mandate.least)}."]


def _arbitrage(mandate: Mandate, box: Toolbox) -> list[str]:
    quote = box.network.quote
    max_amount = min(mandate.size, box.worth(quote))
    return _profit(float(box.best_cycle(quote, mandate.base, max_amount)["profit"]) if max_amount else 0.0, mandate)


def _triangle(mandate: Mandate, box: Toolbox) -> list[str]:
    max_amount = min(mandate.size, box.worth(box.network.quote))
    return _profit(float(box.best_loop(box.network.quote, max_amount)["profit"]) if max_amount else 0.0, mandate)  # type: ignore[arg-type]


RECKONINGS: Mapping[str, Callable[[Mandate, Toolbox], Sequence[str]]] = {
    "rebalance": _rebalance,
    "momentum": _momentum,
    "mean_reversion": _mean_reversion,
    "reduce_risk": _reduce_risk,
    "slice": _slice,
    "arbitrage": _arbitrage,
    "triangle": _triangle,
}
