"""Why a cycle held, in full: the first cause with its numbers, and the setting that changes it. Pure.

Log, `sentinel decisions`, status page, the demo's screen and messages all print what is written here, so they cannot
differ. The words of a program are untrusted: they stand in quotation marks, as one short printable line.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from sentinel.core.actions import HoldAction
from sentinel.core.decision import Hold, HoldReason
from sentinel.core.record import CycleRecord
from sentinel.core.untrusted_text import one_line
from sentinel.decide.lost_samples import Loss, losses
from sentinel.decide.rule_settings import with_settings

PLAYER = "oracle"  # the source of proposals that the order's player makes
MAX_WORDS = 80  # characters of a program's own words, as the tool `hold` keeps them

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

CHANGES: Mapping[HoldReason, str] = {  # what an operator can change about an outage; nothing if only time helps
    HoldReason.MODEL_UNAVAILABLE: "check the server at SENTINEL_MODEL__URL",
    HoldReason.MODEL_TIMEOUT: "SENTINEL_MODEL__TIMEOUT bounds a request, SENTINEL_MODEL__EPISODE_TIMEOUT a block",
    HoldReason.FORK_UNAVAILABLE: "SENTINEL_FORK__TIMEOUT bounds a simulation; `sentinel doctor` examines fork and node",
    HoldReason.FORK_IN_USE: "give each daemon its own SENTINEL_FORK__SOCKET",
    HoldReason.RPC_ERROR: "check SENTINEL_RPC__URL, or add an endpoint to SENTINEL_RPC__URLS",
    HoldReason.RPC_TIMEOUT: "SENTINEL_RPC__READ_TIMEOUT bounds a read; SENTINEL_RPC__URLS adds endpoints",
    HoldReason.SIGNER_UNAVAILABLE: "check the signer's process and SENTINEL_WALLET__SIGNER_SOCKET",
    HoldReason.PAUSED: "`sentinel resume` releases it",
}

_VOTED = (HoldReason.NO_MAJORITY, HoldReason.TIE, HoldReason.HOLD_VOTED)


def hold_reason(record: CycleRecord) -> str:
    """Why the cycle of this record held. Raises TypeError if it acted."""
    decision = record.decision
    if not isinstance(decision, Hold):
        raise TypeError("the cycle acted")
    if decision.reason is HoldReason.REFUSED:
        return _refused(record, decision)
    if decision.reason is HoldReason.SIZED_OUT:
        refusal = record.sized.refusal if record.sized is not None else None
        detail = decision.detail if refusal is None else with_settings(refusal.rule, decision.detail)
        return _joined(HOLDS[decision.reason], detail)
    lost = lost_ballots(record) if decision.reason in _VOTED else []
    if decision.reason is HoldReason.NO_MAJORITY and not decision.votes and lost:
        return "; ".join(lost)
    if decision.reason is HoldReason.HOLD_VOTED:
        if (waits := _of_the_order(record)) is not None:  # the player's words are our own, so they stand as they are
            return "; ".join([waits, *lost])
        return "; ".join([_own_words(record, decision), *lost])
    text = _joined(HOLDS[decision.reason], decision.detail)
    if (change := CHANGES.get(decision.reason)) is not None:
        text += f" ({change})"
    return "; ".join([text, *lost])


def lost_ballots(record: CycleRecord) -> list[str]:
    """What became of the final actions that gave no ballot, most frequent cause first, each with its numbers."""
    proposal = record.proposal
    if proposal is None:
        return []
    return [_lost(loss, proposal.asked) for loss in losses(proposal, record.refusals)]


def _lost(loss: Loss, asked: int) -> str:
    fate = loss.fate.replace("were ", "was ", 1) if loss.count == 1 and loss.fate.startswith("were ") else loss.fate
    change = f": {loss.change}" if loss.change else ""
    return f"{loss.count} of {asked} samples {fate}{change}"


def _of_the_order(record: CycleRecord) -> str | None:
    """Why the approved order does not trade, if it was its player that held."""
    played, proposal = record.played, record.proposal
    held = played is not None and played.clause is None and proposal is not None and proposal.source == PLAYER
    return played.why if held and played is not None else None


def _own_words(record: CycleRecord, decision: Hold) -> str:
    """'"next buy in 12 min" (5 of 8 wanted to hold)': the words of the first program that gave any."""
    tally = decision.detail or HOLDS[decision.reason]
    words = next(filter(None, _words(record)), "")
    return f'"{words}" ({tally})' if words else tally


def _words(record: CycleRecord) -> Iterator[str]:
    refused = {refusal.index for refusal in record.refusals}
    for simulation in sorted(record.simulations, key=lambda simulation: simulation.candidate.index):
        action = simulation.candidate.action
        if isinstance(action, HoldAction) and simulation.candidate.index not in refused:
            yield one_line(action.reason, MAX_WORDS).replace('"', "'")


def _refused(record: CycleRecord, decision: Hold) -> str:
    """The rule that refused first, with its numbers; later rules often refuse for the same cause."""
    refused = [verdict for verdict in record.verdicts if not verdict.ok]
    if not refused:  # another guard refused, such as the signer: the detail names its rule and its numbers
        return _joined(HOLDS[HoldReason.REFUSED], decision.detail)
    first, *others = refused
    text = with_settings(first.rule, f"{first.rule}: {first.detail}")
    more = f"; then also {_names([verdict.rule for verdict in others])}" if others else ""
    return f"{HOLDS[HoldReason.REFUSED]}: {text}{more}"


def _names(rules: Sequence[str]) -> str:
    return ", ".join(dict.fromkeys(rules))


def _joined(plain: str, detail: str) -> str:
    if not detail:
        return plain
    return detail if detail.startswith(plain) else f"{plain}: {detail}"
