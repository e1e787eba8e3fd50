"""What the operator's controls allow: a pause, a sale of everything, and Sentinel's own halt. Pure.

The cycle and the executor both use this module, so there is one answer to whether something may be sent now.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from sentinel.core.actions import Action, Approve, Swap
from sentinel.core.network import Symbol

FLATTEN = "flatten"  # the source of proposals that carry out `stop --flatten`: exact mathematics, no vote among samples


class Purpose(StrEnum):
    TRADE = "trade"
    SALE = "sale"  # a token back into the quote token
    EXIT = "exit"  # such a sale as a stop, a target or a trailing stop asks for; barred like any trade
    RELIEF = "relief"  # an allowance taken to zero


@dataclass(frozen=True, slots=True)
class OperatorControls:
    operator_pause: str | None  # the reason of the halt, whoever set it; None if trading is not halted
    sentinel_halted: bool  # Sentinel set the halt: its wallet's state is not understood, or its signer refuses
    flatten: bool  # the operator asked for everything to be sold back, and that is not finished yet

    @property
    def reads(self) -> bool:
        """Whether a cycle needs the market state."""
        return self.bar(Purpose.SALE) is None

    def bar(self, purpose: Purpose) -> str | None:
        """The reason why nothing of this purpose may be sent now, or None if it may.

        A sale that the operator requested continues during the operator's own pause or the shortfall breaker's halt,
        because it lowers risk. During any other halt only relief may be sent: a sale would be signed for a wallet that
        is not understood.
        """
        if purpose is Purpose.RELIEF:
            return None
        if self.operator_pause is not None and (self.sentinel_halted or not self.flatten):
            return f"trading is halted: {self.operator_pause}"
        if self.flatten and purpose is not Purpose.SALE:
            return "everything is being sold (`sentinel stop --flatten`)"
        return None


def purpose_of(action: Action, quote: Symbol) -> Purpose:
    """The purpose of an action, judged by what it does and never by who proposed it."""
    if isinstance(action, Approve) and action.amount == 0:
        return Purpose.RELIEF
    if isinstance(action, Swap) and action.token_out == quote and not action.is_cycle:
        return Purpose.SALE
    return Purpose.TRADE
