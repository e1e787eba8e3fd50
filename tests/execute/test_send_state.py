"""What is decided about one intent, over any order of blocks, losses, reorgs and restarts."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sentinel.core.network import HexHash
from sentinel.core.transaction import Attempt, Fees, Intent, Outcome
from sentinel.core.units import GWEI
from sentinel.execute.fee_bids import FeeCaps
from sentinel.execute.send_state import (
    Bump,
    Cancel,
    ChainView,
    First,
    Halt,
    NonceUser,
    Receipt,
    Send,
    SendRules,
    SentAttempt,
    Settle,
    Step,
    Use,
    Wait,
    next_step,
)
from tests.journal.values import act, intent

CAPS = FeeCaps(100 * GWEI, 10 * GWEI, 10**17)
RULES = SendRules(confirmations=3, bump_after_blocks=3, resend_after=60.0, caps=CAPS)
START, DEADLINE = 1_000.0, 1_120

H, B, P = HexHash("h"), HexHash("0xb"), HexHash("0xp")  # a transaction, its block, that one's parent


@dataclass
class World:
    """One nonce of a chain and a node that loses things; the intent's life is played on it."""

    intent: Intent
    now: float = START
    head: int = 100
    attempts: list[Attempt] = field(default_factory=list)
    sent: dict[HexHash, SentAttempt] = field(default_factory=dict)
    pool: set[str] = field(default_factory=set)
    mined: tuple[HexHash, int] | None = None
    ended: Settle | Halt | None = None

    def block(self, seconds: float, *, mine: bool, lose: bool, reorg: bool) -> None:
        self.now += seconds
        self.head += 1
        if reorg and self.mined is not None and self.head - self.mined[1] < RULES.confirmations:
            self.mined = None
        if mine and self.mined is None and self.pool:
            best = max((a for a in self.attempts if a.tx_hash in self.pool), key=lambda a: a.fees.max_fee)
            self.mined = (best.tx_hash, self.head)
        if lose:
            self.pool.clear()

    def step(self, *, arrives: bool) -> None:
        receipts: dict[HexHash, Receipt] = {}
        if self.mined is not None:
            tx_hash, number = self.mined
            receipts[tx_hash] = Receipt(tx_hash, number, B, P, True, True, 50_000, 50_000 * GWEI)
        deep = self.mined is not None and self.head - self.mined[1] >= 2
        seen = ChainView(self.now, self.now, self.head, GWEI, receipts, int(self.mined is not None), int(deep))
        step = next_step(self.intent, self.attempts, self.sent, seen, RULES)
        match step:
            case First(fees):
                assert self.attempts == []
                assert self.now <= DEADLINE
                self._add(fees, cancel=False)
            case Bump(fees, cancel):
                assert cancel == self.attempts[-1].cancel
                assert cancel or self.now <= DEADLINE
                self._add(fees, cancel)
            case Cancel(fees):
                assert self.now > DEADLINE
                self._add(fees, cancel=True)
            case Send(attempt):
                assert attempt == self.attempts[-1]
            case Settle() | Halt():
                self.ended = step
                return
            case Wait():
                return
        last = self.attempts[-1]
        earlier = self.sent.get(last.tx_hash)
        self.sent[last.tx_hash] = SentAttempt(self.now, earlier.block if earlier else self.head)
        if arrives and self.mined is None:
            self.pool.add(last.tx_hash)

    def _add(self, fees: Fees, cancel: bool) -> None:
        assert CAPS.allow(fees, 21_000 if cancel else self.intent.tx.gas_limit)
        if self.attempts:
            before = self.attempts[-1].fees
            assert fees.max_fee * 8 >= before.max_fee * 9
            assert fees.priority_fee * 8 >= before.priority_fee * 9
        self.attempts.append(Attempt(self.intent.id, 0, fees, HexHash(f"0x{len(self.attempts)}"), b"", cancel))


moves = st.lists(
    st.tuples(st.floats(0.1, 40), st.booleans(), st.booleans(), st.booleans(), st.booleans(), st.booleans()),
    max_size=40,
)


@settings(max_examples=300, deadline=None)
@given(moves)
def test_it_ends_once_and_truly(play: list[tuple[float, bool, bool, bool, bool, bool]]) -> None:
    """Whatever the node loses, it ends within a bound once the node is well; the end is what the chain shows."""
    world = World(intent(act(deadline=DEADLINE)))
    world.step(arrives=bool(play) and play[0][1])
    for seconds, mine, lose, reorg, arrives, restart in play:
        world.block(seconds, mine=mine, lose=lose, reorg=reorg)
        if restart:
            world.sent.clear()  # a restart forgets when it sent, never what it signed
        if world.ended is None:
            world.step(arrives=arrives)
    bound = 0
    while world.ended is None:
        world.block(12.0, mine=True, lose=False, reorg=False)
        world.step(arrives=True)
        bound += 1
        assert bound < 20
    assert isinstance(world.ended, Settle)
    assert world.mined is not None
    (used,) = [a for a in world.attempts if a.tx_hash == world.mined[0]]
    assert world.ended.outcome is (Outcome.CANCELLED if used.cancel else Outcome.CONFIRMED)


def seen(now: float = START, head: int = 100, *, nonce: int = 0, deep: int = 0, **receipts: Receipt) -> ChainView:
    return ChainView(now, now, head, GWEI, {HexHash(name): receipt for name, receipt in receipts.items()}, nonce, deep)


def attempt(fee: int = 10 * GWEI, *, cancel: bool = False) -> Attempt:
    return Attempt("i", 0, Fees(fee, GWEI), H, b"", cancel)


ONE = intent(act(deadline=DEADLINE))


def test_a_receipt_of_a_block_that_is_gone_counts_for_nothing() -> None:
    """Only a receipt on the canonical chain decides."""
    gone = Receipt(H, 90, B, P, False, True, 1, 1)
    assert isinstance(next_step(ONE, [attempt()], {H: SentAttempt(START, 100)}, seen(h=gone), RULES), Wait)


def test_a_used_nonce_waits_then_halts() -> None:
    """A nonce used without a receipt of ours is waited for, and halts after blocks, time and a second look."""
    sent = {H: SentAttempt(START, 100)}
    assert isinstance(next_step(ONE, [attempt()], sent, seen(nonce=1), RULES), Wait)
    late = seen(DEADLINE + 1, nonce=1)  # no cancel either: whatever used the nonce cannot be replaced
    assert isinstance(next_step(ONE, [attempt()], sent, late, RULES), Wait)

    def then(use: Use, seconds: float, deep: int = 1) -> Step:
        view = replace(seen(nonce=1, deep=deep), user=NonceUser(use, H), used_for=seconds)
        return next_step(ONE, [attempt()], sent, view, RULES)

    assert then(Use.OURS, 10**6) == Wait("the nonce is used by our transaction; its receipt is missing", missing=True)
    for use, least in ((Use.FOREIGN, RULES.foreign_after), (Use.UNTOLD, RULES.absent_after)):
        assert isinstance(then(use, least - 1), Wait)
        assert isinstance(then(use, 10**6, deep=0), Wait)  # time alone is not enough either
        assert isinstance(then(use, least), Halt)
    assert RULES.absent_after >= 300


def test_a_raise_needs_time_as_well_as_blocks() -> None:
    """Three blocks of 250 ms are less than a send may take to arrive."""
    sent = {H: SentAttempt(START, 100, START)}
    assert isinstance(next_step(ONE, [attempt()], sent, seen(START + 0.75, 103), RULES), Wait)
    assert isinstance(next_step(ONE, [attempt()], sent, seen(START + 6.0, 124), RULES), Bump)
    assert isinstance(next_step(ONE, [attempt()], sent, seen(START + 6.0, 102), RULES), Wait)


def test_the_chains_clock_alone_judges_the_deadline() -> None:
    """A jump of the chain past the deadline cancels what would only revert, whatever our own clock shows. A clock of
    ours that is hours ahead cancels nothing that the chain still takes."""
    sent = {H: SentAttempt(START, 100, START)}
    chain_ahead = replace(seen(START + 10, 110), next_at=DEADLINE + 1.0)
    assert isinstance(next_step(ONE, [attempt()], sent, chain_ahead, RULES), Cancel)
    unsigned = next_step(ONE, [], {}, chain_ahead, RULES)
    assert unsigned == Settle(Outcome.EXPIRED, None)
    own_ahead = replace(seen(DEADLINE + 7_200, 101), next_at=DEADLINE)
    assert next_step(ONE, [attempt()], sent, own_ahead, RULES) == Send(attempt())
    assert isinstance(next_step(ONE, [], {}, own_ahead, RULES), First)


def test_overdue_is_an_alarm_by_either_clock() -> None:
    """A chain whose time stands still, and a clock of ours that is hours behind, hide no open intent."""
    stuck, late = attempt(CAPS.max_fee, cancel=True), DEADLINE + 601.0
    for view in (replace(seen(late), next_at=START), replace(seen(START - 7_200), next_at=late)):
        sent = {H: SentAttempt(view.now, 100)}
        assert next_step(ONE, [stuck], sent, view, RULES) == Wait("pending", overdue=True)


def test_at_the_cap_the_same_bytes_go_on() -> None:
    """A trade at its cap is not raised but sent again, and past its deadline a cancel still fits under the cap."""
    top = attempt(CAPS.room().max_fee)
    sent = {H: SentAttempt(START, 100)}
    assert isinstance(next_step(ONE, [top], sent, seen(head=110), RULES), Wait)
    assert next_step(ONE, [top], sent, seen(START + 61, 110), RULES) == Send(top)
    step = next_step(ONE, [top], sent, seen(DEADLINE + 1, 110), RULES)
    assert isinstance(step, Cancel)
    assert CAPS.allow(step.fees, 21_000)


def test_an_open_intent_becomes_an_alarm() -> None:
    """Long past its deadline a stuck cancel says that it is overdue."""
    stuck = attempt(CAPS.max_fee, cancel=True)
    now = DEADLINE + 601
    assert next_step(ONE, [stuck], {H: SentAttempt(now, 100)}, seen(now), RULES) == Wait("pending", overdue=True)


@pytest.mark.parametrize("cancel", [False, True])
def test_depth_decides(cancel: bool) -> None:
    """A receipt counts at its depth, as confirmed or cancelled by whichever attempt it is of."""
    receipt = Receipt(H, 98, B, P, True, True, 1, 1)
    tries = [attempt(cancel=cancel)]
    assert isinstance(next_step(ONE, tries, {}, seen(head=99, h=receipt), RULES), Wait)
    ended = next_step(ONE, tries, {}, seen(head=100, h=receipt), RULES)
    assert ended == Settle(Outcome.CANCELLED if cancel else Outcome.CONFIRMED, receipt)
