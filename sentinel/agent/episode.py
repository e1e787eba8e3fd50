"""One episode: steps of n samples, each run on its own copy of the state, until most end with a final action.

The next step continues from the observation, text and state of the majority. Failed samples are dropped and counted.
In the end each of the `asked` samples is accounted for, as a candidate or as a discard with its reason.
"""

from __future__ import annotations

import asyncio
from collections import Counter
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
ToolsOf = Callable[[int], Tools]  # from the index of a sample


class Sampler(Protocol):
    """The student, or a replacement such as the oracle."""

    @property
    def source(self) -> str:
        """ "student:<id>", "server:<id>" or "oracle". The proposal carries it."""
        ...

    async def sample(self, messages: Sequence[Message], n: int, prefill: str, *, after: int = 0) -> list[Sample]:
        """Draw n continuations of the conversation. Raises ModelUnavailable.

        Each `text` is the whole assistant turn, including `prefill`, with or without the stop string. The caller sets
        `step`. `after` is the number of samples already drawn for the same request: these must be new ones, even with
        a seed.
        """
        ...


class CodeRunner(Protocol):
    async def run(self, code: str, tools: Tools, state: bytes | None = None) -> CodeRun: ...


@dataclass(frozen=True, slots=True)
class _SampleRun:
    """One sample of a step and its run. `fault` is set unless its code ran to the end within the rules."""

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
    """The conversation and the interpreter state that the winners so far produced."""

    messages: list[Message]
    state: bytes | None = None
    fresh: bool = False  # a winner has read the market

    def passed(self, run: CodeRun) -> None:
        """Continue from the state of a winner's run."""
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
    own: ToolsOf | None = None,
) -> Proposal:
    """Play a whole episode from `messages`, with n samples per step.

    Each turn of the first step begins with `prefill`. `observe` renders the observation that the model sees after a
    step. `own` gives each sample tools of its own in place of `tools`. Raises ModelUnavailable.
    """
    tools_of, lineage = own or (lambda _: tools), _Lineage([*messages])
    samples, part, prompt = list[Sample](), Stopwatch(), tuple(lineage.messages)
    tried, lost = list[_SampleRun](), ""
    for step in range(1, max_steps + 1):
        prompt = tuple(lineage.messages)
        with part("model"):
            drawn = await sampler.sample(prompt, n, prefill if step == 1 else "")
        drawn = [replace(sample, step=step, index=i) for i, sample in enumerate(drawn[:n])]
        samples += drawn
        with part("sandbox"):
            tried = await _try(drawn, runner, tools_of, lineage.state)
        completed = [sample_run for sample_run in tried if sample_run.fault is None]
        if not completed and tried and not lost:
            lost = f"all samples of step {step} failed: {_commonest_fault(tried)}"
        if 2 * sum(sample_run.final for sample_run in completed) > len(completed):
            candidates, discarded = _close(tried, range(n), lineage.fresh)
            return Proposal(n, candidates, discarded, prompt, tuple(samples), step, sampler.source, part.seconds)
        _advance(lineage, tried, observe)
    return Proposal(
        n, (), _late(tried, range(n), lost), prompt, tuple(samples), max_steps, sampler.source, part.seconds
    )


async def extend(
    sampler: Sampler,
    runner: CodeRunner,
    tools: Tools,
    proposal: Proposal,
    *,
    more: int,
    prefill: str = "",
    own: ToolsOf | None = None,
) -> Proposal:
    """The proposal with `more` further samples of its last step, at the same point of the same conversation.

    `tools`, `own` and `prefill` must be those that it was made with. Every further sample counts as asked for, even if
    it is discarded. Raises as `play` does.
    """
    part = Stopwatch()
    indices = range(proposal.asked, proposal.asked + more)
    with part("model"):
        drawn = await sampler.sample(
            proposal.prompt, more, prefill if proposal.steps == 1 else "", after=proposal.asked
        )
    drawn = [replace(sample, step=proposal.steps, index=i) for i, sample in zip(indices, drawn, strict=False)]
    with part("sandbox"):
        lineage = await _retrace(runner, tools, proposal.prompt)
        tried = await _try(drawn, runner, own or (lambda _: tools), lineage.state)
    candidates, discarded = _close(tried, indices, lineage.fresh)
    return replace(
        proposal,
        asked=indices.stop,
        candidates=proposal.candidates + candidates,
        discarded=proposal.discarded + discarded,
        samples=proposal.samples + tuple(drawn),
        timings={**proposal.timings, **{n: proposal.timings.get(n, 0.0) + s for n, s in part.seconds.items()}},
    )


async def _retrace(runner: CodeRunner, tools: Tools, prompt: Sequence[Message]) -> _Lineage:
    """The lineage of a conversation, from running its turns again. A run depends only on code, state and tools."""
    lineage = _Lineage([*prompt])
    for message in prompt:
        if message["role"] == "assistant":
            turn = Sample(0, 0, message["content"], 0, Finish.STOP)
            (tried,) = await _try([turn], runner, lambda _: tools, lineage.state)
            if tried.fault is None and tried.run is not None:
                lineage.passed(tried.run)
    return lineage


async def _try(drawn: Sequence[Sample], runner: CodeRunner, tools_of: ToolsOf, state: bytes | None) -> list[_SampleRun]:
    """Run each sample's code on its own copy of `state`. Samples with the same code and tools share one run."""
    codes = [(_code(sample), tools_of(sample.index)) for sample in drawn]
    distinct = {(code, id(tools)): tools for code, tools in codes if isinstance(code, str)}
    results = await asyncio.gather(*(runner.run(code, tools, state) for (code, _), tools in distinct.items()))
    runs = dict(zip(distinct, results, strict=True))
    return [
        _SampleRun(sample, None, code) if isinstance(code, Discarded) else _tried(sample, runs[code, id(tools)])
        for sample, (code, tools) in zip(drawn, codes, strict=True)
    ]


def _code(sample: Sample) -> str | Discarded:
    if sample.finish is not Finish.STOP:
        reason = DiscardReason.TRUNCATED if sample.finish is Finish.LENGTH else DiscardReason.ABORTED
        return Discarded(sample.index, Stage.SAMPLE, reason)
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
    """The candidates and discards of the last step, one for each index in `asked`. `tried` has the first of them."""
    candidates: list[Candidate] = []
    discarded: list[Discarded] = [Discarded(i, Stage.SAMPLE, DiscardReason.MISSING) for i in asked[len(tried) :]]
    for sample_run in tried:
        index = sample_run.sample.index
        if sample_run.fault is not None:
            discarded.append(sample_run.fault)
        elif not sample_run.final or sample_run.run is None:
            discarded.append(Discarded(index, Stage.EPISODE, DiscardReason.NOT_FINAL))
        elif not (fresh or sample_run.run.reads):
            discarded.append(Discarded(index, Stage.EPISODE, DiscardReason.NO_FRESH_READ))
        else:
            candidates.append(Candidate(index, sample_run.run.finals[0], sample_run.sample.text))
    return tuple(candidates), tuple(sorted(discarded, key=lambda d: d.index))


def _late(tried: Sequence[_SampleRun], asked: range, lost: str) -> tuple[Discarded, ...]:
    """The discards of an episode that ran out of steps: each sample's own fault in the last step, if it has one.

    Text that was cut or code that fails in every step also runs out of steps, but that is not the cause. `lost` says
    what the first step that gave nothing died of; empty if there was none.
    """
    faults = {sample_run.sample.index: sample_run.fault for sample_run in tried}
    return tuple(faults.get(i) or Discarded(i, Stage.EPISODE, DiscardReason.TOO_MANY_STEPS, lost) for i in asked)


def _commonest_fault(tried: Sequence[_SampleRun]) -> str:
    faults = [sample_run.fault for sample_run in tried if sample_run.fault is not None]
    names = Counter(f"{fault.reason}: {fault.detail}" if fault.detail else str(fault.reason) for fault in faults)
    return names.most_common(1)[0][0]


def _advance(lineage: _Lineage, tried: Sequence[_SampleRun], observe: Callable[[str], Message]) -> None:
    """Continue with the turn, observation and state of the winner.

    If no sample gave an observation, the most frequent error is shown instead and the state stays as it was.
    """
    if not tried:
        return
    by_index = {sample_run.sample.index: sample_run for sample_run in tried}
    observations = {i: r.run.observation for i, r in by_index.items() if r.run and not r.fault and not r.final}
    texts = observations or {i: r.error for i, r in by_index.items()}
    members = majority(texts).members
    winner = by_index[representative({index: by_index[index].sample.text for index in members})]
    if observations and winner.run is not None:
        lineage.passed(winner.run)
    text = texts[winner.sample.index]
    lineage.messages.append({"role": "assistant", "content": closed(winner.sample.text)})
    lineage.messages.append(observe(text or "nothing was printed"))
