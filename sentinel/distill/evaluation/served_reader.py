"""A served model that reads orders: by a vote of grounded drafts, as the daemon does, or by one draft as it stands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Self

from sentinel.agent.model import Sampling, StudentModel
from sentinel.agent.read_prompt import read_messages
from sentinel.agent.reader import Reader
from sentinel.config.reading_settings import ReadingSettings
from sentinel.core.actions import Sample
from sentinel.core.errors import ModelUnavailable, OperatorError
from sentinel.distill.evaluation.kept_answers import KeptAnswers, key_of
from sentinel.distill.evaluation.labelled_orders import BLOCK, QUOTE, TOKENS
from sentinel.orders.language.drafts import read_draft
from sentinel.orders.language.reading import Ask, Reading
from sentinel.orders.language.reading_parser import NotRead

AS_DAEMON = ReadingSettings()  # its defaults
VOTE = Sampling(AS_DAEMON.temperature, AS_DAEMON.top_p, AS_DAEMON.max_tokens, seed=1)
GREEDY = Sampling(temperature=0.0, top_p=1.0, max_tokens=AS_DAEMON.max_tokens)
TIMEOUT = 600.0  # seconds of one request; on two cores others stand before it


class KeptSampler:
    """Draws samples from a served model, and keeps them: the same request is made once."""

    def __init__(self, url: str, sampling: Sampling, kept: KeptAnswers, name: str = "") -> None:
        """`name` is the served model's; empty: the only one that is served."""
        self._model = StudentModel(url, name, sampling, timeout=TIMEOUT, vllm=False)
        self._sampling, self._kept = sampling, kept

    async def start(self) -> None:
        """Learn the name of the model. Raises ModelUnavailable."""
        await self._model.health()

    async def sample(
        self, messages: Sequence[Mapping[str, str]], n: int, prefill: str = "", *, after: int = 0
    ) -> list[Sample]:
        """Draw n answers, or take those that were drawn before. Raises ModelUnavailable."""
        key = key_of(self._model.name, messages, self._sampling, n, prefill, after)
        samples = self._kept.get(key)
        if samples is None:
            samples = await self._model.sample(messages, n, prefill, after=after)
            self._kept.keep(key, self._model.name, samples)
        return samples

    async def close(self) -> None:
        await self._model.close()


class ServedReader:
    """Close it after use, or use it as a context."""

    def __init__(self, url: str, kept: KeptAnswers, name: str = "") -> None:
        """`url` ends in /v1. `name` is the served model's; empty: the only one that is served."""
        self._drawn, self._likely = (KeptSampler(url, sampling, kept, name) for sampling in (VOTE, GREEDY))

    async def voted(self, text: str, samples: int) -> tuple[Reading | None, list[Reading]]:
        """The reading of the largest group, however small, and those of all groups, the largest first.

        The former is None if no draft is a grounded reading, or if two groups are equally large.
        Raises ModelUnavailable.
        """
        reader = Reader(self._drawn, QUOTE, TOKENS, samples, min_agreement=0.0, block_seconds=BLOCK)
        try:
            readings = await reader.read(text)
        except OperatorError:  # words that the daemon sends back
            return None, []
        undecided = isinstance(readings.answer, Ask) and not readings.agreed_question
        return None if undecided else readings.answer, [group.reading for group in readings.groups]

    async def first(self, text: str, samples: int) -> Reading | None:
        """What the first of the drafts that are voted on means, as it stands. Raises ModelUnavailable."""
        return _meaning((await self._drawn.sample(read_messages(text), samples))[0])

    async def greedy(self, text: str) -> Reading | None:
        """What the most likely draft means, as it stands. Raises ModelUnavailable."""
        return _meaning((await self._likely.sample(read_messages(text), 1))[0])

    async def __aenter__(self) -> Self:
        """Raises ModelUnavailable."""
        try:
            for sampler in (self._drawn, self._likely):
                await sampler.start()
        except ModelUnavailable:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        for sampler in (self._drawn, self._likely):
            await sampler.close()


def _meaning(draft: Sample) -> Reading | None:
    reading = read_draft(draft.text.strip(), QUOTE, block_seconds=BLOCK)
    return None if isinstance(reading, NotRead) else reading
