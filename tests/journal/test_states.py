"""The table of states: who may follow whom, that it is drawn as it is, and what a reorg does to the journal."""

from __future__ import annotations

from pathlib import Path

import pytest

from sentinel.core.errors import JournalError
from sentinel.core.transaction import Intent, Outcome
from sentinel.journal.journal import Journal
from sentinel.journal.states import MINED, NEXT, State, state_of
from tests.journal.values import attempt, end, intent, settled

PAGE = Path(__file__).parents[2] / "docs" / "transactions.md"


def test_every_state_is_reached_and_all_but_the_last_lead_on() -> None:
    """Each state can be come to from `accepted` (or is where a dry run ends), and every way leads to an end."""
    reached = {State.ACCEPTED}
    while (more := reached | {after for before in reached for after in NEXT[before]}) != reached:
        reached = more
    assert reached == set(State) - {State.DRY}
    ends = {State.EXPIRED, State.FINAL}
    assert {state for state in reached if not NEXT[state]} == ends
    assert {State(outcome.value) for outcome in Outcome} <= {*MINED, State.UNKNOWN} | ends


def test_the_page_shows_the_table() -> None:
    """docs/transactions.md has one row a state with exactly the states that may follow."""
    rows = [line.split("|")[1:4] for line in PAGE.read_text().split("\n## ")[0].splitlines() if line.startswith("| `")]
    told = {row[0].strip(" `"): {one.strip(" `") for one in row[2].split(",")} - {"", "-"} for row in rows}
    assert told == {state.value: {after.value for after in after_all} for state, after_all in NEXT.items()}


@pytest.mark.parametrize("after", [State.SEEN, State.SENT, State.FINAL, State.CONFIRMED])
def test_a_way_that_is_not_in_the_table_is_refused(journal: Journal, after: State) -> None:
    """Nothing can be sent or seen before it was signed, and nothing is written of the attempt."""
    one = intent()
    journal.accept(None, one)
    count = journal.verify()
    with pytest.raises(JournalError, match="accepted"):
        journal.transition(one.id, after)
    assert journal.verify() == count


def test_states_of_older_journals_are_read(journal: Journal) -> None:
    """An open intent whose state an earlier version named by the node's answer goes on from `sent`."""
    assert (state_of("known"), state_of("mined")) == (State.SENT, State.SEEN)
    with pytest.raises(JournalError, match="unknown state"):
        state_of("flying")
    one = intent()
    journal.accept(None, one)
    journal.attempt(attempt(one))
    journal._ledger.execute("UPDATE intents SET state = 'unknown' WHERE id = ?", one.id)
    journal.transition(one.id, State.SEEN)
    journal.settle(settled(one))


def ended(journal: Journal, nonce: int) -> Intent:
    one = intent()
    journal.accept(None, one)
    journal.attempt(attempt(one, nonce, nonce))
    end(journal, settled(one))
    return one


def test_what_a_reorg_takes_back_is_open_again_lowest_nonce_first(journal: Journal) -> None:
    """Two settled ones and the one in flight go back; each is open in the order of nonces, and the day's profit with
    them; the index agrees with the records throughout."""
    first, second = ended(journal, 0), ended(journal, 1)
    third = intent()
    journal.accept(None, third)
    journal.attempt(attempt(third, 2, 2))
    loss = journal.spent_today(journal._ledger.clock()).loss
    assert loss > 0
    journal.reopen([first.id, second.id], "a reorg")
    assert journal.spent_today(journal._ledger.clock()).loss == 0
    assert [one.intent.id for one in journal.open_intents()] == [first.id, second.id, third.id]
    with pytest.raises(JournalError, match="is not open"):
        journal.transition(second.id, State.SEEN)
    with pytest.raises(JournalError):
        journal.accept(None, intent())
    for one in (first, second, third):
        assert journal.open_intents()[0].intent.id == one.id
        end(journal, settled(one))
        journal.verify()
    assert journal.spent_today(journal._ledger.clock()).loss == loss * 3 // 2
    assert [one.intent_id for one in journal.not_final()] == [first.id, second.id, third.id]


def test_final_is_final(journal: Journal) -> None:
    """What the finalized block is past is not watched any more and cannot be taken back."""
    first, second = ended(journal, 0), ended(journal, 1)
    journal.finalise([first.id], 200)
    assert [one.intent_id for one in journal.not_final()] == [second.id]
    journal.reopen([second.id], "a reorg")
    end(journal, settled(second, Outcome.REVERTED))
    assert [one.outcome for one in journal.not_final()] == [Outcome.REVERTED]
    journal.verify()


def test_a_receipt_that_comes_late_hides_no_later_nonce_from_a_reorg(journal: Journal) -> None:
    """An unknown nonce settles after two later ones did: that it is final says nothing of them, also when read anew."""
    late = intent()
    journal.accept(None, late)
    journal.attempt(attempt(late, 0, 0))
    journal.settle(settled(late, Outcome.UNKNOWN))
    second, third = ended(journal, 1), ended(journal, 2)
    journal.reopen([late.id], "a late receipt")
    end(journal, settled(late))
    assert [one.intent_id for one in journal.not_final()] == [late.id, second.id, third.id]
    journal.finalise([late.id], 200)
    assert [one.intent_id for one in journal.not_final()] == [second.id, third.id]
    journal.finalise([second.id], 200)
    assert [one.intent_id for one in journal.not_final()] == [third.id]
    journal.verify()


def test_an_expired_intent_is_never_watched(journal: Journal) -> None:
    """Nothing was signed for it, so nothing can come of it."""
    one = intent()
    journal.accept(None, one)
    end(journal, settled(one, Outcome.EXPIRED))
    assert journal.not_final() == ()
