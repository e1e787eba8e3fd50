"""Teachers, which write the trajectories: the oracle, or any LLM behind an OpenAI-compatible chat endpoint.

An LLM gets a long prompt of its own. The episode around it uses the student's short prompt, so the student's prompt is
what is stored and trained on. Requests are repeated only here, because no block waits for the answer.
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

PATIENCE = 7  # max tries of one request; with PAUSE this takes a little more than a minute
PAUSE = 1.0  # seconds before the second try, doubled each time


@dataclass(frozen=True, slots=True)
class Start:
    """How one trajectory begins."""

    sampler: Sampler
    first_thought: str  # prefill of step 1; empty for none
    prefix: str  # origin of the first thought, see TrajectoryRow.prefix


class Teacher(Protocol):
    """Starts the episodes that become trajectories."""

    source: TrajectorySource
    model: str  # which LLM; empty for the oracle
    timeout: float  # seconds for one episode

    async def start(self, mandate: Mandate, asked: Sequence[Message], sample: int) -> Start:
        """Begin the `sample`-th trajectory of a state. Raises ModelUnavailable."""
        ...


class OracleTeacher:
    """The oracle as teacher. It is deterministic, so all trajectories of a state are the same."""

    source: TrajectorySource = "oracle"
    model = ""
    timeout = 30.0

    async def start(self, mandate: Mandate, asked: Sequence[Message], sample: int) -> Start:
        return Start(OracleModel(), PLAYBOOKS[mandate.playbook].first_thought(mandate), "playbook")


@dataclass(frozen=True, slots=True)
class TeacherEndpoint:
    """An LLM behind a chat endpoint, with its sampling and its limits."""

    url: str  # ends in /v1
    model: str  # as the endpoint names it in its answers
    key_file: Path | None = None
    temperature: float = 0.4
    max_tokens: int = 1024  # per turn
    timeout: float = 120.0  # seconds for one request
    seed: int = 0
    first_thoughts: bool = True  # needs an endpoint that continues a last assistant message, as vLLM does
    per_minute: float = 60.0  # max started requests
    concurrent: int = 4  # max requests at the same time


@dataclass(slots=True)
class UsageMeter:
    """Counts requests and tokens; an `agent.model.Observer`."""

    requests: int = 0  # answered
    repeated: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0

    def sampled(self, seconds: float, n: int, prompt_tokens: int, completion_tokens: int) -> None:
        self.requests += 1
        self.prompt_tokens += prompt_tokens
        self.completion_tokens += completion_tokens

    def cost(self, per_million_prompt: float, per_million_completion: float) -> float:
        """Cost of all tokens, in the currency of the prices."""
        return (self.prompt_tokens * per_million_prompt + self.completion_tokens * per_million_completion) / 1e6

    @classmethod
    def load(cls, path: Path) -> UsageMeter:
        return cls(**json.loads(path.read_text())) if path.is_file() else cls()

    def save(self, path: Path) -> None:
        partial = path.with_suffix(".partial")
        partial.write_text(json.dumps(asdict(self)) + "\n")
        partial.replace(path)


class RateLimiter:
    """Allows at most `concurrent` requests at the same time and at most `per_minute` starts per minute."""

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
        self._next = 0.0  # earliest start of the next request, by the clock

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
    """A client of the endpoint that keeps the rate limit and repeats failed requests."""

    client: StudentModel
    pace: RateLimiter
    meter: UsageMeter
    sleep: Callable[[float], Awaitable[None]]

    async def ask(self, messages: Sequence[Message], n: int, prefill: str, after: int) -> list[Sample]:
        """Ask for `n` samples; try up to PATIENCE times if the status is 429 or 5xx.

        Raises ModelUnavailable after the last try, and OperatorError if every other request would fail too.
        """
        for attempt in range(PATIENCE):
            try:
                async with self.pace.turn():
                    return await self.client.sample(messages, n, prefill, after=after)
            except ModelUnavailable as error:
                if error.status in (401, 403, 404):
                    raise OperatorError(f"the teacher's endpoint refuses the request: {error}") from error
                if not (error.status == 429 or (error.status or 0) >= 500) or attempt == PATIENCE - 1:
                    raise
                self.meter.repeated += 1
            await self.sleep(PAUSE * 2**attempt)
        raise AssertionError("the last try returns or raises")


@dataclass(frozen=True, slots=True)
class _Agent:
    """A Sampler for one trajectory: it replaces the student's prompt by the teacher's and has its own seeds."""

    line: _PacedClient
    source: str
    sample_number: int

    async def sample(self, messages: Sequence[Message], n: int, prefill: str, *, after: int = 0) -> list[Sample]:
        samples = await self.line.ask(teacher_prompt.long(messages), n, prefill, self.sample_number * n + after)
        if prefill and any(sample.text[len(prefill) :].lstrip().startswith(THOUGHT.strip()) for sample in samples):
            raise OperatorError(
                "the endpoint starts a new answer instead of continuing the prefill: use --no-first-thoughts"
            )
        return samples


class LlmTeacher:
    """An LLM as teacher. Use it as a context manager, which closes its client."""

    source: TrajectorySource = "llm"
    timeout = 3600.0  # seconds; in practice the limits on requests end an episode

    def __init__(
        self, endpoint: TeacherEndpoint, meter: UsageMeter, *, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        """Raises SettingsError if the key file cannot be read."""
        self.model, self._first_thoughts = endpoint.model, endpoint.first_thoughts
        self._client = StudentModel(
            endpoint.url,
            endpoint.model,
            Sampling(endpoint.temperature, max_tokens=endpoint.max_tokens, seed=endpoint.seed),
            timeout=endpoint.timeout,
            api_key_file=endpoint.key_file,
            observer=meter,
            vllm=False,
        )
        self._line = _PacedClient(self._client, RateLimiter(endpoint.per_minute, endpoint.concurrent), meter, sleep)

    async def start(self, mandate: Mandate, asked: Sequence[Message], sample: int) -> Start:
        agent = _Agent(self._line, f"llm:{self.model}", sample)
        if not self._first_thoughts:
            return Start(agent, "", "none")
        (answer,) = await self._line.ask(first_thoughts.messages(asked), 1, "", sample)
        thought = first_thoughts.first_thought(answer.text)
        cut_off = answer.finish is not Finish.STOP and "\n\n" not in answer.text.strip()
        if (reason := "is cut off" if cut_off else first_thoughts.refusal(thought)) is not None:
            return Start(agent, "", f"refused: {reason}")
        return Start(agent, thought, "given")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: object, at: TracebackType | None) -> None:
        await self._client.close()
