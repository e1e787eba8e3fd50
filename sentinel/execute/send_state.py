"""The next step of ONE intent, from its attempts and what the chain shows. Pure; the time is an input.

The rules, in this order: a receipt at its depth settles; a nonce that a foreign transaction used halts trading; after
the deadline only a cancel may follow; an attempt that waits too long is replaced, or else sent again.
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
    confirmations: int  # depth at which a receipt counts; 1 is the block that holds it
    bump_after_blocks: int
    resend_after: float  # seconds
    caps: FeeCaps
    foreign_depth: int = 12  # minimum depth of a foreign use of a nonce, because our own receipts may be indexed late
    overdue_after: float = 600.0  # seconds past the deadline after which an open intent raises an alarm (I9)


@dataclass(frozen=True, slots=True)
class Receipt:
    tx_hash: HexHash
    block_number: int
    block_hash: HexHash
    parent_hash: HexHash
    canonical: bool  # the block is on the chain that the node shows now
    succeeded: bool
    gas_used: int
    gas_cost: int  # wei


@dataclass(frozen=True, slots=True)
class SentAttempt:
    """When this process sent an attempt."""

    at: float  # Unix seconds of the last send
    block: int  # newest block number at the first send


@dataclass(frozen=True, slots=True)
class ChainView:
    """The chain at one head, as far as it concerns the open intent."""

    now: float  # Unix seconds
    head: int  # block number
    base_fee: int  # wei per gas
    receipts: Mapping[HexHash, Receipt]  # by attempt hash; an attempt without a receipt is absent
    nonce: int  # transactions mined up to the head
    deep_nonce: int  # mined up to a deep block; its depth is the larger of `foreign_depth` and `confirmations`


@dataclass(frozen=True, slots=True)
class First:
    """Nothing is signed yet: choose a nonce, sign, commit and send."""

    fees: Fees


@dataclass(frozen=True, slots=True)
class Send:
    """Send the same bytes, possibly again."""

    attempt: Attempt


@dataclass(frozen=True, slots=True)
class Bump:
    """Replace the last attempt: same nonce and payload (a cancel stays a cancel), higher fees."""

    fees: Fees
    cancel: bool


@dataclass(frozen=True, slots=True)
class Cancel:
    """Take the nonce back by a transfer of nothing to the wallet itself."""

    fees: Fees


@dataclass(frozen=True, slots=True)
class Wait:
    """Do nothing at this head."""

    why: str
    overdue: bool = False


@dataclass(frozen=True, slots=True)
class Settle:
    """End the intent."""

    outcome: Outcome
    receipt: Receipt | None  # None if no attempt was mined


@dataclass(frozen=True, slots=True)
class Halt:
    """A foreign transaction used the nonce, so the key is in use elsewhere. Halt trading and settle as unknown."""

    nonce: int


Step = First | Send | Bump | Cancel | Wait | Settle | Halt


def next_step(
    intent: Intent, attempts: Sequence[Attempt], sent: Mapping[HexHash, SentAttempt], seen: ChainView, rules: SendRules
) -> Step:
    """Decide the next step. `attempts` are oldest first, all with one nonce; `sent` holds those this process sent."""
    rules = replace(rules, caps=rules.caps.less_data_fee(intent.decision.simulation.data_fee))
    late = seen.now > intent.deadline
    if not attempts:
        if late:
            return Settle(Outcome.EXPIRED, None)  # nothing was signed, so nothing can be mined
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
    """Settle by the canonical receipt once it is deep enough, Wait before; None if no attempt is mined."""
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
    """The fees that replace `last`; None if its caps do not allow a raise."""
    if last.cancel:
        return replacement_bid(last.fees, TRANSFER_GAS, rules.caps, seen.base_fee)
    return replacement_bid(last.fees, intent.tx.gas_limit, rules.caps.room(), seen.base_fee)
