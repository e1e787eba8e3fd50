"""A cycle in plain words, for the log, the command line and the status page. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from sentinel.core import valuation
from sentinel.core.actions import Action, Approve, HoldAction, Swap
from sentinel.core.decision import Act, Decision, Hold, HoldReason
from sentinel.core.network import NATIVE, Network
from sentinel.core.record import CycleRecord
from sentinel.core.simulation import Where
from sentinel.core.units import BPS

HOLDS: Mapping[HoldReason, str] = {
    HoldReason.HOLD_VOTED: "most candidates wanted to hold",
    HoldReason.NO_MAJORITY: "too few candidates agreed",
    HoldReason.TIE: "two different trades got equally many votes",
    HoldReason.IN_FLIGHT: "the last transaction is not settled yet",
    HoldReason.PAUSED: "trading is halted",
    HoldReason.REFUSED: "a hard limit refused the trade",
    HoldReason.SIZED_OUT: "no trade at the size that its agreement supports",
    HoldReason.MODEL_UNAVAILABLE: "the model did not answer",
    HoldReason.MODEL_TIMEOUT: "the model was too slow",
    HoldReason.NO_VIEW: "the analyst has no valid view",
    HoldReason.FORK_UNAVAILABLE: "there was nowhere to simulate",
    HoldReason.FORK_IN_USE: "another Sentinel uses the fork",
    HoldReason.RPC_ERROR: "the chain endpoint failed",
    HoldReason.RPC_TIMEOUT: "the chain endpoint did not answer in time",
    HoldReason.HEAD_GONE: "the block is no part of the endpoint's chain",
    HoldReason.SIGNER_UNAVAILABLE: "the signer did not answer",
    HoldReason.UNAVAILABLE: "a part outside the daemon did not answer",
    HoldReason.STOPPING: "the daemon stops",
    HoldReason.DISPUTED: "the endpoints tell of different chains",
    HoldReason.OVERTAKEN: "blocks come faster than they are simulated",
}


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


def decision(made: Decision, network: Network) -> str:
    """One line with the decision, its votes and its reason."""
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
    plain = HOLDS[made.reason]
    if made.detail and (made.reason is HoldReason.HOLD_VOTED or made.detail.startswith(plain)):
        return made.detail
    if not made.detail:
        return plain
    return f"{plain}: {made.detail}"


def cycle(record: CycleRecord, network: Network) -> str:
    return f"block {record.head.number}: {decision(record.decision, network)}{notes(record)}"


def notes(record: CycleRecord) -> str:
    """Refusals and discards, and whether the node simulated, such as '; 3 refused (slippage), 1 discarded (no_code)'.

    Empty if there is nothing to note.
    """
    parts = []
    if record.refusals:
        rules = ", ".join(sorted({refusal.rule for refusal in record.refusals}))
        reverts = {trial.revert for trial in record.simulations if trial.revert}
        why = f": {', '.join(sorted(reverts))}" if reverts else ""
        parts.append(f"{len(record.refusals)} refused ({rules}{why})")
    discarded = record.proposal.discarded if record.proposal else ()
    if discarded:
        parts.append(f"{len(discarded)} discarded ({', '.join(sorted({item.reason for item in discarded}))})")
    if any(simulation.where is Where.NODE for simulation in record.simulations):
        parts.append("the node simulated")
    return f"; {', '.join(parts)}" if parts else ""
