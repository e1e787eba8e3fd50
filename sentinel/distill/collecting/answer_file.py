"""The file of a teacher's answers: JSON lines that are appended, so that a stopped collection goes on."""

from __future__ import annotations

import contextlib
import fcntl
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sentinel.core.errors import OperatorError


class Task(StrEnum):
    """What the teacher was to write."""

    READING = "reading"
    PROGRAM = "program"


class Answer(BaseModel):
    """One answer, as it came."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    order: str  # id of the row
    task: Task
    sample: Annotated[int, Field(ge=0)]
    model: str
    whole: bool  # False: it was cut off
    text: str

    @property
    def key(self) -> tuple[str, Task, int]:
        return self.order, self.task, self.sample


def read_answers(path: Path) -> list[Answer]:
    """All answers in the file; a line that a kill cut off is left out. Raises OperatorError for any other odd line."""
    if not path.is_file():
        return []
    answers = []
    for number, line in enumerate(path.read_bytes().split(b"\n")[:-1], 1):
        try:
            answers.append(Answer.model_validate_json(line))
        except ValidationError as error:
            raise OperatorError(f"{path}:{number}: this is no answer of a teacher: name another file") from error
    return answers


class AnswerFile:
    """The file while one process adds to it; see `opened`."""

    def __init__(self, path: Path, answers: list[Answer]) -> None:
        self._path = path
        self.done = {answer.key for answer in answers}
        self.models = {answer.model for answer in answers}

    def add(self, answer: Answer) -> None:
        with self._path.open("a", encoding="utf-8") as file:
            file.write(answer.model_dump_json() + "\n")
        self.done.add(answer.key)


@contextlib.contextmanager
def opened(path: Path) -> Iterator[AnswerFile]:
    """Open the file for one process, made if it is not there.

    Raises OperatorError if another process has it, or if it is no such file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+b") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise OperatorError(f"another run collects into {path}") from error
        answers = read_answers(path)
        file.seek(0)
        file.truncate(file.read().rfind(b"\n") + 1)
        yield AnswerFile(path, answers)
