"""Fee bids in wei per gas: the first bid, the bid of a replacement, and the caps on both. Pure.

On a legacy network the maximum fee and the priority fee are one gas price, and rise together.
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
    """Absolute caps: no attempt ever bids more (I8)."""

    max_fee: int  # wei per gas
    max_priority_fee: int  # wei per gas
    max_cost: int  # wei: gas limit x max_fee, plus the data fee
    legacy: bool = False  # the one gas price is held to all three caps

    @classmethod
    def of(cls, limits: Limits, network: Network) -> FeeCaps:
        return cls(limits.max_fee, limits.max_priority_fee, limits.max_cost, network.fees is FeeMarket.LEGACY)

    def room(self) -> FeeCaps:
        """Caps for a trade's own bids: one replacement step below the absolute caps, so a cancel still fits."""
        return replace(self, max_fee=self.max_fee * 8 // 9, max_priority_fee=self.max_priority_fee * 8 // 9)

    def less_data_fee(self, data_fee: int) -> FeeCaps:
        """These caps with `data_fee` wei subtracted from the cost, which leaves the part for gas."""
        return replace(self, max_cost=max(0, self.max_cost - data_fee))

    def highest_payable(self, gas_limit: int) -> int:
        """The highest maximum fee, in wei per gas, that these caps allow for `gas_limit` units."""
        max_fee = min(self.max_fee, self.max_cost // gas_limit)
        return min(max_fee, self.max_priority_fee) if self.legacy else max_fee

    def allow(self, fees: Fees, gas_limit: int) -> bool:
        """Whether a bid for `gas_limit` units of gas is within all caps."""
        return (
            fees.max_fee <= self.max_fee
            and fees.priority_fee <= min(self.max_priority_fee, fees.max_fee)
            and gas.cost(gas_limit, fees.max_fee, 0) <= self.max_cost
        )


def first_bid(env: SimEnv, gas_limit: int, caps: FeeCaps) -> Fees:
    """The fees of the simulation, reduced to the caps."""
    max_fee = min(env.max_fee, caps.highest_payable(gas_limit))
    return Fees(max_fee, max_fee if caps.legacy else min(env.priority_fee, caps.max_priority_fee, max_fee))


def replacement_bid(fees: Fees, gas_limit: int, caps: FeeCaps, base_fee: int = 0) -> Fees | None:
    """A bid with both fees at least 12.5 % higher, as nodes demand of a replacement, and more if the base fee rose.

    The maximum fee may be twice the base fee because only the actual price is paid. A legacy gas price is paid in full,
    so it rises only to what the next block may ask. None if the caps do not allow a raise: the old bytes remain.
    """
    minimum = Fees(raised_fee(fees.max_fee), raised_fee(fees.max_fee if caps.legacy else fees.priority_fee))
    if not caps.allow(minimum, gas_limit):
        return None
    target = raised_fee(base_fee) if caps.legacy else 2 * base_fee + minimum.priority_fee
    max_fee = max(minimum.max_fee, min(target, caps.highest_payable(gas_limit)))
    return Fees(max_fee, max_fee if caps.legacy else minimum.priority_fee)


def raised_fee(fee: int) -> int:
    """12.5 % more, rounded up, and always at least 1 wei more."""
    return max((fee * 9 + 7) // 8, fee + 1)
