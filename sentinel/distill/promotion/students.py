"""The students on this host: their versions, and the link to the live one.

    students/versions/0002-1f3a…/student/    the files of a model or an adapter, never changed
                                /evidence.json
                                /previous -> ../0001-…    the version that was live before; absent in the first
    students/live -> versions/0002-1f3a…     switched by one rename, so it names the old or the new one
    students/log.jsonl                       every promotion, refusal and undo

A kill between two steps leaves the old or the new student live. The next command then completes the log from the link.
A file lock allows one command at a time.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sentinel.core.errors import OperatorError

WEIGHTS = "*.safetensors"  # of a whole model, in one file or several, or of an adapter
WORKING = ("*.pt", "*.part")  # files of a tuning that are no part of its student
_NUMBER = re.compile(r"(\d{4,})-[0-9a-f]{12}")


def hashes(folder: Path) -> dict[str, str]:
    """SHA-256 of each file of a student, by name. Raises OperatorError if the folder holds no student."""
    if not any(folder.glob(WEIGHTS)):
        raise OperatorError(f"{folder} holds no student: there is no file {WEIGHTS}")
    files = sorted(path for path in folder.rglob("*") if path.is_file() and not is_working(path))
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def is_working(path: Path) -> bool:
    """Whether only a run that goes on, or is under way, needs the file."""
    return any(path.match(pattern) for pattern in WORKING)


def identity(folder: Path) -> str:
    """Twelve hex digits that identify the served files: weights, configuration, tokenizer and template.

    An adapter's configuration names its base, so another base is another student. Cards, scores and other records do
    not count.
    """
    served = {name: digest for name, digest in hashes(folder).items() if name.endswith(_SERVED)}
    return hashlib.sha256(json.dumps(served, sort_keys=True).encode()).hexdigest()[:12]


_SERVED = (".safetensors", ".jinja", "config.json", "tokenizer.json")


@dataclass(frozen=True, slots=True)
class StudentVersion:
    """One promoted student."""

    path: Path  # …/versions/NUMBER-IDENTITY

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def identity(self) -> str:
        return self.name.rpartition("-")[2]

    @property
    def student(self) -> Path:
        """The folder that is served."""
        return self.path / "student"

    @property
    def previous(self) -> StudentVersion | None:
        """The version that was live before; None for the first."""
        link = self.path / "previous"
        return StudentVersion(self.path.parent / link.readlink().name) if link.is_symlink() else None


@dataclass(frozen=True, slots=True)
class StudentStore:
    """The folder of all versions."""

    root: Path
    clock: Callable[[], float] = time.time

    @property
    def live(self) -> StudentVersion | None:
        """The live version; None before the first promotion, when the shipped student is served."""
        link = self.root / "live"
        return StudentVersion(self.root / link.readlink()) if link.is_symlink() else None

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Lock the store for a change. Raises OperatorError if another command holds the lock."""
        self.root.mkdir(parents=True, exist_ok=True)
        _let_read(self.root)
        with (self.root / "lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise OperatorError(f"another promotion is under way in {self.root}") from error
            self._make_up()
            yield

    def promote(self, folder: Path, evidence: dict[str, Any], *, judged: str = "") -> StudentVersion:
        """Make a copy of `folder` live. Call it under `alone`; the caller decides whether the student may be promoted.

        `judged` is the identity that the evidence is about. Raises OperatorError if the copy has another identity.
        """
        before = self.live
        version = self._add(folder, evidence, before)
        if judged and version.identity != judged:
            raise OperatorError(f"the files of {folder} changed while they were judged")
        self._switch("promotion", before, version, {"sha256": hashes(version.student), "evidence": evidence})
        return version

    def undo(self) -> StudentVersion:
        """Make the previous version live again. Call it under `alone`. Raises OperatorError if there is none."""
        live = self.live
        before = live.previous if live else None
        if live is None or before is None:
            raise OperatorError("there is no student to go back to")
        if identity(before.student) != before.identity:
            raise OperatorError(f"the files of {before.name} are not those that were promoted")
        self._switch("undo", live, before, {"sha256": hashes(before.student)})
        return before

    def refused(self, folder: Path, reasons: list[str], evidence: dict[str, Any]) -> None:
        """Log that a student was not promoted."""
        self.log("refusal", student=identity(folder), sha256=hashes(folder), reasons=reasons, evidence=evidence)

    def log(self, event: str, **fields: Any) -> None:
        """Append a line; it is on disk when this returns. A line that a kill cut short does not spoil the next."""
        line = json.dumps({"event": event, "at": round(self.clock(), 3), **fields}, sort_keys=True)
        path = self.root / "log.jsonl"
        with path.open("a+b") as file:
            size = file.seek(0, os.SEEK_END)
            if size:
                file.seek(size - 1)
                line = line if file.read(1) == b"\n" else "\n" + line
            file.write(line.encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        _sync(self.root)

    def history(self) -> list[dict[str, Any]]:
        """The events of the log, oldest first. Broken lines are skipped."""
        events = []
        path = self.root / "log.jsonl"
        for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
            with contextlib.suppress(ValueError):
                events.append(json.loads(line))
        return events

    # ------------------------------------------------------------ steps

    def _add(self, folder: Path, evidence: dict[str, Any], before: StudentVersion | None) -> StudentVersion:
        """Add a version atomically: fill a partial folder, then rename it."""
        versions, partial = self.root / "versions", self.root / "partial"
        versions.mkdir(exist_ok=True)
        _let_read(versions)
        shutil.rmtree(partial, ignore_errors=True)
        shutil.copytree(folder, partial / "student", ignore=shutil.ignore_patterns(*WORKING))
        (partial / "evidence.json").write_text(json.dumps(evidence, indent=1, sort_keys=True) + "\n")
        if before is not None:
            (partial / "previous").symlink_to(Path("..") / before.name)
        for path in (partial, *partial.rglob("*")):
            if not path.is_symlink():
                _let_read(path)
                _sync(path)
        numbers = [int(found[1]) for path in versions.iterdir() if (found := _NUMBER.fullmatch(path.name))]
        path = versions / f"{max(numbers, default=0) + 1:04d}-{identity(partial / 'student')}"
        partial.rename(path)
        _sync(versions)
        return StudentVersion(path)

    def _switch(self, event: str, before: StudentVersion | None, after: StudentVersion, fields: dict[str, Any]) -> None:
        names = {"before": before.name if before else None, "after": after.name}
        self.log(f"{event} begun", **names, **fields)
        link = self.root / "live.new"
        link.unlink(missing_ok=True)
        link.symlink_to(Path("versions") / after.name)
        link.replace(self.root / "live")
        _sync(self.root)
        self.log(f"{event} done", **names)

    def _make_up(self) -> None:
        """Log the end of a change that a kill interrupted; the link says whether it was done."""
        history = self.history()
        last = history[-1] if history else {"event": ""}
        event, _, stage = str(last["event"]).partition(" ")
        if stage == "begun":
            done = self.live is not None and self.live.name == last["after"]
            self.log(f"{event} {'done' if done else 'given up'}", before=last["before"], after=last["after"])


def _let_read(path: Path) -> None:
    """vLLM reads students as a user of its own; a student is no secret, and the state folder above stays closed."""
    path.chmod(0o755 if path.is_dir() else 0o644)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
