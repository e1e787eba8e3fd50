"""The chain against the journal, once nothing is in flight any more; and what a count of none out of n proves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sentinel.core.errors import JournalError
from sentinel.core.transaction import Outcome
from sentinel.journal.journal import Journal

EVERY = 10**9  # trades, more than any journal here holds


@dataclass(frozen=True, slots=True)
class EndedLife:
    """One life. `point` is None where it was not killed; `error` where it failed by itself."""

    point: str | None
    error: str = ""


@dataclass(frozen=True, slots=True)
class CrashTally:
    accepted: int = 0  # intents that the journal has accepted
    double: int = 0  # of them: took effect more than once
    lost: int = 0  # of them: never took effect, though no deadline has passed
    disagree: int = (
        0  # the journal's outcome is not what the chain shows, or the journal does not know the trade at all
    )

    def __add__(self, other: CrashTally) -> CrashTally:
        return CrashTally(
            self.accepted + other.accepted,
            self.double + other.double,
            self.lost + other.lost,
            self.disagree + other.disagree,
        )

    @property
    def failures(self) -> int:
        return self.double + self.lost + self.disagree


def compare(journal: Journal, tags: Sequence[int], effects: Sequence[int]) -> CrashTally:
    """`effects` of every tag that was ever tried. Raises as `require_ended`."""
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
    """Raises JournalTampered where its index does not fit its records, JournalError where an intent has not ended."""
    journal.verify()
    if left := journal.open_intents():
        raise JournalError(f"{len(left)} intents have not ended")


def upper_bound_95(failures: int, trials: int) -> float:
    """Exact one-sided (Clopper-Pearson) 95 % bound of a failure's probability; about 3 / trials where none failed."""
    from scipy.stats import beta  # here: lives that are killed by the thousand need not load it

    return 1.0 if failures >= trials else float(beta.ppf(0.95, failures + 1, trials - failures))
