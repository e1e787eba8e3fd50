"""The comparison of chain and journal when no intent is open, and the bound that a number of failures proves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sentinel.core.errors import JournalError
from sentinel.core.transaction import Outcome
from sentinel.journal.journal import Journal

EVERY = 10**9  # more trades than any journal here holds


@dataclass(frozen=True, slots=True)
class EndedLife:
    """How one life ended. `point` is None if it was not killed; `error` is set if it failed by itself."""

    point: str | None
    error: str = ""


@dataclass(frozen=True, slots=True)
class CrashTally:
    """Numbers of trades."""

    accepted: int = 0  # intents that the journal accepted
    double: int = 0  # accepted intents that took effect more than once
    lost: int = 0  # accepted intents that never took effect before their deadline
    disagree: int = 0  # trades on which journal and chain differ, or that only the chain has
    early: int = 0  # trades of an order before its interval was over
    looks: int = 0  # of the order's player, in the records of the cycles
    forgotten: int = 0  # of them and of the closes on disk: those that are not what the chain says

    def __add__(self, other: CrashTally) -> CrashTally:
        return CrashTally(
            self.accepted + other.accepted,
            self.double + other.double,
            self.lost + other.lost,
            self.disagree + other.disagree,
            self.early + other.early,
            self.looks + other.looks,
            self.forgotten + other.forgotten,
        )

    @property
    def failures(self) -> int:
        return self.double + self.lost + self.disagree + self.early + self.forgotten


def compare(journal: Journal, tags: Sequence[int], effects: Sequence[int]) -> CrashTally:
    """Compare the journal with the `effects` of all `tags` that were tried. Raises like `require_ended`."""
    require_ended(journal)
    outcomes = {trade.gross: trade.state for trade in journal.trades(EVERY)}
    counted = dict(zip(tags, effects, strict=True))
    confirmed = {tag for tag, outcome in outcomes.items() if outcome == Outcome.CONFIRMED}
    return CrashTally(
        accepted=len(outcomes),
        double=sum(count > 1 for count in effects),
        lost=sum(counted[tag] == 0 for tag in outcomes),
        disagree=len(confirmed ^ {tag for tag, count in counted.items() if count}),
    )


def require_ended(journal: Journal) -> None:
    """Raises JournalTampered if the index does not fit the records, and JournalError if an intent is open."""
    journal.verify()
    if intents := journal.open_intents():
        raise JournalError(f"{len(intents)} intents are still open")


def upper_bound_95(failures: int, trials: int) -> float:
    """One-sided 95 % bound (Clopper-Pearson) of the probability of a failure; about 3 / trials if none failed."""
    from scipy.stats import beta  # imported here, because thousands of lives need not load it

    return 1.0 if failures >= trials else float(beta.ppf(0.95, failures + 1, trials - failures))
