"""What to do next about ONE intent, given what was sent and what the chain shows. Pure, the clock injected.

The rules, in this order: a receipt at depth decides; a nonce that someone else used stops everything; after the
deadline only a cancel may follow; a transaction that waits too long is raised, then sent again as it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sentinel.core.network import HexHash
from sentinel.core.transaction import Attempt, Fees, Intent, Outcome
from sentinel.core.units import TRANSFER_GAS
from sentinel.execute.fee_bids import FeeCaps, first_bid, replacement_bid


@dataclass(frozen=True, slots=True)
class SendRules:
    confirmations: int  # depth at which a receipt counts; 1 is the block itself
    bump_after_blocks: int
    resend_after: float  # seconds
    caps: FeeCaps
    foreign_depth: int = 12  # at least so deep must a foreign use of our nonce be: receipts of ours may be indexed late
    overdue_after: float = 600.0  # seconds past the deadline until an open intent is an alarm (I9)


@dataclass(frozen=True, slots=True)
class Receipt:
    tx_hash: HexHash
    block_number: int
    block_hash: HexHash
    parent_hash: HexHash
    canonical: bool  # the chain that the node shows now still has that block
    succeeded: bool
    gas_used: int
    gas_cost: int  # wei


@dataclass(frozen=True, slots=True)
class SentAttempt:
    """When an attempt was sent, in this process's life."""

    at: float  # Unix seconds of the last time
    block: int  # newest block at the first time


@dataclass(frozen=True, slots=True)
class ChainView:
    """What the chain shows at one head."""

    now: float  # Unix seconds
    head: int  # block number
    base_fee: int  # wei per gas
    receipts: Mapping[HexHash, Receipt]  # of every attempt that has one
    nonce: int  # transactions mined up to the head
    deep_nonce: int  # mined up to `SendRules.foreign_depth` (or `confirmations`, the deeper) blocks below


@dataclass(frozen=True, slots=True)
class First:
    """Nothing was signed yet: take a nonce, sign, commit, send."""

    fees: Fees


@dataclass(frozen=True, slots=True)
class Send:
    """The same bytes (again)."""

    attempt: Attempt


@dataclass(frozen=True, slots=True)
class Bump:
    """The same nonce and payload (a cancel stays a cancel) at higher fees."""

    fees: Fees
    cancel: bool


@dataclass(frozen=True, slots=True)
class Cancel:
    """Take the nonce back by a transfer of nothing to oneself."""

    fees: Fees


@dataclass(frozen=True, slots=True)
class Wait:
    why: str
    overdue: bool = False


@dataclass(frozen=True, slots=True)
class Settle:
    outcome: Outcome
    receipt: Receipt | None


@dataclass(frozen=True, slots=True)
class Halt:
    """A transaction that is none of ours used the nonce: the key is used elsewhere. Settle as unknown and latch."""

    nonce: int


Step = First | Send | Bump | Cancel | Wait | Settle | Halt


def next_step(
    intent: Intent, attempts: Sequence[Attempt], sent: Mapping[HexHash, SentAttempt], seen: ChainView, rules: SendRules
) -> Step:
    """`attempts` oldest first, all of one nonce; `sent` lacks those that this process has not sent."""
    rules = replace(rules, caps=rules.caps.less_data_fee(intent.decision.simulation.data_fee))
    late = seen.now > intent.deadline
    if not attempts:
        if late:
            return Settle(Outcome.EXPIRED, None)  # nothing was signed, so nothing can be on its way
        return First(first_bid(intent.env, intent.tx.gas_limit, rules.caps.room()))
    if (ended := _ended(attempts, seen, rules)) is not None:
        return ended

    overdue = seen.now > intent.deadline + rules.overdue_after
    last = attempts[-1]
    if seen.deep_nonce > last.nonce:
        return Halt(last.nonce)
    if seen.nonce > last.nonce:
        return Wait("the nonce is used; by which transaction is not visible yet", overdue)
    if (
        late
        and not last.cancel
        and (fees := replacement_bid(last.fees, TRANSFER_GAS, rules.caps, seen.base_fee)) is not None
    ):
        return Cancel(fees)
    if last.tx_hash not in sent:
        return Send(last)
    since = sent[last.tx_hash]
    if seen.head - since.block >= rules.bump_after_blocks and (fees := _raise(intent, last, seen, rules)) is not None:
        return Bump(fees, last.cancel)
    if seen.now - since.at >= rules.resend_after:
        return Send(last)
    return Wait("pending", overdue)


def _ended(attempts: Sequence[Attempt], seen: ChainView, rules: SendRules) -> Settle | Wait | None:
    for attempt in attempts:
        receipt = seen.receipts.get(attempt.tx_hash)
        if receipt is None or not receipt.canonical:
            continue
        if seen.head - receipt.block_number + 1 < rules.confirmations:
            return Wait("confirming")
        if attempt.cancel:
            return Settle(Outcome.CANCELLED, receipt)
        return Settle(Outcome.CONFIRMED if receipt.succeeded else Outcome.REVERTED, receipt)
    return None


def _raise(intent: Intent, last: Attempt, seen: ChainView, rules: SendRules) -> Fees | None:
    if last.cancel:
        return replacement_bid(last.fees, TRANSFER_GAS, rules.caps, seen.base_fee)
    return replacement_bid(last.fees, intent.tx.gas_limit, rules.caps.room(), seen.base_fee)
