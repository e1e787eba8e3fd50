"""One decision of the journal as its page shows it, from the market's state to what the trade realised. Pure.

The classes of the vote are found again from the recorded simulations, with the settings that were in force.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from sentinel.agent.action_format import STOP, THOUGHT, closed
from sentinel.agent.parse import parse
from sentinel.core import valuation
from sentinel.core.actions import Proposal, Sample, Swap
from sentinel.core.decision import Act
from sentinel.core.network import Network, Symbol
from sentinel.core.record import CycleRecord, PlayedOrder
from sentinel.core.simulation import Simulation
from sentinel.core.units import BPS, GWEI
from sentinel.daemon.page.intent_values import transaction_card, whole
from sentinel.decide.ballots import ballot_of
from sentinel.decide.rule_settings import with_settings
from sentinel.decide.vote import factions
from sentinel.journal.browsing import IntentEntry
from sentinel.observe import plain_words
from sentinel.observe.web.effect_scale import scales
from sentinel.observe.web.shown import StageLine
from sentinel.observe.web.shown_decision import (
    DecisionPage,
    EffectScale,
    FateLine,
    MarketLine,
    SampleGroup,
    VerdictLine,
)

OBSERVATION = "Observation: "
STAGES = ("market", "propose", "simulate", "policy", "vote", "size", "prepare", "confirm")  # in their order


@dataclass(frozen=True, slots=True)
class InForceThen:
    """The settings of the vote that were in force."""

    agreement_bps: int
    quorum_bps: int
    dust: Mapping[Symbol, int]  # base units


def decision_page(
    seq: int,
    at: float,
    record: CycleRecord,
    around: tuple[int | None, int | None],
    then: InForceThen,
    entry: IntentEntry | None,
    network: Network,
) -> DecisionPage:
    decision, state, proposal, played = record.decision, record.state, record.proposal, record.played
    act = decision if isinstance(decision, Act) else None
    shown_scales, winning = _vote(record, then, network)
    return DecisionPage(
        seq=seq,
        at=at,
        older=around[0],
        newer=around[1],
        block=record.head.number,
        block_hash=record.head.hash,
        block_time=record.head.timestamp,
        act=act is not None,
        reason="act" if isinstance(decision, Act) else decision.reason.value,
        words=plain_words.told(record, network),
        votes=decision.votes,
        asked=decision.asked or (proposal.asked if proposal is not None else 0),
        margin=None if act is None else act.margin,
        spread_bps=None if act is None else act.spread_bps,
        quorum_bps=then.quorum_bps,
        agreement_bps=then.agreement_bps,
        source=proposal.source if proposal is not None else "",
        sampled_at=proposal.sampled_at if proposal is not None else None,
        steps=proposal.steps if proposal is not None else 0,
        equity=None if state is None else valuation.state_equity(state, network),
        base_fee_gwei=record.head.base_fee / GWEI,
        nonce=None if state is None else state.nonce,
        market=tuple(_market(record, network)),
        target={} if record.view is None else {s: w / BPS for s, w in record.view.target_weights.items()},
        played="" if played is None else played.why,
        played_trade="" if played is None else _played_trade(played),
        judged={} if proposal is None else {phrase: _counted(given) for phrase, given in proposal.judged.items()},
        prompt=() if proposal is None else tuple((m.get("role", ""), m.get("content", "")) for m in proposal.prompt),
        samples=() if proposal is None else tuple(sample_groups(proposal)),
        observations={} if proposal is None else _observations(proposal),
        fates=tuple(_fates(record, winning, network)),
        scales=shown_scales,
        verdicts=tuple(
            VerdictLine(verdict.rule, verdict.ok, verdict.detail)
            if verdict.ok
            else VerdictLine(verdict.rule, False, with_settings(verdict.rule, verdict.detail))
            for verdict in record.verdicts
        ),
        refusals=_refusals(record),
        stages=stages(record.timings),
        stages_total=record.timings.get("total", 0.0),
        exit_made=record.exit_made,
        sized=_sized(record, network),
        transaction=None if entry is None else transaction_card(entry, network),
    )


def stages(timings: Mapping[str, float]) -> tuple[StageLine, ...]:
    """The stages of a cycle one after the other, as bars between 0 and 1."""
    known = [(name, timings[name]) for name in STAGES if timings.get(name, 0.0) > 0]
    total = sum(seconds for _, seconds in known) or 1.0
    lines, start = [], 0.0
    for name, seconds in known:
        lines.append(StageLine(name, seconds, start, seconds / total))
        start += seconds / total
    return tuple(lines)


def sample_groups(proposal: Proposal) -> Iterator[SampleGroup]:
    """The samples of each step; equal texts are one group, the largest group first."""
    winners = [message["content"] for message in proposal.prompt if message.get("role") == "assistant"]
    for step in range(1, proposal.steps + 1):
        groups: dict[str, list[Sample]] = {}
        for sample in proposal.samples:
            if sample.step == step:
                groups.setdefault(sample.text, []).append(sample)
        winner = winners[step - 1] if step <= len(winners) and step < proposal.steps else None
        for text, same in sorted(groups.items(), key=lambda group: (-len(group[1]), group[1][0].index)):
            thought, code = _split(text)
            first = same[0]
            yield SampleGroup(
                step=step,
                indexes=tuple(sample.index for sample in same),
                thought=thought,
                code=code,
                tokens=first.tokens,
                finish=first.finish.value,
                won=winner is not None and closed(text) == winner,
            )


def _split(text: str) -> tuple[str, str]:
    """Thought and code. A text that has none of the usual form is all thought."""
    code = parse(text)
    if not isinstance(code, str):
        return text, ""
    return text.strip().removeprefix(THOUGHT).partition("\nCode:")[0].replace(STOP, ""), code


def _observations(proposal: Proposal) -> dict[int, str]:
    """By step: the observation of the group that won it, from the conversation that the next step was asked with."""
    texts = [m["content"] for m in proposal.prompt if m.get("role") == "user" and m["content"].startswith(OBSERVATION)]
    return {step: text.removeprefix(OBSERVATION) for step, text in enumerate(texts, 1)}


def _vote(record: CycleRecord, then: InForceThen, network: Network) -> tuple[tuple[EffectScale, ...], frozenset[int]]:
    """The classes of effects on their scales, and the candidates in the agreeing set that decided."""
    refused = {refusal.index for refusal in record.refusals}
    succeeded = [ballot_of(s, then.dust) for s in record.simulations if s.revert is None]
    ballots = [ballot for ballot in succeeded if ballot.simulation.candidate.index not in refused]
    out = [ballot for ballot in succeeded if ballot.simulation.candidate.index in refused]
    ranked = factions(ballots, then.agreement_bps)
    shown = scales(ranked, ballots, out, network, agreement_bps=then.agreement_bps, votes=record.decision.votes)
    won = ranked[0].members if ranked and shown[0].wins else ()
    return shown, frozenset(ballot.simulation.candidate.index for ballot in won)


def _fates(record: CycleRecord, winning: frozenset[int], network: Network) -> Iterator[FateLine]:
    proposal = record.proposal
    if proposal is None:
        return
    refused = {refusal.index: refusal for refusal in record.refusals}
    simulated = {simulation.candidate.index: simulation for simulation in record.simulations}
    discarded = {discard.index: discard for discard in proposal.discarded}
    candidates = {candidate.index: candidate for candidate in proposal.candidates}
    decision = record.decision
    chosen = decision.simulation.candidate.index if isinstance(decision, Act) else None
    for index in sorted({*candidates, *discarded}):
        if index in discarded:
            discard = discarded[index]
            why = discard.detail or str(discard.reason).replace("_", " ")
            yield FateLine(index, f"discarded: {discard.stage}", False, False, "", "", why)
            continue
        simulation = simulated.get(index)
        action = plain_words.action(candidates[index].action, network)
        effect = "" if simulation is None else effect_of(simulation, network)
        if index in refused:
            refusal = refused[index]
            reverted = simulation is not None and simulation.revert is not None
            why = f"{refusal.rule}: {with_settings(refusal.rule, refusal.detail)}"
            yield FateLine(index, "reverted" if reverted else "refused", False, False, action, effect, why)
        elif simulation is None:
            yield FateLine(index, "not simulated", False, False, action, "", "")
        else:
            yield FateLine(index, "voted", index in winning, index == chosen, action, effect, "")


def effect_of(simulation: Simulation, network: Network) -> str:
    """'-500 USDC, +0.249 WETH', or why it reverted."""
    if simulation.revert is not None:
        return f"reverts: {simulation.revert}"
    changes = (f"{whole(delta, s, network):+,.6g} {s}" for s, delta in sorted(simulation.deltas.items()) if delta)
    return ", ".join(changes) or "changes nothing"


def _refusals(record: CycleRecord) -> tuple[VerdictLine, ...]:
    """Each rule that took candidates out of the vote, with its numbers; equal ones are one line."""
    counted: dict[tuple[str, str], list[int]] = {}
    for refusal in record.refusals:
        counted.setdefault((refusal.rule, refusal.detail), []).append(refusal.index)
    return tuple(
        VerdictLine(rule, False, f"{with_settings(rule, detail)} (candidates {', '.join(f'#{i}' for i in indexes)})")
        for (rule, detail), indexes in counted.items()
    )


def _market(record: CycleRecord, network: Network) -> Iterator[MarketLine]:
    state = record.state
    if state is None:
        return
    values = valuation.positions(state.balances, state.prices, network)
    for symbol, amount in state.balances.items():
        reference, allowance = state.reference.get(symbol), state.allowances.get(symbol)
        yield MarketLine(
            symbol=symbol,
            balance=whole(amount, symbol, network),
            price=state.prices.get(symbol),
            reference=None if reference is None else reference.answer / 10**reference.decimals,
            value=values[symbol],
            allowance=None if allowance is None else whole(allowance, symbol, network),
        )


def _played_trade(played: PlayedOrder) -> str:
    if played.clause is None:
        return ""
    return f"clause {played.clause + 1}: {played.side} {played.amount} {played.sold} for {played.bought}"


def _counted(given: Sequence[bool]) -> str:
    return f"yes by {sum(given)} of {len(given)}"


def _sized(record: CycleRecord, network: Network) -> str:
    if record.sized is None:
        return ""
    simulation, refusal = record.sized.simulation, record.sized.refusal
    action = simulation.candidate.action
    size = plain_words.amount(action.amount_in, action.token_in, network) if isinstance(action, Swap) else ""
    return f"sized to {size}" + ("" if refusal is None else f", then refused by {refusal.rule}: {refusal.detail}")
