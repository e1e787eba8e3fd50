"""One episode: steps of n samples, each run on its own copy of the state, until most of them end with a final action.

Of each step the majority's observation, text and state go on; failures are dropped and counted. Every one of the
`asked` final actions is accounted for in the end: a candidate, or a discard with its reason.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from sentinel.agent.action_format import closed
from sentinel.agent.observation_vote import majority, representative
from sentinel.agent.parse import parse
from sentinel.agent.sandbox import CodeRun, Tools
from sentinel.core.actions import Candidate, Discarded, DiscardReason, Finish, Proposal, Sample, Stage
from sentinel.core.stopwatch import Stopwatch

Message = Mapping[str, str]  # {"role": …, "content": …}


class Sampler(Protocol):
    """The student, or whoever stands in for it."""

    @property
    def source(self) -> str:
        """ "student:<id>" or "oracle"; it is on everything that comes of the episode."""
        ...

    async def sample(self, messages: Sequence[Message], n: int, prefill: str, *, after: int = 0) -> list[Sample]:
        """n continuations of the conversation. Each `text` is the whole assistant turn, `prefill` included, with or
        without the stop string; `step` is not its business. `after`: so many samples of this very request were drawn
        before, and these are others, whatever the seed. Raises ModelUnavailable."""
        ...


class CodeRunner(Protocol):
    async def run(self, code: str, tools: Tools, state: bytes | None = None) -> CodeRun: ...


@dataclass(frozen=True, slots=True)
class _SampleRun:
    """One sample of a step. `fault` is set unless its code ran to the end within the rules."""

    sample: Sample
    run: CodeRun | None
    fault: Discarded | None

    @property
    def final(self) -> bool:
        return self.fault is None and self.run is not None and len(self.run.finals) == 1

    @property
    def error(self) -> str:
        assert self.fault is not None
        return self.fault.detail or f"{self.fault.reason.replace('_', ' ')}; write one Thought and one Code block"


@dataclass(slots=True)
class _Lineage:
    """What the winners so far have left behind."""

    messages: list[Message]
    state: bytes | None = None
    fresh: bool = False  # a winner has read the market

    def passed(self, run: CodeRun) -> None:
        self.state = run.state
        self.fresh = self.fresh or bool(run.reads)


async def play(
    sampler: Sampler,
    runner: CodeRunner,
    tools: Tools,
    messages: Sequence[Message],
    observe: Callable[[str], Message],
    *,
    n: int,
    max_steps: int = 5,
    prefill: str = "",
) -> Proposal:
    """`prefill` begins the first step's turns; `observe` renders what the model is shown after a step.

    Raises ModelUnavailable, and what a tool raises that is not the code's fault.
    """
    return await _go_on(sampler, runner, tools, _Lineage([*messages]), observe, n, range(1, max_steps + 1), prefill)


async def resume(
    sampler: Sampler,
    runner: CodeRunner,
    tools: Tools,
    messages: Sequence[Message],
    observe: Callable[[str], Message],
    *,
    n: int,
    max_steps: int = 5,
) -> Proposal:
    """As `play`, from a conversation of which turns were taken already: their code runs again for the state that they
    left, and they count among the steps. `tools` are those of then. Raises as `play` does."""
    taken = sum(message["role"] == "assistant" for message in messages)
    lineage = await _retrace(runner, tools, messages)
    return await _go_on(sampler, runner, tools, lineage, observe, n, range(taken + 1, max_steps + 1), "")


async def _go_on(
    sampler: Sampler,
    runner: CodeRunner,
    tools: Tools,
    lineage: _Lineage,
    observe: Callable[[str], Message],
    n: int,
    steps: range,
    prefill: str,
) -> Proposal:
    samples, part, prompt = list[Sample](), Stopwatch(), tuple(lineage.messages)
    for step in steps:
        prompt = tuple(lineage.messages)
        with part("model"):
            drawn = await sampler.sample(prompt, n, prefill if step == 1 else "")
        drawn = [replace(sample, step=step, index=i) for i, sample in enumerate(drawn[:n])]
        samples += drawn
        with part("sandbox"):
            tried = await _try(drawn, runner, tools, lineage.state)
        ran = [one for one in tried if one.fault is None]
        if 2 * sum(one.final for one in ran) > len(ran):
            candidates, discarded = _close(tried, range(n), lineage.fresh)
            return Proposal(n, candidates, discarded, prompt, tuple(samples), step, sampler.source, part.seconds)
        _advance(lineage, tried, observe)
    late = tuple(Discarded(i, Stage.EPISODE, DiscardReason.TOO_MANY_STEPS) for i in range(n))
    return Proposal(n, (), late, prompt, tuple(samples), steps.stop - 1, sampler.source, part.seconds)


async def extend(
    sampler: Sampler, runner: CodeRunner, tools: Tools, proposal: Proposal, *, more: int, prefill: str = ""
) -> Proposal:
    """The proposal with `more` further samples of its last step, in the same place of the same conversation.

    `tools` and `prefill` are those that it was made with. Every further sample counts among the asked, whatever
    becomes of it. Raises as `play` does.
    """
    part = Stopwatch()
    places = range(proposal.asked, proposal.asked + more)
    with part("model"):
        drawn = await sampler.sample(
            proposal.prompt, more, prefill if proposal.steps == 1 else "", after=proposal.asked
        )
    drawn = [replace(one, step=proposal.steps, index=i) for i, one in zip(places, drawn, strict=False)]
    with part("sandbox"):
        lineage = await _retrace(runner, tools, proposal.prompt)
        tried = await _try(drawn, runner, tools, lineage.state)
    candidates, discarded = _close(tried, places, lineage.fresh)
    return replace(
        proposal,
        asked=places.stop,
        candidates=proposal.candidates + candidates,
        discarded=proposal.discarded + discarded,
        samples=proposal.samples + tuple(drawn),
        timings={**proposal.timings, **{n: proposal.timings.get(n, 0.0) + s for n, s in part.seconds.items()}},
    )


async def _retrace(runner: CodeRunner, tools: Tools, prompt: Sequence[Message]) -> _Lineage:
    """What the winners of a conversation left behind: a run is a function of code, state and tools alone."""
    lineage = _Lineage([*prompt])
    for message in prompt:
        if message["role"] == "assistant":
            turn = Sample(0, 0, message["content"], 0, Finish.STOP)
            (one,) = await _try([turn], runner, tools, lineage.state)
            if one.fault is None and one.run is not None:
                lineage.passed(one.run)
    return lineage


async def _try(drawn: Sequence[Sample], runner: CodeRunner, tools: Tools, state: bytes | None) -> list[_SampleRun]:
    """Every sample's code on its own copy of `state`; those that wrote the same code share one run of it."""
    codes = [_code(sample) for sample in drawn]
    distinct = list(dict.fromkeys(code for code in codes if isinstance(code, str)))
    done = await asyncio.gather(*(runner.run(code, tools, state) for code in distinct))
    runs = dict(zip(distinct, done, strict=True))
    return [
        _SampleRun(sample, None, code) if isinstance(code, Discarded) else _tried(sample, runs[code])
        for sample, code in zip(drawn, codes, strict=True)
    ]


def _code(sample: Sample) -> str | Discarded:
    if sample.finish is not Finish.STOP:
        cut = DiscardReason.TRUNCATED if sample.finish is Finish.LENGTH else DiscardReason.ABORTED
        return Discarded(sample.index, Stage.SAMPLE, cut)
    return parse(sample.text, sample.index)


def _tried(sample: Sample, run: CodeRun) -> _SampleRun:
    fault = None
    if run.error is not None:
        fault = Discarded(
            sample.index,
            run.stage,
            DiscardReason.UNBUILDABLE if run.stage is Stage.ACTION else DiscardReason.FAILED,
            run.error,
        )
    elif len(run.finals) > 1:
        fault = Discarded(
            sample.index, Stage.ACTION, DiscardReason.TWO_FINALS, "RuntimeError: more than one final action in one step"
        )
    return _SampleRun(sample, run, fault)


def _close(
    tried: Sequence[_SampleRun], asked: range, fresh: bool
) -> tuple[tuple[Candidate, ...], tuple[Discarded, ...]]:
    """`asked` are the indices that must be accounted for; `tried` has the first of them."""
    candidates: list[Candidate] = []
    discarded: list[Discarded] = [Discarded(i, Stage.SAMPLE, DiscardReason.MISSING) for i in asked[len(tried) :]]
    for one in tried:
        index = one.sample.index
        if one.fault is not None:
            discarded.append(one.fault)
        elif not one.final or one.run is None:
            discarded.append(Discarded(index, Stage.EPISODE, DiscardReason.NOT_FINAL))
        elif not (fresh or one.run.reads):
            discarded.append(Discarded(index, Stage.EPISODE, DiscardReason.NO_FRESH_READ))
        else:
            candidates.append(Candidate(index, one.run.finals[0], one.sample.text))
    return tuple(candidates), tuple(sorted(discarded, key=lambda d: d.index))


def _advance(lineage: _Lineage, tried: Sequence[_SampleRun], observe: Callable[[str], Message]) -> None:
    """The winner's turn, observation and state go on; where nobody ran, the commonest error does, on the old state."""
    if not tried:
        return
    seen = {one.sample.index: one.run.observation for one in tried if one.run and not one.fault and not one.final}
    shown = seen or {one.sample.index: one.error for one in tried}
    members = majority(shown).members
    by_index = {one.sample.index: one for one in tried}
    winner = by_index[representative({index: by_index[index].sample.text for index in members})]
    if seen and winner.run is not None:
        lineage.passed(winner.run)
    text = shown[winner.sample.index]
    lineage.messages.append({"role": "assistant", "content": closed(winner.sample.text)})
    lineage.messages.append(observe(text or "nothing was printed"))
