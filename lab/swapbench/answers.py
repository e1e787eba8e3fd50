"""Answers of a student to posed states, for each arm of its kind. Nothing is judged here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from lab.swapbench.batched import BatchedStudent, EpisodeSeat, SamplingPlan
from lab.swapbench.lessons import Lesson
from lab.swapbench.posed_states import PosedState
from sentinel.agent import prompt
from sentinel.agent.episode import Sampler, play
from sentinel.agent.parse import parse
from sentinel.agent.sandbox import MAX_RUN_TIMEOUT, Sandbox
from sentinel.agent.tools import Toolbox
from sentinel.core.actions import Action, Candidate, Discarded, DiscardReason, Proposal, Stage

MAX_STEPS = 4
ONE = SamplingPlan(n=1, temperature=0.0)  # greedy
SAMPLED = SamplingPlan(n=1, temperature=0.4)
EIGHT = SamplingPlan(n=8, temperature=0.4)  # the paper's self-consistency


@dataclass(frozen=True, slots=True)
class StudentAnswer:
    """The proposal in one state."""

    state: str
    proposal: Proposal
    tool_calls: int  # by all samples that ran


@dataclass(slots=True)
class _CountedTools:
    """The tools, with a count of their calls."""

    box: Toolbox
    calls: Counter[str] = field(default_factory=Counter)

    def _counting(self, tools: Mapping[str, Callable[..., object]]) -> dict[str, Callable[..., object]]:
        def counted(name: str, tool: Callable[..., object]) -> Callable[..., object]:
            def call(*args: object, **kwargs: object) -> object:
                self.calls[name] += 1
                return tool(*args, **kwargs)

            return call

        return {name: counted(name, tool) for name, tool in tools.items()}

    @property
    def reads(self) -> Mapping[str, Callable[..., object]]:
        return self._counting(self.box.reads)

    @property
    def finals(self) -> Mapping[str, Callable[..., Action]]:
        return self.box.finals

    @property
    def fresh(self) -> frozenset[str]:
        return self.box.fresh


Heard = tuple[list[StudentAnswer], float]  # answers in the order of the states; seconds that the model took


async def answer(
    folder: Path,
    kind: str,
    draws: Mapping[str, SamplingPlan],
    posed: Sequence[PosedState],
    *,
    prefill: Callable[[str, PosedState], str] = lambda way, posed: "",
) -> dict[str, Heard]:
    """Answers of the student in `folder` to every state, for each way of asking in `draws`.

    `prefill` returns the beginning of the student's first turn for a way and a state.
    """

    async def one(way: str, place: int, sampler: EpisodeSeat) -> StudentAnswer:
        lesson = Lesson(posed[place], kind)
        tools = _CountedTools(lesson.box())
        n = sampler.batched.draw.n
        if lesson.uses_tools:
            proposal = await play(
                sampler, sandbox, tools, lesson.messages(), prompt.observation,
                n=n, max_steps=MAX_STEPS, prefill=prefill(way, posed[place]),
            )  # fmt: skip
        else:
            proposal = await _at_once(sampler, sandbox, tools, lesson, n)
        return StudentAnswer(posed[place].id, proposal, tools.calls.total())

    heard: dict[str, Heard] = {}
    with Sandbox(workers=2, seconds=MAX_RUN_TIMEOUT) as sandbox:
        async with BatchedStudent.open(folder) as batched:
            for way, draw in draws.items():
                heard[way] = await batched.episodes(draw, partial(one, way), len(posed)), batched.seconds
    return heard


async def _at_once(sampler: Sampler, sandbox: Sandbox, tools: _CountedTools, lesson: Lesson, n: int) -> Proposal:
    """One turn that acts without reading the market, which the daemon never allows."""
    messages = lesson.messages()
    samples = await sampler.sample(messages, n, "")
    candidates, discarded = list[Candidate](), list[Discarded]()
    for sample in samples:
        code = parse(sample.text, sample.index)
        if isinstance(code, Discarded):
            discarded.append(code)
            continue
        run = await sandbox.run(code, tools)
        if run.error is not None:
            reason = DiscardReason.UNBUILDABLE if run.stage is Stage.ACTION else DiscardReason.FAILED
            discarded.append(Discarded(sample.index, run.stage, reason, run.error))
        elif len(run.finals) != 1:
            discarded.append(
                Discarded(
                    sample.index, Stage.ACTION, DiscardReason.TWO_FINALS if run.finals else DiscardReason.NOT_FINAL
                )
            )
        else:
            candidates.append(Candidate(sample.index, run.finals[0], sample.text))
    return Proposal(n, tuple(candidates), tuple(discarded), tuple(messages), tuple(samples), 1, sampler.source)
