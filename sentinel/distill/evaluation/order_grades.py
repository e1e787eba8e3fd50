"""Grades of readings: what a reader does in the situations of a labelled order, and how often that is right.

A reader that has no reading of an order asks, as the daemon does: nothing is traded.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sentinel.core.statistics import Share
from sentinel.distill.evaluation.labelled_orders import Did, Label, LabelledOrder, LabelledSituation
from sentinel.orders.language.reading import Ask, Reading, Refuse
from sentinel.orders.playing.player import play
from sentinel.orders.playing.trades import Side, Trade


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a reading does in one situation."""

    did: Did
    right: bool  # one of the labels says it
    missed: bool  # it does not trade, and every label does
    why: str  # the player's reason, the question or the refusal

    @property
    def wrong_act(self) -> bool:
        """A trade that no label allows."""
        return self.did.trades and not self.right


@dataclass(frozen=True, slots=True)
class Graded:
    """The answer to one order in all its situations."""

    order: LabelledOrder
    reading: Reading | None  # None: no reading that can be shown
    outcomes: tuple[Outcome, ...]

    @property
    def right(self) -> bool:
        return all(outcome.right for outcome in self.outcomes)


@dataclass(frozen=True, slots=True)
class Scores:
    """The scores of one arm. Shares are 0 to 1; the interval is Wilson's of 95 %, with the order as its unit."""

    orders: int
    orders_right: Share  # orders that are right in all their situations
    situations_right: float
    acts: int  # situations in which it trades
    wrong_acts: float  # of its acts, the share that no label allows
    missed: float  # of the situations in which every label trades, the share in which it does not
    asked: float  # of the orders, those that it asks about, orders without a reading among them
    refused: float
    coverage: float  # of the orders, those of which it has a reading: an order, a question or a refusal

    @staticmethod
    def of(graded: Sequence[Graded]) -> Scores:
        outcomes = [outcome for one in graded for outcome in one.outcomes]
        acts = [outcome for outcome in outcomes if outcome.did.trades]
        to_trade = sum(_must_trade(situation) for one in graded for situation in one.order.situations)
        readings = [one.reading for one in graded]
        return Scores(
            orders=len(graded),
            orders_right=Share(sum(one.right for one in graded), len(graded)),
            situations_right=_share(sum(outcome.right for outcome in outcomes), len(outcomes)),
            acts=len(acts),
            wrong_acts=_share(sum(outcome.wrong_act for outcome in acts), len(acts)),
            missed=_share(sum(outcome.missed for outcome in outcomes), to_trade),
            asked=_share(sum(reading is None or isinstance(reading, Ask) for reading in readings), len(readings)),
            refused=_share(sum(isinstance(reading, Refuse) for reading in readings), len(readings)),
            coverage=_share(sum(reading is not None for reading in readings), len(readings)),
        )

    def as_json(self) -> dict[str, float | int]:
        return {
            "orders_right": round(self.orders_right.value, 4),
            "low": round(self.orders_right.low, 4),
            "high": round(self.orders_right.high, 4),
            "situations_right": round(self.situations_right, 4),
            "acts": self.acts,
            "wrong_acts": round(self.wrong_acts, 4),
            "missed": round(self.missed, 4),
            "asked": round(self.asked, 4),
            "refused": round(self.refused, 4),
            "coverage": round(self.coverage, 4),
        }


def graded(order: LabelledOrder, reading: Reading | None) -> Graded:
    return Graded(order, reading, tuple(outcome(reading, situation) for situation in order.situations))


def outcome(reading: Reading | None, situation: LabelledSituation) -> Outcome:
    """What the reading does in the situation, compared with the labels."""
    labels = situation.labels
    if reading is None or isinstance(reading, Ask | Refuse):
        did = Did.REFUSE if isinstance(reading, Refuse) else Did.ASK
        right = any(label.action is did for label in labels)
        return Outcome(did, right, _must_trade(situation), _said(reading))
    played = play(reading, situation.facts(reading))
    return traded(played.trade, played.why, situation)


def traded(trade: Trade | None, why: str, situation: LabelledSituation) -> Outcome:
    """What was traded in the situation, None for a hold, compared with the labels."""
    labels = situation.labels
    if trade is None:
        right = any(label.action is Did.HOLD for label in labels)
        return Outcome(Did.HOLD, right, _must_trade(situation), why)
    return Outcome(Did(trade.side), _fits(trade, labels), False, why)


def _said(reading: Ask | Refuse | None) -> str:
    match reading:
        case Ask(what):
            return what
        case Refuse(why):
            return why
    return "no reading"


def _must_trade(situation: LabelledSituation) -> bool:
    return all(label.action.trades for label in situation.labels)


def _fits(trade: Trade, labels: Iterable[Label]) -> bool:
    """Whether a label says this trade. A swap is labelled as a sale and, in the same situation, as the purchase."""
    fitting = {(label.action, label.token) for label in labels if _fits_amount(trade, label)}
    match trade.side:
        case Side.BUY | Side.ARBITRAGE:
            return (Did(trade.side), trade.bought) in fitting
        case Side.SELL:
            return (Did.SELL, trade.sold) in fitting
        case Side.SWAP:
            both = {(Did.SELL, trade.sold), (Did.BUY, trade.bought)}
            return (Did.SWAP, trade.sold) in fitting or both <= fitting


def _fits_amount(trade: Trade, label: Label) -> bool:
    return abs(trade.worth - label.amount_usdc) <= label.amount_usdc * label.tolerance_pct / 100


def _share(count: int, of: int) -> float:
    return count / of if of else 0.0
