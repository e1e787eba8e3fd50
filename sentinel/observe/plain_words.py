"""A cycle in plain words, for the log, the command line and the status page. Pure."""

from __future__ import annotations

from sentinel.core import valuation
from sentinel.core.actions import Action, Approve, HoldAction, Swap
from sentinel.core.decision import Act, Hold
from sentinel.core.network import NATIVE, Network
from sentinel.core.record import CycleRecord
from sentinel.core.simulation import Where
from sentinel.core.units import BPS
from sentinel.decide.hold_reason import hold_reason, lost_ballots
from sentinel.orders.typed.judgements import counted


def amount(value: int, symbol: str, network: Network) -> str:
    """An amount in base units as whole tokens with six significant digits, such as '0.2503 WETH'."""
    if symbol not in network.tokens and symbol != NATIVE:
        return f"{value} base units of {symbol}"
    return f"{valuation.whole(value, symbol, network):,.6g} {symbol}"


def action(what: Action, network: Network) -> str:
    match what:
        case HoldAction(reason=reason):
            return f"hold ({reason})" if reason else "hold"
        case Approve(token=token, spender=spender, amount=value):
            return f"allow {spender} to take {amount(value, token, network)}"
        case Swap():
            pools = " + ".join(" > ".join(leg.pool for leg in route.legs) for route in what.routes)
            if what.is_cycle:
                return f"cycle {amount(what.amount_in, what.token_in, network)} over {pools}"
            return f"swap {amount(what.amount_in, what.token_in, network)} to {what.token_out} over {pools}"


def told(record: CycleRecord, network: Network) -> str:
    """One line with the decision of a cycle: what is done, by how many votes, or why it held; and what was lost."""
    made = record.decision
    parts = [f"hold: {hold_reason(record)}"] if isinstance(made, Hold) else [act(made, network), *lost_ballots(record)]
    if record.proposal is not None and record.proposal.judged:
        parts.append(f"the student judged {counted(record.proposal.judged)}")
    if any(simulation.where is Where.NODE for simulation in record.simulations):
        parts.append("the node simulated")
    return "; ".join(parts)


def act(made: Act, network: Network) -> str:
    """What is done and what it gives, with the votes for it."""
    what = made.simulation.candidate.action
    gives = ""
    if isinstance(what, Swap):
        gives = f", giving {amount(made.simulation.deltas.get(what.token_out, 0), what.token_out, network)}"
    sized = f", sized to {made.size_bps / 100:g} % by calibration" if made.size_bps != BPS else ""
    votes = f" ({made.votes} of {made.asked} votes)" if made.asked else ""
    return f"{action(what, network)}{gives}{sized}{votes}"


def cycle(record: CycleRecord, network: Network) -> str:
    return f"block {record.head.number}: {told(record, network)}"
