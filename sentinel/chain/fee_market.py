"""The price of inclusion and a rollup's data fee: the requests to the node, and how to read its answers. Pure.

The tip is what other transactions paid: the median of each of the last blocks, and the median of those. Empty blocks
are left out. If the node has no fee history, its own suggestion is used. A legacy network has a gas price instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median_high
from typing import Any

from eth_utils.crypto import keccak

from sentinel.chain import replies
from sentinel.chain.multicall import Read
from sentinel.chain.replies import Reply
from sentinel.chain.rpc import Call, quantity
from sentinel.core.errors import RpcError, Unavailable
from sentinel.core.gas import LARGE, MUCH, SMALL, highest_base_fee
from sentinel.core.market_state import DataFee, Head
from sentinel.core.network import Address, FeeMarket, Network

BLOCKS = 20  # number of recent blocks that the tip is taken from
PERCENTILE = 50  # of a block's gas, ordered by tip
OP_ORACLE: Address = "0x420000000000000000000000000000000000000F"  # GasPriceOracle, the same on every OP-stack chain
_UPPER_BOUND = keccak(text="getL1FeeUpperBound(uint256)")[:4]  # takes the bytes of an unsigned transaction; since Fjord
_OPERATOR = keccak(text="getOperatorFee(uint256)")[:4]  # takes gas; since Isthmus


@dataclass(frozen=True, slots=True)
class InclusionPrice:
    """The price of inclusion in wei per gas, at least `floor` and never above `cap`. `cap` None means no cap."""

    network: Network
    floor: int = 0
    cap: int | None = None

    def calls(self, head: Head) -> list[Call]:
        """The requests whose replies `price` takes."""
        if self.network.fees is FeeMarket.LEGACY:
            return [("eth_gasPrice", [])]
        history: Call = ("eth_feeHistory", [hex(BLOCKS), hex(head.number), [PERCENTILE]])
        return [history, ("eth_maxPriorityFeePerGas", [])]

    def price(self, head: Head, replies: Sequence[Any | RpcError]) -> int:
        """The tip, or the gas price on a legacy network. Raises RpcError if the node refused to name it.

        If the legacy network's blocks have a base fee, the gas price is at least the next block's highest base fee.
        """
        if self.network.fees is FeeMarket.LEGACY:
            if isinstance(replies[0], RpcError):
                raise replies[0]
            price = max(quantity(replies[0], 128), highest_base_fee(head))
        else:
            price = _tip(*replies)
        price = max(price, self.floor)
        return price if self.cap is None else min(price, self.cap)


def _tip(history: Any | RpcError, suggested: Any | RpcError) -> int:
    """The usual tip, else the node's suggestion; 0, so that the floor applies, if the node supports neither method.

    Raises RpcError if a method is refused for another reason, because then the tip is unknown.
    """
    if (usual := usual_tip(history)) is not None:
        return usual
    if isinstance(suggested, str):
        return quantity(suggested, 128)
    for reply in (history, suggested):
        if isinstance(reply, RpcError) and replies.classify(reply) is not Reply.UNSUPPORTED:
            raise reply
    return 0


def usual_tip(history: Any) -> int | None:
    """The median tip of the blocks that hold transactions, in wei per gas; 0 if none does.

    None if `history` is not an answer to eth_feeHistory.
    """
    try:
        pairs = zip(history["reward"], history["gasUsedRatio"], strict=False)
        tips = [quantity(reward[0], 128) for reward, used in pairs if used > 0]
    except (TypeError, KeyError, IndexError, ValueError, AttributeError, RpcError):
        return None
    return median_high(tips) if tips else 0


def data_fee_reads(network: Network) -> list[Read]:
    """The calls whose answers `data_fee_of` takes; none if the chain charges no data fee."""
    if network.data_fee is None:
        return []
    calls = [(_UPPER_BOUND, SMALL), (_UPPER_BOUND, SMALL + LARGE), (_OPERATOR, 0), (_OPERATOR, MUCH)]
    return [(OP_ORACLE, selector + number.to_bytes(32)) for selector, number in calls]


def data_fee_of(answers: Sequence[bytes | None]) -> DataFee | None:
    """The data fee from the answers to `data_fee_reads`; None if there are none, because the chain charges no fee.

    A chain without an operator fee (before Isthmus) counts as an operator fee of 0. Raises Unavailable if the chain
    does not report its data fee.
    """
    if not answers:
        return None
    small, large, fixed, much = (
        int.from_bytes(answer[:32]) if answer and len(answer) >= 32 else None for answer in answers
    )
    if small is None or large is None or large < small or large >= 1 << 128:
        raise Unavailable(f"{OP_ORACLE} does not answer getL1FeeUpperBound as OP-stack chains do since Fjord")
    operator = (fixed or 0, (much or 0) - (fixed or 0))
    if not 0 <= operator[1] < 1 << 128 or operator[0] >= 1 << 128:
        raise Unavailable(f"{OP_ORACLE} gives a malformed answer to getOperatorFee")
    return DataFee(small, large - small, *operator)
