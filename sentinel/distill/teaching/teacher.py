"""An LLM teacher behind an OpenAI-compatible chat endpoint, with a rate limit and a count of what it costs.

It gets long prompts of its own (`teacher_prompt.py`). Requests are repeated, because no block waits for the answer.
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
from typing import Self

from sentinel.agent.model import Sampling, StudentModel
from sentinel.agent.prompt import Message
from sentinel.core.actions import Sample
from sentinel.core.errors import ModelUnavailable, OperatorError
from sentinel.core.host.files import write_atomic
from sentinel.distill.teaching import teacher_prompt
from sentinel.orders.typed.order import Order

PATIENCE = 7  # max tries of one request; with PAUSE this takes a little more than a minute
PAUSE = 1.0  # seconds before the second try, doubled each time


@dataclass(frozen=True, slots=True)
class TeacherEndpoint:
    """An LLM behind a chat endpoint, with its sampling and its limits."""

    url: str  # ends in /v1
    model: str  # as the endpoint names it in its answers
    key_file: Path | None = None
    temperature: float = 0.4
    max_tokens: int = 1024  # of an answer
    timeout: float = 120.0  # seconds for one request
    seed: int = 0
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
        write_atomic(path, json.dumps(asdict(self)) + "\n")


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


class LlmTeacher:
    """An LLM as teacher. Use it as a context manager, which closes its client."""

    def __init__(
        self, endpoint: TeacherEndpoint, meter: UsageMeter, *, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        """Raises SettingsError if the key file cannot be read."""
        self.model, self.concurrent = endpoint.model, endpoint.concurrent
        self._client = StudentModel(
            endpoint.url,
            endpoint.model,
            Sampling(endpoint.temperature, max_tokens=endpoint.max_tokens, seed=endpoint.seed),
            timeout=endpoint.timeout,
            api_key_file=endpoint.key_file,
            observer=meter,
            vllm=False,
        )
        self._pace, self._meter, self._sleep = RateLimiter(endpoint.per_minute, endpoint.concurrent), meter, sleep

    async def read(self, text: str, sample: int) -> Sample:
        """The `sample`-th draft of the reading of an operator's words. Raises as `_ask`."""
        return await self._ask(teacher_prompt.read_request(text), sample)

    async def program(self, order: Order, sample: int) -> Sample:
        """The `sample`-th program of an order. Raises as `_ask`."""
        return await self._ask(teacher_prompt.program_request(order), sample)

    async def _ask(self, messages: Sequence[Message], sample: int) -> Sample:
        """The answer with the seed of this sample; up to PATIENCE tries if the status is 429 or 5xx.

        Raises ModelUnavailable after the last try, and OperatorError if every other request would fail too.
        """
        for attempt in range(PATIENCE):
            try:
                async with self._pace.turn():
                    (answer,) = await self._client.sample(messages, 1, after=sample)
                    return answer
            except ModelUnavailable as error:
                if error.status in (401, 403, 404):
                    raise OperatorError(f"the teacher's endpoint refuses the request: {error}") from error
                if not (error.status == 429 or (error.status or 0) >= 500) or attempt == PATIENCE - 1:
                    raise
                self._meter.repeated += 1
            await self._sleep(PAUSE * 2**attempt)
        raise AssertionError("the last try returns or raises")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: object, at: TracebackType | None) -> None:
        await self._client.close()
