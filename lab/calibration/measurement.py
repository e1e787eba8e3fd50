"""Measures agreement against correctness on the local market; the oracle's decision counts as correct.

Every state is decided once; the temperatures take turns. The four wallets of a bar are asked at the same time, so that
vLLM answers them in one batch. Decisions below the quorum are recorded too, because they show what a lower quorum would
cost.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable, Collection, Mapping
from contextlib import aclosing
from itertools import cycle

from sentinel.agent.episode import Sampler
from sentinel.agent.oracle import OracleModel
from sentinel.config.terms import dust
from sentinel.core.actions import Swap
from sentinel.core.decision import Act, Decision, Hold, HoldReason
from sentinel.core.errors import ModelUnavailable
from sentinel.core.simulation import Simulation
from sentinel.core.valuation import gain, reference_prices
from sentinel.decide.vote import vote
from sentinel.distill.collecting.trajectories import drop_reason
from sentinel.distill.states.arena import WALLETS
from sentinel.distill.states.decision_desk import EpisodeOutcome
from sentinel.distill.states.oracle_agreement import agrees
from sentinel.distill.states.split import SplitPart
from sentinel.distill.states.tasks import Task, tasks
from sentinel.journal.calibration.observations import Observation

MIN_ACTS = 0.45  # min share of the judged states, because agreement on a hold is easy
SEED = 3  # of the states; evaluation uses another one
SILENT = 5  # consecutive bars without any answer after which the server counts as stopped


async def measure(
    samplers: Mapping[str, Sampler],
    part: SplitPart,
    count: int,
    *,
    n: int = 8,
    known: Collection[Observation] = (),
    keep: Callable[[Observation], None],
) -> int:
    """Measure until there are `count` decisions, including those of `known`, an earlier run.

    `samplers` are keyed by the name for `Observation.source`. Each new decision is passed to `keep` at once. Returns
    the number of decisions. A state without an answer is left out. Raises ModelUnavailable if no state gets one.
    """
    done = {observed.id for observed in known}
    total, holds = len(done), sum(observed.wanted == "hold" for observed in known)
    turn, silent = cycle(samplers), 0
    async with aclosing(_bars(part)) as bars:
        async for bar in bars:
            asked = [
                (case, next(turn)) for case in bar
            ]  # assigned before any state is skipped, so a resumed run assigns alike
            missing = [(case, name) for case, name in asked if case.id not in done]
            results = await asyncio.gather(*(_judge(case, name, samplers[name], n) for case, name in missing))
            failed = [error for error in results if isinstance(error, ModelUnavailable)]
            answered = [observed for observed in results if isinstance(observed, Observation)]
            silent = 0 if answered else silent + bool(failed)
            if failed and silent >= SILENT:
                raise failed[-1]
            for observed in answered:
                if observed.wanted == "hold" and holds >= (1 - MIN_ACTS) * count:
                    continue
                keep(observed)
                total += 1
                holds += observed.wanted == "hold"
                if total >= count:
                    return total
            next(turn)  # so that the wallets change their temperatures
    raise AssertionError("the stream of cases has no end")


async def _bars(part: SplitPart) -> AsyncGenerator[list[Task]]:
    """Yield the tasks of one bar at a time. The chain does not move while they are processed."""
    bar: list[Task] = []
    async with aclosing(tasks(part, SEED)) as stream:
        async for case in stream:
            bar.append(case)
            if len(bar) == len(WALLETS):
                yield bar
                bar = []


async def _judge(case: Task, name: str, student: Sampler, n: int) -> Observation | ModelUnavailable | None:
    """The observation in one state; None if the oracle's action is not verified; the error if the model failed."""
    arena = case.arena
    reference = await arena.play(OracleModel(), case.state, case.scenario, 1)
    if drop_reason(case, reference) is not None:
        return None
    try:
        verdict = await arena.play(student, case.state, case.scenario, n)
    except ModelUnavailable as error:
        logging.getLogger(__name__).warning("%s: %s", case.id, error)
        return error
    choice = _plurality(case, verdict)
    same = agrees(choice, reference.decision, lambda pair, asked: arena.decide(case.state, pair, asked))
    undecided = isinstance(choice, Hold) and choice.reason is not HoldReason.HOLD_VOTED
    return Observation(
        id=case.id,
        source=name,
        playbook=case.scenario.mandate.playbook,
        choice="act" if isinstance(choice, Act) else "none" if undecided else "hold",
        votes=choice.votes,
        asked=choice.asked,
        spread_bps=choice.spread_bps if isinstance(choice, Act) else 0,
        right=same and not undecided,
        captured=0.0 if undecided else _captured(case, choice, reference.decision),
        wanted="act" if isinstance(reference.decision, Act) else "hold",
    )


def _plurality(case: Task, verdict: EpisodeOutcome) -> Decision:
    """The decision of the winning class, without a quorum."""
    refused = {refusal.index for refusal in verdict.refusals}
    return vote(
        [tried for tried in verdict.simulations if tried.candidate.index not in refused],
        asked=verdict.proposal.asked,
        quorum_bps=0,
        agreement_bps=case.arena.settings.vote.agreement_bps,
        dust=dust(case.arena.settings, case.arena.network, case.state.prices),
    )


def _captured(case: Task, ours: Decision, oracle: Decision) -> float:
    """How much of the oracle's decision ours captures.

    Two holds: 1. Two closed cycles: our value after gas divided by the oracle's, within -1..1. Two swaps of the same
    tokens: the smaller input divided by the larger. Anything else: 0.
    """
    if isinstance(ours, Hold) or isinstance(oracle, Hold):
        return float(isinstance(ours, Hold) and isinstance(oracle, Hold))
    a, b = ours.simulation, oracle.simulation
    if not (isinstance(a.candidate.action, Swap) and isinstance(b.candidate.action, Swap)):
        return 0.0
    pairs = [(swap.token_in, swap.token_out) for swap in (a.candidate.action, b.candidate.action)]
    if pairs[0] != pairs[1]:
        return 0.0
    if b.candidate.action.is_cycle:
        return max(-1.0, min(1.0, _value(case, a) / max(1, _value(case, b))))
    return min(a.gross, b.gross) / max(a.gross, b.gross, 1)


def _value(case: Task, simulation: Simulation) -> int:
    """The gain net of gas at the head's prices, in base units of the quote token."""
    return gain(simulation, reference_prices(case.state), case.arena.network)
