"""What a reader can answer in place of an order: one of a few questions, or one of a few refusals."""

from __future__ import annotations

from enum import StrEnum


class Question(StrEnum):
    """What an order can lack. The value is what the operator is asked."""

    COIN = "which coin?"
    SIDE = "buy or sell?"
    SIZE = "how much?"
    LEVEL = "at which price, change or level?"
    TIME = "how often, or when?"
    WEIGHTS = "which share of which coin?"
    MEANING = "what does that mean in numbers?"


class Refusal(StrEnum):
    """Why an order as a whole cannot be carried out."""

    LEVERAGE = "there is no leverage and no borrowing"
    SHORT = "what is not held cannot be sold"
    COIN = "a coin in it is not on this network's list"
    TRANSFER = "coins are never sent away"
    LIMITS = "limits are set in the settings, not by an order"
    CONTRADICTION = "its conditions can never hold together"
    SCOPE = "this is no order to trade"
