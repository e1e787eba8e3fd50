"""Mandates as an operator's free text, with many wordings and numbers in several units. Pure.

This makes SwapBench harder than the shipped student's prompt, in which each number has a line and a name. Here the
student must find the meaning and the unit of each number.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random

from sentinel.agent.prompt import SYSTEM, Message, number
from sentinel.core.mandate import Mandate
from sentinel.core.market_state import MarketView
from sentinel.core.units import BPS


@dataclass(frozen=True, slots=True)
class MandateText:
    """A mandate as text, with its numbers."""

    text: str
    terms: Mapping[str, str]  # name of a number -> Python expression with its digits as in the text

    def messages(self, facts: str = "") -> list[Message]:
        """The first request. For an arm without tools, `facts` follow the mandate."""
        content = f"{self.text}\n{facts}" if facts else self.text
        return [{"role": "system", "content": SYSTEM}, {"role": "user", "content": content}]


Written = tuple[str, str]  # as in the text, as in code


def _share(draw: Random, value: float) -> Written:
    """A fraction as percent, in bps or plain."""
    kind = draw.choice(("percent", "bps", "plain"))
    if kind == "percent":
        digits = number(round(value * 100, 6))
        return f"{digits}%", f"{digits}/100"
    if kind == "bps":
        digits = number(round(value * BPS, 6))
        return f"{digits} bps", f"{digits}/10000"
    return number(value), number(value)


def _amount(draw: Random, value: float) -> Written:
    """An amount of quote tokens, sometimes in thousands."""
    if value >= 1000 and draw.random() < 0.5:
        digits = number(value / 1000)
        return f"{digits}k", f"{digits}*1000"
    return number(value), number(value)


def _count(draw: Random, value: float) -> Written:
    return number(int(value)), number(int(value))


WRITERS: Mapping[str, Callable[[Random, float], Written]] = {
    "Target": _share,
    "Band": _share,
    "Threshold": _share,
    "Size": _amount,
    "Least": _amount,
    "Bars": _count,
    "Until": _count,
    "Every": _count,
}

SIZE = ("At most {Size} a trade.", "Never put in more than {Size}.", "The cap is {Size}.", "{Size} is the most.")
MIN_TRADE = (
    "Skip trades under {Least}.",
    "Nothing below {Least}.",
    "A trade is {Least} or more.",
    "{Least} is the least.",
)
PROFIT = ("Only for more than {Least} of profit.", "It must gain over {Least}.", "Leave gains up to {Least}.")

# Playbook -> clauses in the order of their use, each with its wordings.
CLAUSES: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "rebalance": (
        (
            "Keep {base} at {Target} of the portfolio.",
            "{Target} of all should be {base}.",
            "Hold {base} at a weight of {Target}.",
            "The goal for {base} is {Target}.",
        ),
        (
            "Ignore gaps under {Band}.",
            "Act when it is off by {Band} or more.",
            "It may stray by less than {Band}.",
            "Leave it while the gap is below {Band}.",
        ),
        SIZE,
        MIN_TRADE,
    ),
    "momentum": (
        (
            "Follow {base} when it moved {Threshold} or more in {Bars} bars.",
            "Look at {Bars} bars of {base} and go with a move of at least {Threshold}.",
            "Buy {base} after a rise and sell it after a fall of {Threshold} over {Bars} bars.",
            "A move of {base} by {Threshold} in {Bars} bars goes on: trade with it.",
        ),
        SIZE,
        MIN_TRADE,
    ),
    "mean_reversion": (
        (
            "Fade {base} when it is {Threshold} or more from its mean of {Bars} bars.",
            "Take the mean of {Bars} bars of {base} and trade against a distance of at least {Threshold}.",
            "Sell {base} when {Threshold} above its mean over {Bars} bars, buy it as far below.",
            "{base} comes back to its mean of {Bars} bars when {Threshold} away: trade that.",
        ),
        SIZE,
        MIN_TRADE,
    ),
    "reduce_risk": (
        (
            "Cut {base} down to {Target}, never buy it.",
            "Only sell {base}, towards {Target} of the portfolio.",
            "No more than {Target} of {base}: sell what is over.",
        ),
        (
            "Do so when it is {Band} too much, or has fallen {Threshold} from the high of {Bars} bars.",
            "Wait until the excess is {Band} or the fall within {Bars} bars is {Threshold}.",
            "A fall of {Threshold} in {Bars} bars or an excess of {Band} calls for it.",
        ),
        SIZE,
        MIN_TRADE,
    ),
    "slice": (
        (
            "Bring {base} to {Target} in slices, one each {Every} blocks until block {Until}.",
            "Work {base} towards {Target}: the last slice is at block {Until}, they are {Every} blocks apart.",
            "In equal parts move {base} to {Target}, every {Every} blocks, done by block {Until}.",
        ),
        SIZE,
        MIN_TRADE,
    ),
    "arbitrage": (
        (
            "Buy {base} where it is cheap and sell it where it is dear, at once.",
            "Take a cycle through {base} over two venues when it pays.",
            "When two venues disagree on {base}, take the gap in one transaction.",
        ),
        SIZE,
        PROFIT,
    ),
    "triangle": (
        (
            "Take any closed loop over two or three venues that pays.",
            "Whatever loop of venues ends with more than it began, take it.",
            "Go round two or three venues when that gains.",
        ),
        SIZE,
        PROFIT,
    ),
}


def knobs(mandate: Mandate, view: MarketView) -> dict[str, float]:
    """All numbers that a clause may name."""
    return {
        "Target": view.target_weights.get(mandate.base, 0) / BPS,
        "Band": mandate.band,
        "Threshold": mandate.threshold,
        "Size": mandate.size,
        "Least": mandate.least,
        "Bars": mandate.bars,
        "Until": mandate.until,
        "Every": mandate.every,
    }


def write(mandate: Mandate, view: MarketView, seed: str) -> MandateText:
    """Write the mandate as text. The same seed gives the same text, and each expression evaluates to its number."""
    draw = Random(f"order/{seed}")
    clauses = [draw.choice(wordings) for wordings in CLAUSES[mandate.playbook]]
    if draw.random() < 0.5:
        draw.shuffle(clauses)
    values = knobs(mandate, view)
    written = {name: WRITERS[name](draw, values[name]) for name in sorted(values) if f"{{{name}}}" in " ".join(clauses)}
    text = " ".join(clauses).format(base=mandate.base, **{name: words for name, (words, _) in written.items()})
    return MandateText(text, {name: code for name, (_, code) in written.items()})
