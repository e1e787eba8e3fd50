"""What a transaction offers for gas: first offer, raise of a replacement, caps on both. Pure; wei per gas.

On a legacy network fee cap and tip are one gas price, and are raised as one.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from sentinel.config.limits import Limits
from sentinel.core import gas
from sentinel.core.network import FeeMarket, Network
from sentinel.core.simulation import SimEnv
from sentinel.core.transaction import Fees


@dataclass(frozen=True, slots=True)
class FeeCaps:
    """Absolute: no attempt ever offers more (I8)."""

    max_fee: int  # wei per gas
    max_priority_fee: int  # wei per gas
    max_cost: int  # wei, gas limit x max_fee and the data fee
    legacy: bool = False  # a gas price is bound by all three

    @classmethod
    def of(cls, limits: Limits, network: Network) -> FeeCaps:
        return cls(limits.max_fee, limits.max_priority_fee, limits.max_cost, network.fees is FeeMarket.LEGACY)

    def room(self) -> FeeCaps:
        """The caps of a trade: one raise below the absolute ones, so that a cancel can still outbid it."""
        return replace(self, max_fee=self.max_fee * 8 // 9, max_priority_fee=self.max_priority_fee * 8 // 9)

    def less_data_fee(self, data_fee: int) -> FeeCaps:
        """The caps on gas alone, where so many wei of the cost go for data."""
        return replace(self, max_cost=max(0, self.max_cost - data_fee))

    def highest_payable(self, gas_limit: int) -> int:
        """The highest fee cap that may be offered."""
        most = min(self.max_fee, self.max_cost // gas_limit)
        return min(most, self.max_priority_fee) if self.legacy else most

    def allow(self, fees: Fees, gas_limit: int) -> bool:
        return (
            fees.max_fee <= self.max_fee
            and fees.priority_fee <= min(self.max_priority_fee, fees.max_fee)
            and gas.cost(gas_limit, fees.max_fee, 0) <= self.max_cost
        )


def first_bid(env: SimEnv, gas_limit: int, caps: FeeCaps) -> Fees:
    """The fees that the simulation assumed, cut to the caps."""
    max_fee = min(env.max_fee, caps.highest_payable(gas_limit))
    return Fees(max_fee, max_fee if caps.legacy else min(env.priority_fee, caps.max_priority_fee, max_fee))


def replacement_bid(fees: Fees, gas_limit: int, caps: FeeCaps, base_fee: int = 0) -> Fees | None:
    """Both caps at least 12.5 % higher (what nodes ask of a replacement), more where the base fee asks for it.

    A fee cap may be twice the base fee, for what is above the price is not paid; a gas price is paid in full and rises
    only to what the next block may ask. None where the absolute caps leave no room: then the same bytes are kept.
    """
    least = Fees(raised_fee(fees.max_fee), raised_fee(fees.max_fee if caps.legacy else fees.priority_fee))
    if not caps.allow(least, gas_limit):
        return None
    wanted = raised_fee(base_fee) if caps.legacy else 2 * base_fee + least.priority_fee
    max_fee = max(least.max_fee, min(wanted, caps.highest_payable(gas_limit)))
    return Fees(max_fee, max_fee if caps.legacy else least.priority_fee)


def raised_fee(fee: int) -> int:
    """12.5 % more, rounded up, and never the same."""
    return max((fee * 9 + 7) // 8, fee + 1)
