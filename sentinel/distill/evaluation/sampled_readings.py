"""Readings that a model samples for an order, and the vote over them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from sentinel.agent.model import Sampling, StudentModel
from sentinel.agent.read_prompt import read_messages
from sentinel.distill.evaluation.kept_answers import KeptAnswers, key_of
from sentinel.distill.evaluation.labelled_orders import BLOCK, QUOTE
from sentinel.orders.drafts import read_draft
from sentinel.orders.reading import Reading
from sentinel.orders.reading_parser import NotRead

MAX_TOKENS = 256  # of a draft
VOTE = Sampling(temperature=0.7, top_p=0.95, max_tokens=MAX_TOKENS, seed=1)
GREEDY = Sampling(temperature=0.0, top_p=1.0, max_tokens=MAX_TOKENS)
TIMEOUT = 600.0  # seconds of one request; on two cores others stand before it


@dataclass(frozen=True, slots=True)
class Group:
    """Samples that mean the same."""

    reading: Reading
    votes: int


class Drafts:
    """The drafts that one model writes, each request made once and kept."""

    def __init__(self, url: str, kept: KeptAnswers) -> None:
        """`url` ends in /v1. Close it after use."""
        self._models = {
            sampling: StudentModel(url, "", sampling, timeout=TIMEOUT, vllm=False) for sampling in (VOTE, GREEDY)
        }
        self._kept = kept

    async def start(self) -> None:
        """Learn the name of the model. Raises ModelUnavailable."""
        for model in self._models.values():
            await model.health()

    async def sampled(self, text: str, n: int) -> list[str]:
        """`n` drafts of the order. Raises ModelUnavailable."""
        return await self._drafts(text, n, VOTE)

    async def greedy(self, text: str) -> str:
        """The most likely draft. Raises ModelUnavailable."""
        return (await self._drafts(text, 1, GREEDY))[0]

    async def _drafts(self, text: str, n: int, sampling: Sampling) -> list[str]:
        model, messages = self._models[sampling], read_messages(text)
        key = key_of(model.name, messages, sampling, n)
        answers = self._kept.get(key)
        if answers is None:
            answers = [sample.text.strip() for sample in await model.sample(messages, n)]
            self._kept.keep(key, model.name, answers)
        return answers

    async def aclose(self) -> None:
        for model in self._models.values():
            await model.close()


def read(draft: str) -> Reading | None:
    """The reading that a draft means; None if it means none."""
    reading = read_draft(draft, QUOTE, block_seconds=BLOCK)
    return None if isinstance(reading, NotRead) else reading


def groups(text: str, drafts: Sequence[str]) -> list[Group]:
    """The drafts that are readings of the text, grouped by what they mean, largest first; of equal ones the first."""
    readings = [reading for reading in map(read, drafts) if reading is not None]
    return [Group(reading, votes) for reading, votes in Counter(readings).most_common()]
