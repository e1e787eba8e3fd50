"""The student's answers to what an order has judged: for each sample its own, fresh at each block."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

from sentinel.agent.episode import Sampler, ToolsOf
from sentinel.agent.judge_prompt import is_yes, judge_messages
from sentinel.agent.order_tools import OrderTools
from sentinel.core.errors import ModelUnavailable

Answers = Mapping[str, tuple[bool, ...]]  # by phrase, one for each sample


@dataclass(frozen=True, slots=True)
class JudgingStudent:
    sampler: Sampler
    phrases: tuple[str, ...]

    async def answers(self, tools: OrderTools, n: int, seed: int) -> Answers:
        """n answers to each phrase; an answer that does not come is no, and the caller's timeout bounds the time.

        `seed` tells apart the requests of different blocks, and of more samples at one.
        """
        found = await asyncio.gather(*(self._answers(phrase, tools, n, seed) for phrase in self.phrases))
        return dict(zip(self.phrases, found, strict=True))

    async def _answers(self, phrase: str, tools: OrderTools, n: int, seed: int) -> tuple[bool, ...]:
        messages = judge_messages(phrase, tools.at, tools.quote)
        try:
            drawn = await self.sampler.sample(messages, n, "", after=seed)
        except ModelUnavailable:
            drawn = []
        said = [is_yes(sample) for sample in drawn[:n]]
        return (*said, *[False] * (n - len(said)))


def own_tools(tools: OrderTools, answers: Answers, after: int = 0) -> ToolsOf | None:
    """The tools of each sample, with its own answers; equal answers share tools. None if nothing is judged.

    `after` is the index of the first sample that the answers are for.
    """
    if not answers:
        return None
    made: dict[tuple[bool, ...], OrderTools] = {}

    def of(index: int) -> OrderTools:
        mine = tuple(given[index - after] for given in answers.values())
        if mine not in made:
            judgements = dict(zip(answers, mine, strict=True))
            made[mine] = dataclasses.replace(tools, at=dataclasses.replace(tools.at, judgements=judgements))
        return made[mine]

    return of


def joined(first: Answers, more: Answers) -> Answers:
    return {phrase: (*given, *more[phrase]) for phrase, given in first.items()}
