"""What inclusion costs now and what a rollup takes for data: what is asked of the node, what its answers mean. Pure.

The tip is what others paid: the median transaction's in each of the last blocks, and of these the median. Empty blocks
say nothing. A node without fee history is asked for its own suggestion. A legacy network has one gas price instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median_high
from typing import Any

from eth_utils.crypto import keccak

from sentinel.chain.multicall import Read
from sentinel.chain.rpc import Call, quantity
from sentinel.core.errors import RpcError, Unavailable
from sentinel.core.gas import LARGE, MUCH, SMALL, highest_base_fee
from sentinel.core.market_state import DataFee, Head
from sentinel.core.network import Address, FeeMarket, Network

BLOCKS = 20  # that the tip is taken from
PERCENTILE = 50  # of the gas of one block, by tip
OP_ORACLE: Address = "0x420000000000000000000000000000000000000F"  # the GasPriceOracle of every OP-stack chain
_UPPER_BOUND = keccak(text="getL1FeeUpperBound(uint256)")[:4]  # of the size of an unsigned transaction; since Fjord
_OPERATOR = keccak(text="getOperatorFee(uint256)")[:4]  # of gas; since Isthmus


@dataclass(frozen=True, slots=True)
class InclusionPrice:
    """Wei per gas: `floor` and `cap` bound what inclusion is said to cost, the cap last; None: no cap."""

    network: Network
    floor: int = 0
    cap: int | None = None

    def calls(self, head: Head) -> list[Call]:
        if self.network.fees is FeeMarket.LEGACY:
            return [("eth_gasPrice", [])]
        history: Call = ("eth_feeHistory", [hex(BLOCKS), hex(head.number), [PERCENTILE]])
        return [history, ("eth_maxPriorityFeePerGas", [])]

    def price(self, head: Head, replies: Sequence[Any | RpcError]) -> int:
        """The tip, or the whole price on a legacy network; raises RpcError where that one is missing.

        Where blocks have a base fee, the whole price is at least the highest that the next one can have.
        """
        if self.network.fees is FeeMarket.LEGACY:
            if isinstance(replies[0], RpcError):
                raise replies[0]
            found = max(quantity(replies[0], 128), highest_base_fee(head))
        else:
            found = _tip(*replies)
        found = max(found, self.floor)
        return found if self.cap is None else min(found, self.cap)


def _tip(history: Any | RpcError, suggested: Any | RpcError) -> int:
    """Not every endpoint has a method for it: 0 where neither answers, and the floor serves."""
    usual = usual_tip(history)
    if usual is None:
        return quantity(suggested, 128) if isinstance(suggested, str) else 0
    return usual


def usual_tip(history: Any) -> int | None:
    """Of the blocks that hold transactions; 0 where none does, None for what is no fee history."""
    try:
        pairs = zip(history["reward"], history["gasUsedRatio"], strict=False)
        tips = [quantity(reward[0], 128) for reward, used in pairs if used > 0]
    except (TypeError, KeyError, IndexError, ValueError, AttributeError, RpcError):
        return None
    return median_high(tips) if tips else 0


def data_fee_reads(network: Network) -> list[Read]:
    """Calls whose answers `data_fee_of` takes; none where the chain takes no such fee."""
    if network.data_fee is None:
        return []
    asked = [(_UPPER_BOUND, SMALL), (_UPPER_BOUND, SMALL + LARGE), (_OPERATOR, 0), (_OPERATOR, MUCH)]
    return [(OP_ORACLE, selector + number.to_bytes(32)) for selector, number in asked]


def data_fee_of(answers: Sequence[bytes | None]) -> DataFee | None:
    """Raises Unavailable where the chain does not tell its data fee; one without an operator's fee (before Isthmus)
    takes none."""
    if not answers:
        return None
    small, large, fixed, much = (
        int.from_bytes(answer[:32]) if answer and len(answer) >= 32 else None for answer in answers
    )
    if small is None or large is None or large < small or large >= 1 << 128:
        raise Unavailable(f"{OP_ORACLE} does not answer getL1FeeUpperBound as an OP-stack chain's since Fjord does")
    operator = (fixed or 0, (much or 0) - (fixed or 0))
    if not 0 <= operator[1] < 1 << 128 or operator[0] >= 1 << 128:
        raise Unavailable(f"{OP_ORACLE} answers getOperatorFee with nonsense")
    return DataFee(small, large - small, *operator)
