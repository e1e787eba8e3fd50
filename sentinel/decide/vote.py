"""The vote: candidates agree by what they would do, never by what they say.

The winner is the largest agreeing set over all classes of effects. Sentinel acts on it only with a strict majority of
all samples asked for. Failures and refused candidates give no ballot, but they count among the samples asked for. The
result does not depend on the order of the ballots, and only a transaction that was itself simulated is chosen.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sentinel.core.decision import Act, Decision, Hold, HoldReason
from sentinel.core.network import Symbol
from sentinel.core.simulation import Simulation
from sentinel.core.units import BPS
from sentinel.decide.agreement import largest_agreeing
from sentinel.decide.ballots import HOLD, Ballot, ClassKey, ballot_of, describe

NAMED = 3  # number of classes that a tally names; the others are counted together


@dataclass(frozen=True, slots=True)
class Faction:
    """The largest agreeing set of one class, and the number of ballots of the class outside it."""

    key: ClassKey
    members: tuple[Ballot, ...]
    outside: int

    @property
    def votes(self) -> int:
        return len(self.members)


def vote(
    ballots: Sequence[Simulation],
    *,
    asked: int,
    quorum_bps: int = 5000,
    agreement_bps: int = 500,
    dust: Mapping[Symbol, int] | None = None,
) -> Decision:
    """Decide among the simulations that policy accepted, holds included.

    `asked` is the number of final actions asked for. If there are more ballots than that, their number is used instead,
    which can only make acting harder. An act needs votes * 10000 > quorum_bps * asked. `dust` is in base units by
    token. Reasons of a hold: "no_majority", "tie", "hold_voted".
    """
    asked = max(asked, len(ballots))
    ranked = factions([ballot_of(simulation, dust or {}) for simulation in ballots], agreement_bps)
    if not ranked:
        return Hold(HoldReason.NO_MAJORITY, 0, asked, f"none of {asked} gave an action that could be carried out")
    first = ranked[0]
    runner_up = ranked[1].votes if len(ranked) > 1 else 0
    if first.votes == runner_up:
        return Hold(HoldReason.TIE, first.votes, asked, _tally(ranked, asked, quorum_bps))
    if first.key == HOLD:
        return Hold(HoldReason.HOLD_VOTED, first.votes, asked, _tally(ranked, asked, None))
    if first.votes * BPS <= quorum_bps * asked:
        return Hold(HoldReason.NO_MAJORITY, first.votes, asked, _tally(ranked, asked, quorum_bps))
    return Act(
        simulation=_lower_median(first.members),
        votes=first.votes,
        asked=asked,
        margin=first.votes - runner_up,
        spread_bps=_spread_bps(first.members),
    )


def factions(ballots: Sequence[Ballot], agreement_bps: int) -> list[Faction]:
    """The largest agreeing set of each class, most votes first. The order among equals has no meaning but is fixed."""
    classes: defaultdict[ClassKey, list[Ballot]] = defaultdict(list)
    for ballot in ballots:
        classes[ballot.key].append(ballot)
    result = []
    for key, members in classes.items():
        chosen = largest_agreeing([ballot.amounts for ballot in members], agreement_bps)
        result.append(Faction(key, tuple(members[i] for i in chosen), len(members) - len(chosen)))
    return sorted(result, key=lambda faction: (-faction.votes, repr(faction.key)))


def _lower_median(members: Sequence[Ballot]) -> Simulation:
    """The lower median by gross amount, and by content among equal gross amounts."""
    ordered = sorted(ballot.simulation.gross for ballot in members)
    position = (len(members) - 1) // 2
    gross = ordered[position]
    equals = [ballot for ballot in members if ballot.simulation.gross == gross]
    if len(equals) == 1:
        return equals[0].simulation
    return sorted(equals, key=lambda ballot: ballot.content)[position - ordered.index(gross)].simulation


def _spread_bps(members: Sequence[Ballot]) -> int:
    """The largest (max - min) / min over the compared amounts, in bps, rounded up; 0 if all are equal."""
    widest = 0
    for column in zip(*(ballot.amounts for ballot in members), strict=True):
        low, high = min(column), max(column)
        if high > low:  # then low > 0, because zero agrees only with zero
            widest = max(widest, -(-(high - low) * BPS // low))
    return widest


def _tally(factions: Sequence[Faction], asked: int, quorum_bps: int | None) -> str:
    """'5 of 8 wanted to buy WETH with USDC, 3 to hold; a majority needs more than 4'."""
    parts = []
    for position, faction in enumerate(factions[:NAMED]):
        count = f"{faction.votes} of {asked} wanted to" if position == 0 else f"{faction.votes} to"
        elsewhere = f" (and {faction.outside} in other amounts)" if faction.outside else ""
        parts.append(f"{count} {describe(faction.members[0])}{elsewhere}")
    if rest := sum(faction.votes + faction.outside for faction in factions[NAMED:]):
        parts.append(f"{rest} something else")
    unusable = asked - sum(faction.votes + faction.outside for faction in factions)
    if unusable:
        parts.append(f"{unusable} gave nothing usable")
    need = "" if quorum_bps is None else f"; a majority needs more than {quorum_bps * asked // BPS}"
    return ", ".join(parts) + need
