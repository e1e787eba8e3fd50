"""The simulated effects of candidates on a scale, so that the agreeing set is seen at a glance. Pure.

Each class of effects has one axis for each amount that the vote compares. A dot is one candidate, or several with the
same amount; the band is the widest that agrees with the smallest amount of the agreeing set.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from sentinel.core import valuation
from sentinel.core.actions import Approve, Swap
from sentinel.core.network import NATIVE, Network, Symbol
from sentinel.core.units import BPS
from sentinel.decide.ballots import Ballot, describe
from sentinel.decide.vote import Faction
from sentinel.observe.web.shown_decision import Dot, EffectAxis, EffectScale, Tick

WIDTH, HEIGHT, PAD = 640, 76, 36  # of an axis
LINE = 34.0  # y of the dots
RADIUS, GROWTH, LARGEST = 5.0, 1.6, 15.0  # of a dot for one candidate, per further one, and at most
NEAR = 2.0  # dots that are as near as this are drawn as one
TICKS = 5
AGREES, OUTSIDE, REFUSED = "agrees", "outside", "refused"  # fates of a candidate with an effect
ROOM = 2  # an axis shows this many times what agrees, on either side


def scales(
    factions: Sequence[Faction],
    ballots: Sequence[Ballot],
    refused: Sequence[Ballot],
    network: Network,
    *,
    agreement_bps: int,
    votes: int,
) -> tuple[EffectScale, ...]:
    """One for each class, most votes first, then those of which every candidate was refused.

    `votes`: of the decision, by which the first class is known to have won.
    """
    agreeing = {ballot.simulation.candidate.index for faction in factions for ballot in faction.members}
    fates = {ballot.simulation.candidate.index: REFUSED for ballot in refused}
    fates |= {
        b.simulation.candidate.index: AGREES if b.simulation.candidate.index in agreeing else OUTSIDE for b in ballots
    }
    counted = {faction.key: (faction.votes, faction.outside) for faction in factions}
    keys = dict.fromkeys([*counted, *(ballot.key for ballot in refused)])
    shown = []
    for rank, key in enumerate(keys):
        of_class = [ballot for ballot in (*ballots, *refused) if ballot.key == key]
        axes = tuple(
            _axis(name, symbol, column, of_class, fates, network, agreement_bps)
            for column, (name, symbol) in enumerate(_names(of_class[0]))
        )
        own, outside = counted.get(key, (0, 0))
        shown.append(
            EffectScale(
                title=describe(of_class[0]),
                votes=own,
                outside=outside,
                refused=sum(ballot.key == key for ballot in refused),
                wins=rank == 0 and key in counted and own == votes,
                axes=axes,
            )
        )
    return tuple(shown)


def _names(ballot: Ballot) -> list[tuple[str, Symbol]]:
    """What each compared amount is, and of which token."""
    action = ballot.simulation.candidate.action
    if isinstance(action, Approve):
        return [(f"allows {action.token}", action.token)]
    if not isinstance(action, Swap):
        return []
    lost, gained = ballot.key[-2], ballot.key[-1]
    named = [(f"pays {symbol}", symbol) for symbol in _symbols(lost)]
    named += [(f"gets {symbol}", symbol) for symbol in _symbols(gained)]
    return [(f"puts in {action.token_in}", action.token_in), *named] if action.is_cycle else named


def _symbols(part: object) -> Iterable[Symbol]:
    return (str(symbol) for symbol in part) if isinstance(part, tuple) else ()


def _axis(
    name: str,
    symbol: Symbol,
    column: int,
    ballots: Sequence[Ballot],
    fates: Mapping[int, str],
    network: Network,
    agreement_bps: int,
) -> EffectAxis:
    known = symbol in network.tokens or symbol == NATIVE
    amounts = {
        ballot.simulation.candidate.index: valuation.whole(ballot.amounts[column], symbol, network)
        if known
        else float(ballot.amounts[column])
        for ballot in ballots
    }
    voted = [amount for index, amount in amounts.items() if fates[index] == AGREES]
    base = min(voted or amounts.values())
    widest = base * agreement_bps / BPS
    low = min(base - ROOM * widest, *amounts.values(), base)
    high = max(base + (ROOM + 1) * widest, *amounts.values(), base)
    span = (high - low) or 1.0

    def at(amount: float) -> float:
        return round(PAD + (amount - low) / span * (WIDTH - 2 * PAD), 1)

    band = (at(base), round(at(base + widest) - at(base), 1)) if widest and voted else None
    ticks = tuple(
        Tick(at(value), f"{value:,.6g}") for value in (low + span * step / (TICKS - 1) for step in range(TICKS))
    )
    return EffectAxis(name, tuple(_dots(amounts, fates, at, symbol)), ticks, band, WIDTH, HEIGHT)


def _dots(
    amounts: Mapping[int, float], fates: Mapping[int, str], at: Callable[[float], float], symbol: Symbol
) -> Iterable[Dot]:
    groups: list[list[int]] = []
    for index in sorted(amounts, key=lambda index: (amounts[index], fates[index], index)):
        last = groups[-1][0] if groups else None
        if last is not None and fates[last] == fates[index] and at(amounts[index]) - at(amounts[last]) <= NEAR:
            groups[-1].append(index)
        else:
            groups.append([index])
    for group in groups:
        amount = amounts[group[0]]
        who = ", ".join(f"#{index}" for index in group)
        radius = min(LARGEST, RADIUS + GROWTH * (len(group) - 1))
        label = f"{amount:,.6g} {symbol}: candidate{'s' if len(group) > 1 else ''} {who}"
        yield Dot(at(amount), LINE, round(radius, 1), len(group), fates[group[0]], label)
