"""A cycle in plain words: for the log, the command line, the status page. Pure; never raises on a valid record."""

from __future__ import annotations

from sentinel.core import valuation
from sentinel.core.actions import Action, Approve, HoldAction, Swap
from sentinel.core.decision import Act, Decision, Hold
from sentinel.core.network import NATIVE, Network
from sentinel.core.record import CycleRecord
from sentinel.core.units import BPS

HOLDS = {
    "hold_voted": "most candidates wanted to hold",
    "no_majority": "too few candidates agreed",
    "tie": "two different trades got equally many votes",
    "in_flight": "the last transaction is not settled yet",
    "paused": "trading is paused",
    "refused": "a hard limit refused the trade",
    "sized_out": "no trade at the size that its agreement supports",
    "no_ballots": "no candidate survived parsing, simulation and policy",
    "model_unavailable": "the model did not answer",
    "model_timeout": "the model was too slow",
    "no_view": "the analyst has no valid view",
    "fork_unavailable": "there was nowhere to simulate",
    "rpc_error": "the chain endpoint failed",
    "rpc_timeout": "the chain endpoint did not answer in time",
    "stale_head": "the newest head is too old",
}


def amount(value: int, symbol: str, network: Network) -> str:
    """'0.2503 WETH': as many digits as a person reads."""
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


def decision(made: Decision, network: Network) -> str:
    """One line: what was decided, with how many votes, and why."""
    votes = f" ({made.votes} of {made.asked} votes)" if made.asked else ""
    if isinstance(made, Act):
        simulation = made.simulation
        what = simulation.candidate.action
        gives = ""
        if isinstance(what, Swap):
            gives = f", giving {amount(simulation.deltas.get(what.token_out, 0), what.token_out, network)}"
        sized = f", sized to {made.size_bps / 100:g} % by calibration" if made.size_bps != BPS else ""
        return f"{action(what, network)}{gives}{sized}{votes}"
    return f"hold: {hold(made)}" if made.detail else f"hold: {hold(made)}{votes}"


def hold(made: Hold) -> str:
    plain = HOLDS.get(made.reason, made.reason.replace("_", " "))
    if made.detail and (made.reason == "hold_voted" or made.detail.startswith(plain)):
        return made.detail
    if not made.detail:
        return plain
    return f"{plain}: {made.detail}"


def cycle(record: CycleRecord, network: Network) -> str:
    return f"block {record.head.number}: {decision(record.decision, network)}{notes(record)}"


def notes(record: CycleRecord) -> str:
    """'; 3 refused (slippage), 1 discarded (no_code)': what became of those that were no ballots, and whether the node
    stood in for the fork. Empty for none."""
    parts = []
    if record.refusals:
        rules = ", ".join(sorted({refusal.rule for refusal in record.refusals}))
        reverts = {trial.revert for trial in record.simulations if trial.revert}
        why = f": {', '.join(sorted(reverts))}" if reverts else ""
        parts.append(f"{len(record.refusals)} refused ({rules}{why})")
    discarded = record.proposal.discarded if record.proposal else ()
    if discarded:
        parts.append(f"{len(discarded)} discarded ({', '.join(sorted({item.reason for item in discarded}))})")
    if any(simulation.where == "node" for simulation in record.simulations):
        parts.append("the node simulated")
    return f"; {', '.join(parts)}" if parts else ""
