"""The client of the student: draws n samples in one request from an OpenAI-compatible server, such as vLLM."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, Self

import aiohttp
from pydantic_core import from_json

from sentinel.agent.action_format import STOP
from sentinel.config.credentials import only_secret
from sentinel.core.actions import Finish, Sample
from sentinel.core.errors import ModelTimeout, ModelUnavailable, SettingsError
from sentinel.core.http_reply import read_at_most
from sentinel.core.untrusted_text import one_line
from sentinel.observe import redaction

MAX_REPLY = 8 * 1024 * 1024  # bytes
MAX_NAME = 64  # characters of a name that the server gives its model
SEEDS = 2**62  # seeds that are used, and as many more for the samples of one request
MAX_TEXT = 64 * 1024  # characters of one turn; longer turns would fill the journal and the next prompts


class ModelObserver(Protocol):
    """Receives the duration in seconds and the token counts of each request."""

    def sampled(self, seconds: float, n: int, prompt_tokens: int, completion_tokens: int) -> None: ...


class NoModelObserver:
    """Ignores what it receives."""

    def sampled(self, seconds: float, n: int, prompt_tokens: int, completion_tokens: int) -> None:
        pass


@dataclass(frozen=True, slots=True)
class Sampling:
    temperature: float = 0.4  # 0 is greedy, which the server allows only with n = 1
    top_p: float = 0.8
    max_tokens: int = 256  # per turn, without the prefill
    seed: int | None = None


class StudentModel:
    """The client of one model at one endpoint. It refuses an answer from any other model. Close it after use.

    It never retries, because a late answer belongs to an old block.
    """

    def __init__(
        self,
        url: str,
        name: str,
        sampling: Sampling | None = None,
        *,
        timeout: float = 10.0,
        api_key_file: Path | None = None,
        observer: ModelObserver | None = None,
        vllm: bool = True,
    ) -> None:
        """`url` ends in /v1. An empty `name` means the only model that the server serves at the first use, and no other
        from then on. `vllm` says that the server is vLLM, which has a page for its health and counts the tokens of each
        sample. Of another server only what the interface of OpenAI contains is requested.

        Raises SettingsError if the key file cannot be read.
        """
        self._url = url.rstrip("/")
        self._name = name
        self._sampling = sampling or Sampling()
        self._timeout = timeout
        self._headers = _authorization(api_key_file)
        self._observer: ModelObserver = observer or NoModelObserver()
        self._vllm = vllm
        self._session: aiohttp.ClientSession | None = None

    def __repr__(self) -> str:
        return f"StudentModel({self._name})"

    @property
    def source(self) -> str:
        return f"{'student' if self._vllm else 'server'}:{self._name or '?'}"

    @property
    def name(self) -> str:
        """Empty as long as the server was to name its model and did not."""
        return self._name

    async def sample(
        self, messages: Sequence[Mapping[str, str]], n: int, prefill: str = "", *, after: int = 0
    ) -> list[Sample]:
        """Draw n samples in one request. They are ordered by index, and each text begins with `prefill`.

        Every sample's `step` is 0; the episode sets it. `after` is the number of samples that were drawn before for
        the same request: with a seed, the new samples use the seeds that follow. Raises ModelUnavailable unless the
        named model returns n well-formed answers in time, and ValueError for n > 1 at temperature 0.
        """
        if n < 1 or (n > 1 and self._sampling.temperature == 0):
            raise ValueError(f"n = {n} at temperature {self._sampling.temperature:g}: greedy samples are all equal")
        started = time.perf_counter()
        await self._require_name()
        reply = await self._fetch("POST", f"{self._url}/chat/completions", self._request(messages, n, prefill, after))
        answer = _Answer.read(reply, self._name, n, prefill, self._sampling.max_tokens)
        self._observer.sampled(time.perf_counter() - started, n, answer.prompt_tokens, answer.completion_tokens)
        return answer.samples

    async def health(self) -> None:
        """Check that the server is up and serves the named model. Raises ModelUnavailable with the reason."""
        if self._vllm:
            await self._fetch("GET", self._url.removesuffix("/v1") + "/health", json_reply=False)
        await self._require_name()
        served = _model_ids(await self._fetch("GET", f"{self._url}/models"))
        if self._name not in served:
            raise ModelUnavailable(
                f"the endpoint serves {one_line(', '.join(served), 100) or 'nothing'}, not {self._name}"
            )

    async def _require_name(self) -> None:
        """Ask the server for the name of its only model, once. Raises ModelUnavailable."""
        if self._name:
            return
        served = _model_ids(await self._fetch("GET", f"{self._url}/models"))
        if len(served) != 1 or served[0] != one_line(served[0], MAX_NAME):
            shown = one_line(", ".join(served), 100) or "no model"
            raise ModelUnavailable(f"the endpoint serves {shown}: set SENTINEL_MODEL__NAME to one of them")
        self._name = served[0]

    def _request(self, messages: Sequence[Mapping[str, str]], n: int, prefill: str, after: int) -> dict[str, Any]:
        body: dict[str, Any] = {
            "model": self._name,
            "messages": [dict(message) for message in messages],
            "n": n,
            "temperature": self._sampling.temperature,
            "top_p": self._sampling.top_p,
            "max_tokens": self._sampling.max_tokens,
            "stop": [STOP],
        }
        if self._vllm:
            body["return_token_ids"] = True  # only they give the token count of each sample
        if self._sampling.seed is not None:
            body["seed"] = (self._sampling.seed + after) % SEEDS  # vLLM uses seed + i for sample i
        if prefill:
            body["messages"].append({"role": "assistant", "content": prefill})
            body |= {"add_generation_prompt": False, "continue_final_message": True}
        return body

    async def _fetch(self, method: str, url: str, body: object = None, *, json_reply: bool = True) -> Any:
        if self._session is None:
            self._session = aiohttp.ClientSession(headers=self._headers)
        try:
            async with (
                asyncio.timeout(self._timeout),
                self._session.request(method, url, json=body, allow_redirects=False) as response,
            ):
                raw = await read_at_most(response, MAX_REPLY)
                if response.status != 200:
                    excerpt = one_line(self._without_key(raw.decode("utf-8", "replace")), 200)
                    raise ModelUnavailable(f"HTTP {response.status}: {excerpt}", status=response.status)
        except TimeoutError as error:
            raise ModelTimeout(f"no answer within {self._timeout:g} s") from error
        except (aiohttp.ClientError, OSError) as error:
            raise ModelUnavailable(f"{type(error).__name__}: {error}") from error
        try:
            return from_json(raw) if json_reply else None
        except ValueError as error:
            raise ModelUnavailable(f"the answer is not JSON: {bytes(raw[:80])!r}") from error

    def _without_key(self, text: str) -> str:
        """`text` with the API key masked. Some endpoints quote a key that they refuse, and errors are logged."""
        key = self._headers.get("Authorization", "").removeprefix("Bearer ")
        return text.replace(key, "[key]") if key else text

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None
            await asyncio.sleep(0)  # aiohttp closes its transports in the next iteration of the event loop

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


@dataclass(frozen=True, slots=True)
class _Answer:
    samples: list[Sample] = field(default_factory=list)
    prompt_tokens: int = 0
    completion_tokens: int = 0

    @staticmethod
    def read(reply: Any, name: str, n: int, prefill: str, max_tokens: int) -> _Answer:
        try:
            if reply["model"] != name:
                raise ModelUnavailable(f"{one_line(str(reply['model']), 64)} answered, not {name}")
            choices = sorted(reply["choices"], key=lambda choice: int(choice["index"]))
            if [choice["index"] for choice in choices] != list(range(n)):
                raise ModelUnavailable(f"asked for {n} samples, got {len(choices)}")
            usage = reply.get("usage") or {}
            completion = _count(usage.get("completion_tokens"))
            samples = [_sample(choice, prefill, completion // n, max_tokens) for choice in choices]
            return _Answer(samples, _count(usage.get("prompt_tokens")), completion)
        except (LookupError, TypeError, ValueError, AttributeError, OverflowError) as error:
            reason = one_line(f"{type(error).__name__}: {error}", 100)
            raise ModelUnavailable(f"the answer has an unexpected shape: {reason}") from error


def _sample(choice: Any, prefill: str, share: int, max_tokens: int) -> Sample:
    """The sample of one choice. If the server returns no token ids, a sample that was cut has `max_tokens` tokens, and
    any other one `share`."""
    text, tokens = choice["message"]["content"] or "", choice.get("token_ids")
    if not isinstance(text, str):
        raise TypeError("content is not text")
    finish = choice["finish_reason"]
    if len(text) > MAX_TEXT:
        text, finish = text[:MAX_TEXT], Finish.LENGTH
    return Sample(
        step=0,
        index=int(choice["index"]),
        text=prefill + text,
        tokens=len(tokens) if isinstance(tokens, list) else max_tokens if finish == Finish.LENGTH else share,
        finish=Finish(finish) if finish in (Finish.STOP, Finish.LENGTH) else Finish.ABORT,
    )


def _count(value: Any) -> int:
    """A token count for metrics. An absurd number from the server counts as 0, so that it cannot stop the daemon."""
    count = int(value or 0)
    return count if 0 <= count <= MAX_REPLY else 0


def _model_ids(reply: Any) -> list[str]:
    try:
        return [str(model["id"]) for model in reply["data"]]
    except (KeyError, TypeError) as error:
        raise ModelUnavailable("the list of models has an unexpected shape") from error


def _authorization(api_key_file: Path | None) -> dict[str, str]:
    if api_key_file is None:
        return {}
    try:
        key = only_secret(api_key_file)
    except ValueError as error:
        raise SettingsError(f"file of the API key (SENTINEL_MODEL__API_KEY_FILE, --key-file): {error}") from error
    redaction.remember(key)
    return {"Authorization": f"Bearer {key}"}
