"""What a transaction offers for gas: first offer, raise of a replacement, caps on both. Pure; wei per gas."""

from __future__ import annotations

from dataclasses import dataclass

from sentinel.types import Fees, Limits, SimEnv


@dataclass(frozen=True, slots=True)
class FeeCaps:
    """Absolute: no attempt ever offers more (I8)."""

    max_fee: int  # wei per gas
    max_priority_fee: int  # wei per gas
    max_cost: int  # wei, gas limit x max_fee

    @classmethod
    def of(cls, limits: Limits) -> FeeCaps:
        return cls(limits.max_fee, limits.max_priority_fee, limits.max_cost)

    def room(self) -> FeeCaps:
        """The caps of a trade: one raise below the absolute ones, so that a cancel can still outbid it."""
        return FeeCaps(self.max_fee * 8 // 9, self.max_priority_fee * 8 // 9, self.max_cost)

    def allow(self, fees: Fees, gas_limit: int) -> bool:
        return (
            fees.max_fee <= self.max_fee
            and fees.priority_fee <= min(self.max_priority_fee, fees.max_fee)
            and fees.max_fee * gas_limit <= self.max_cost
        )


def first(env: SimEnv, gas_limit: int, caps: FeeCaps) -> Fees:
    """The fees that the simulation assumed, cut to the caps."""
    max_fee = min(env.max_fee, caps.max_fee, caps.max_cost // gas_limit)
    return Fees(max_fee, min(env.priority_fee, caps.max_priority_fee, max_fee))


def bump(fees: Fees, gas_limit: int, caps: FeeCaps, base_fee: int = 0) -> Fees | None:
    """Both caps at least 12.5 % higher (what nodes ask of a replacement), more where the base fee asks for it.

    None where the absolute caps leave no room: then the same bytes are kept.
    """
    priority = raised(fees.priority_fee)
    needed = Fees(raised(fees.max_fee), priority)
    if not caps.allow(needed, gas_limit):
        return None
    wanted = min(2 * base_fee + priority, caps.max_fee, caps.max_cost // gas_limit)
    return Fees(max(needed.max_fee, wanted), priority)


def raised(fee: int) -> int:
    """12.5 % more, rounded up, and never the same."""
    return max((fee * 9 + 7) // 8, fee + 1)
