"""Answers of a model, kept in a file of JSON lines, so that a stopped evaluation asks nothing twice."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from sentinel.agent.model import Sampling
from sentinel.core.actions import Finish, Sample
from sentinel.core.errors import OperatorError

START = b'{"key":'  # of each line
NO_ANSWER = "{}:{}: this is no kept answer: delete that line, or name another file (--answers FILE)"


class _Answer(BaseModel):
    model_config = ConfigDict(extra="forbid")

    text: str
    tokens: int
    finish: Finish


class _Kept(BaseModel):
    model_config = ConfigDict(extra="forbid")

    key: str
    model: str  # for who reads the file
    answers: list[_Answer]

    def samples(self) -> list[Sample]:
        return [Sample(0, index, one.text, one.tokens, one.finish) for index, one in enumerate(self.answers)]


class KeptAnswers:
    """A file that grows by one line for each request. A line that a kill cut off is dropped at the next start."""

    def __init__(self, path: Path) -> None:
        """Raises OperatorError if the file is no such file, or cannot be written."""
        self._answers: dict[str, list[Sample]] = {}
        self._path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("a+b") as file:
                file.seek(0)
                *lines, rest = file.read().split(b"\n")
                for number, line in enumerate(lines, 1):
                    self._take(line, number)
                if rest and not rest.startswith(START[: len(rest)]):
                    raise OperatorError(NO_ANSWER.format(path, len(lines) + 1))
                file.truncate(sum(len(line) + 1 for line in lines))  # only once all of it is known to be ours
        except OSError as error:
            raise OperatorError(f"{path} cannot hold the answers: {error} (--answers FILE names another)") from error

    def _take(self, line: bytes, number: int) -> None:
        try:
            kept = _Kept.model_validate_json(line)
        except ValidationError as error:
            raise OperatorError(NO_ANSWER.format(self._path, number)) from error
        self._answers[kept.key] = kept.samples()

    def __len__(self) -> int:
        return len(self._answers)

    def get(self, key: str) -> list[Sample] | None:
        return self._answers.get(key)

    def keep(self, key: str, model: str, samples: Sequence[Sample]) -> None:
        answers = [_Answer(text=one.text, tokens=one.tokens, finish=one.finish) for one in samples]
        row = _Kept(key=key, model=model, answers=answers)
        with self._path.open("a", encoding="utf-8") as file:
            file.write(row.model_dump_json() + "\n")
        self._answers[key] = row.samples()


def key_of(
    model: str, messages: Sequence[Mapping[str, str]], sampling: Sampling, n: int, prefill: str = "", after: int = 0
) -> str:
    """The same for the same request to a model of the same name."""
    sent = [dict(one) for one in messages]
    request = {
        "model": model,
        "messages": sent,
        "sampling": asdict(sampling),
        "n": n,
        "prefill": prefill,
        "after": after,
    }
    return hashlib.sha256(json.dumps(request, sort_keys=True).encode()).hexdigest()
