"""Teachers: who writes the trajectories. The oracle, offline; or any LLM behind an OpenAI-compatible chat endpoint.

An LLM is asked under its own long prompt; the episode around it knows the short one alone, so what is stored and
trained on is the student's. Only here are requests repeated: there is no block that an answer could be late for.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from sentinel.agent.action_format import THOUGHT
from sentinel.agent.episode import Message, Sampler
from sentinel.agent.model import Sampling, StudentModel
from sentinel.agent.oracle import OracleModel
from sentinel.agent.playbooks import PLAYBOOKS
from sentinel.core.actions import Finish, Sample
from sentinel.core.errors import ModelUnavailable, OperatorError
from sentinel.core.mandate import Mandate
from sentinel.core.trajectory import TrajectorySource
from sentinel.distill.teaching import first_thoughts, teacher_prompt

PATIENCE = 7  # tries of one request; with PAUSE, a little more than a minute
PAUSE = 1.0  # seconds before the second try, doubled each time


@dataclass(frozen=True, slots=True)
class Start:
    """How one trajectory begins."""

    sampler: Sampler
    first_thought: str  # a prefill of step 1; empty for none
    prefix: str  # where it comes from, see Row.prefix


class Teacher(Protocol):
    source: TrajectorySource
    model: str  # which LLM; empty for the oracle
    timeout: float  # seconds for one episode

    async def start(self, mandate: Mandate, asked: Sequence[Message], sample: int) -> Start:
        """The `sample`-th trajectory of a state. Raises ModelUnavailable."""
        ...


class OracleTeacher:
    """Deterministic: every sample of a state is the same."""

    source: TrajectorySource = "oracle"
    model = ""
    timeout = 30.0

    async def start(self, mandate: Mandate, asked: Sequence[Message], sample: int) -> Start:
        return Start(OracleModel(), PLAYBOOKS[mandate.playbook].first_thought(mandate), "playbook")


@dataclass(frozen=True, slots=True)
class TeacherEndpoint:
    url: str  # ends in /v1
    model: str  # as the endpoint itself names it in its answers
    key_file: Path | None = None
    temperature: float = 0.4
    max_tokens: int = 1024  # of one turn
    timeout: float = 120.0  # seconds for one request
    seed: int = 0
    first_thoughts: bool = True  # the endpoint must continue a last assistant message, as vLLM does
    per_minute: float = 60.0  # requests begun
    concurrent: int = 4  # requests in flight


@dataclass(slots=True)
class UsageMeter:
    """What was asked and used; an `agent.model.Observer`."""

    requests: int = 0  # answered
    repeated: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0

    def sampled(self, seconds: float, n: int, prompt_tokens: int, completion_tokens: int) -> None:
        self.requests += 1
        self.prompt_tokens += prompt_tokens
        self.completion_tokens += completion_tokens

    def cost(self, per_million_prompt: float, per_million_completion: float) -> float:
        """In the currency of the prices."""
        return (self.prompt_tokens * per_million_prompt + self.completion_tokens * per_million_completion) / 1e6

    @classmethod
    def load(cls, path: Path) -> UsageMeter:
        return cls(**json.loads(path.read_text())) if path.is_file() else cls()

    def save(self, path: Path) -> None:
        partial = path.with_suffix(".partial")
        partial.write_text(json.dumps(asdict(self)) + "\n")
        partial.replace(path)


class RateLimiter:
    """At most `concurrent` at a time, begun no closer together than `per_minute` allows."""

    def __init__(
        self,
        per_minute: float,
        concurrent: int,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._gap, self._clock, self._sleep = 60.0 / per_minute, clock, sleep
        self._seats = asyncio.Semaphore(concurrent)
        self._next = 0.0  # when the next one may begin, by the clock

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        async with self._seats:
            now = self._clock()
            start = max(now, self._next)
            self._next = start + self._gap
            await self._sleep(start - now)
            yield


@dataclass(frozen=True, slots=True)
class _PacedClient:
    """One client of the endpoint for one kind of request, paced and patient."""

    client: StudentModel
    pace: RateLimiter
    meter: UsageMeter
    sleep: Callable[[float], Awaitable[None]]

    async def ask(self, messages: Sequence[Message], n: int, prefill: str, after: int) -> list[Sample]:
        """Tried again after 429 and 5xx, PATIENCE times in all. Raises ModelUnavailable, and OperatorError where no
        other request would fare better."""
        for tried in range(PATIENCE):
            try:
                async with self.pace.turn():
                    return await self.client.sample(messages, n, prefill, after=after)
            except ModelUnavailable as error:
                if error.status in (401, 403, 404):
                    raise OperatorError(f"the teacher's endpoint refuses: {error}") from error
                if not (error.status == 429 or (error.status or 0) >= 500) or tried == PATIENCE - 1:
                    raise
                self.meter.repeated += 1
            await self.sleep(PAUSE * 2**tried)
        raise AssertionError("the last try returns or raises")


@dataclass(frozen=True, slots=True)
class _Agent:
    """A Sampler for one trajectory: the teacher's prompt in place of the student's, and samples of its own."""

    line: _PacedClient
    source: str
    sample_number: int

    async def sample(self, messages: Sequence[Message], n: int, prefill: str, *, after: int = 0) -> list[Sample]:
        drawn = await self.line.ask(teacher_prompt.long(messages), n, prefill, self.sample_number * n + after)
        if prefill and any(one.text[len(prefill) :].lstrip().startswith(THOUGHT.strip()) for one in drawn):
            raise OperatorError("the endpoint begins anew instead of going on with a prefill: use --no-first-thoughts")
        return drawn


class LlmTeacher:
    """Close it after use."""

    source: TrajectorySource = "llm"
    timeout = 3600.0  # the limits on requests are what ends an episode

    def __init__(
        self, endpoint: TeacherEndpoint, meter: UsageMeter, *, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        """Raises SettingsError where the key file cannot be read."""
        self.model, self._first_thoughts = endpoint.model, endpoint.first_thoughts
        self._client = StudentModel(
            endpoint.url,
            endpoint.model,
            Sampling(endpoint.temperature, max_tokens=endpoint.max_tokens, seed=endpoint.seed),
            timeout=endpoint.timeout,
            api_key_file=endpoint.key_file,
            observer=meter,
            token_ids=False,
        )
        self._line = _PacedClient(self._client, RateLimiter(endpoint.per_minute, endpoint.concurrent), meter, sleep)

    async def start(self, mandate: Mandate, asked: Sequence[Message], sample: int) -> Start:
        agent = _Agent(self._line, f"llm:{self.model}", sample)
        if not self._first_thoughts:
            return Start(agent, "", "none")
        (answer,) = await self._line.ask(first_thoughts.messages(asked), 1, "", sample)
        thought = first_thoughts.first_thought(answer.text)
        cut_off = answer.finish is not Finish.STOP and "\n\n" not in answer.text.strip()
        if (why := "is cut off" if cut_off else first_thoughts.refusal(thought)) is not None:
            return Start(agent, "", f"refused: {why}")
        return Start(agent, thought, "given")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: object, at: TracebackType | None) -> None:
        await self._client.close()
