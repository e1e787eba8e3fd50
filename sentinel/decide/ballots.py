"""The ballot of a simulation: the class of its effects, and the amounts that the vote compares."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sentinel.core.actions import Approve, Route, Swap
from sentinel.core.network import Symbol
from sentinel.core.simulation import Simulation
from sentinel.decide.agreement import Point

ClassKey = tuple[object, ...]
HOLD: ClassKey = ("hold",)


@dataclass(frozen=True, slots=True)
class Ballot:
    """`amounts` are base units, all >= 0: first the inputs, then the outputs, each sorted by symbol."""

    simulation: Simulation
    key: ClassKey
    amounts: Point

    @property
    def content(self) -> tuple[object, ...]:
        """Sort key of ballots of one class, by what they would do. The index decides only between equal ballots."""
        candidate = self.simulation.candidate
        action = candidate.action
        shape: tuple[object, ...] = ()
        if isinstance(action, Swap):
            shape = (tuple(_route_content(route) for route in action.routes), action.min_out, action.deadline)
        elif isinstance(action, Approve):
            shape = (action.amount, action.expiry)
        tx = self.simulation.tx
        sent = (tx.to, tx.data, tx.value, tx.gas_limit) if tx is not None else ("", b"", 0, 0)
        effect = tuple(sorted(self.simulation.deltas.items()))
        return (self.amounts, shape, sent, effect, self.simulation.gas_used, candidate.text, candidate.index)


def ballot_of(simulation: Simulation, dust: Mapping[Symbol, int]) -> Ballot:
    """The ballot of a simulation that policy accepted. Net changes up to `dust` (base units by token) are ignored."""
    action = simulation.candidate.action
    if isinstance(action, Approve):
        return Ballot(simulation, ("approve", action.token, action.spender), (action.amount,))
    if not isinstance(action, Swap):
        return Ballot(simulation, HOLD, ())
    changes = sorted((token, delta) for token, delta in simulation.deltas.items() if abs(delta) > dust.get(token, 0))
    lost = tuple((token, -delta) for token, delta in changes if delta < 0)
    gained = tuple((token, delta) for token, delta in changes if delta > 0)
    amounts = tuple(amount for _, amount in lost + gained)
    effect: ClassKey = (tuple(token for token, _ in lost), tuple(token for token, _ in gained))
    if not action.is_cycle:
        return Ballot(simulation, ("swap", *effect), amounts)
    path = tuple(_route_path(route) for route in action.routes)
    return Ballot(simulation, ("cycle", path, *effect), (simulation.gross, *amounts))


def describe(ballot: Ballot) -> str:
    """What this ballot would do, to follow '5 of 8 wanted to'."""
    action = ballot.simulation.candidate.action
    if isinstance(action, Approve):
        return f"approve {action.token} for {action.spender}"
    if not isinstance(action, Swap):
        return "hold"
    if action.is_cycle:
        first = action.routes[0].legs
        return "trade the circle " + "-".join([first[0].token_in, *(leg.token_out for leg in first)])
    return f"buy {action.token_out} with {action.token_in}"


def _route_path(route: Route) -> tuple[tuple[Symbol, str, Symbol], ...]:
    return tuple((leg.token_in, leg.venue, leg.token_out) for leg in route.legs)


def _route_content(route: Route) -> tuple[object, ...]:
    return route.amount_in, tuple((leg.pool, leg.token_in, leg.token_out, leg.venue) for leg in route.legs)
