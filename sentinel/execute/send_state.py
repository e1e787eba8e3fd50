"""The next step of ONE intent, from its attempts and what the chain shows. Pure; the time is an input.

The rules, in this order: a receipt at its depth settles; a nonce that a foreign transaction used halts trading, but
not one whose receipt is only missing; after the deadline only a cancel may follow; an attempt that waits too long is
replaced, or else sent again. What is counted in blocks has a least time in seconds too, for chains with fast blocks.

Deadlines are judged by the chain's clock alone, since the chain enforces them. Our own clock measures only how long
something took by that clock itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from sentinel.core.network import HexHash
from sentinel.core.transaction import Attempt, Fees, Intent, Outcome
from sentinel.core.units import TRANSFER_GAS
from sentinel.execute.fee_bids import FeeCaps, first_bid, replacement_bid

MISSING_AFTER = 30.0  # seconds that a receipt may be late before that is an alarm


@dataclass(frozen=True, slots=True)
class SendRules:
    confirmations: int  # depth at which a receipt counts; 1 is the block that holds it
    bump_after_blocks: int
    resend_after: float  # seconds
    caps: FeeCaps
    bump_after_seconds: float = 5.0  # least time of `bump_after_blocks`: at 250 ms a send takes blocks to arrive
    foreign_depth: int = 12  # least depth, in blocks, of a use of the nonce that is not ours
    foreign_after: float = 30.0  # seconds that it must last, if a block shows the foreign transaction
    absent_after: float = 300.0  # seconds that it must last, if no endpoint shows which transaction it was
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
    mined_at: int = 0  # Unix seconds, the timestamp of its block


class Use(StrEnum):
    OURS = "ours"  # a block holds one of our attempts
    FOREIGN = "foreign"  # a block holds another transaction of the wallet with this nonce
    UNTOLD = "untold"  # no endpoint shows which transaction it was


@dataclass(frozen=True, slots=True)
class NonceUser:
    use: Use
    tx_hash: HexHash | None = None
    block_hash: HexHash | None = None


UNTOLD = NonceUser(Use.UNTOLD)


@dataclass(frozen=True, slots=True)
class SentAttempt:
    """When this process sent an attempt."""

    at: float  # Unix seconds of the last send
    block: int  # newest block number at the first send
    first_at: float | None = None  # Unix seconds of the first send; None: as `at`


@dataclass(frozen=True, slots=True)
class ChainView:
    """The chain at one head, as far as it concerns the open intent."""

    now: float  # Unix seconds by our own clock
    next_at: float  # Unix seconds by the chain's clock: the time of the next block, at the earliest
    head: int  # block number
    base_fee: int  # wei per gas
    receipts: Mapping[HexHash, Receipt]  # by attempt hash; an attempt without a receipt is absent
    nonce: int  # transactions mined up to the head
    deep_nonce: int  # mined up to a deep block; its depth is the larger of `foreign_depth` and `confirmations`
    user: NonceUser = UNTOLD  # which transaction used our nonce, if none of our receipts is found
    used_for: float = 0.0  # seconds that it has been used so


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
    missing: bool = False  # the nonce is used, and the receipt that would say by what does not come


@dataclass(frozen=True, slots=True)
class Settle:
    """End the intent."""

    outcome: Outcome
    receipt: Receipt | None  # None if no attempt was mined


@dataclass(frozen=True, slots=True)
class Halt:
    """The nonce is used, and not by us as far as can be told. Halt trading and settle as unknown."""

    why: str


Step = First | Send | Bump | Cancel | Wait | Settle | Halt


def next_step(
    intent: Intent, attempts: Sequence[Attempt], sent: Mapping[HexHash, SentAttempt], seen: ChainView, rules: SendRules
) -> Step:
    """Decide the next step. `attempts` are oldest first, all with one nonce; `sent` holds those this process sent."""
    rules = replace(rules, caps=rules.caps.less_data_fee(intent.decision.simulation.data_fee))
    late = seen.next_at > intent.deadline  # even if it is mined at once, it is mined too late
    if not attempts:
        if late:
            return Settle(Outcome.EXPIRED, None)  # nothing was signed, so nothing can be mined
        return First(first_bid(intent.env, intent.tx.gas_limit, rules.caps.room()))
    if (ended := _ended(attempts, seen, rules)) is not None:
        return ended

    overdue = is_overdue(intent, seen.now, seen.next_at, rules)
    last = attempts[-1]
    if max(seen.nonce, seen.deep_nonce) > last.nonce:
        return _used(last, seen, rules, overdue)
    if (
        late
        and not last.cancel
        and (fees := replacement_bid(last.fees, TRANSFER_GAS, rules.caps, seen.base_fee)) is not None
    ):
        return Cancel(fees)
    if last.tx_hash not in sent:
        return Send(last)
    since = sent[last.tx_hash]
    slow = seen.head - since.block >= rules.bump_after_blocks
    slow = slow and seen.now - (since.at if since.first_at is None else since.first_at) >= rules.bump_after_seconds
    if slow and (fees := _raise(intent, last, seen, rules)) is not None:
        return Bump(fees, last.cancel)
    if seen.now - since.at >= rules.resend_after:
        return Send(last)
    return Wait("pending", overdue)


def is_overdue(intent: Intent, now: float, next_at: float, rules: SendRules) -> bool:
    """Whether an open intent is past its bound (I9), by our clock or by the chain's, each measured by itself."""
    life = intent.deadline - intent.env.timestamp + rules.overdue_after
    return next_at > intent.deadline + rules.overdue_after or now > intent.created_at + life


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


def _used(last: Attempt, seen: ChainView, rules: SendRules, overdue: bool) -> Halt | Wait:
    """The nonce is used without a receipt of ours. That is a foreign use only after blocks, time and a second look."""
    deep, use = seen.deep_nonce > last.nonce, seen.user.use
    least = {Use.FOREIGN: rules.foreign_after, Use.UNTOLD: rules.absent_after}
    if deep and use in least and seen.used_for >= least[use]:
        foreign = f"nonce {last.nonce} was used by transaction {seen.user.tx_hash} that Sentinel did not sign"
        untold = f"nonce {last.nonce} is used, and no endpoint shows whether by {last.intent_id}, which ends as unknown"
        return Halt(foreign if use is Use.FOREIGN else untold)
    ours = "by our transaction; its receipt is missing"
    why = ours if use is Use.OURS else "by which transaction is not certain yet"
    return Wait(f"the nonce is used {why}", overdue, missing=deep or seen.used_for >= MISSING_AFTER)


def _raise(intent: Intent, last: Attempt, seen: ChainView, rules: SendRules) -> Fees | None:
    """The fees that replace `last`; None if its caps do not allow a raise."""
    if last.cancel:
        return replacement_bid(last.fees, TRANSFER_GAS, rules.caps, seen.base_fee)
    return replacement_bid(last.fees, intent.tx.gas_limit, rules.caps.room(), seen.base_fee)
