"""The store of `collect`: one row per trajectory in JSONL shards of equal length, which survive a kill.

A row is appended to the open shard at once. A full shard gets its number by one atomic rename. If a kill cut off a
line, it is removed when the folder is opened again, so the next rows are the same as without the kill.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sentinel.core.errors import OperatorError
from sentinel.core.trajectory import Trajectory, Turn

OPEN = "open.jsonl"  # the shard that is being filled
DUPLICATES = "duplicates.jsonl"  # {"id": …, "same_as": content hash}: done, but stored already
SHARD_ROWS = 500


@dataclass(frozen=True, slots=True)
class TrajectoryRow:
    """A trajectory with its verdict and its origin."""

    trajectory: Trajectory
    fault: str | None  # why the fork did not verify its final action; None if it did
    acts: bool  # the final action is not a hold
    prefix: str  # origin of the first thought: "playbook", "given", "none", or "refused: …"
    part: str  # name in models/split.toml
    seed: int  # of the stream of states
    sample: int  # number of the trajectory in its state
    code: str  # version of the code that collected it

    @property
    def kind(self) -> tuple[str, str, str, int]:
        """The same for all rows of a folder: teacher, its model, part and seed."""
        return self.trajectory.source, self.trajectory.model, self.part, self.seed

    @property
    def content(self) -> str:
        """SHA-256 of everything that training reads."""
        turns: list[object] = [[turn.role, turn.text] for turn in self.trajectory.turns]
        turns += [self.trajectory.given] if self.trajectory.given else []
        return hashlib.sha256(json.dumps(turns, ensure_ascii=False).encode()).hexdigest()


def dumps(value: object) -> str:
    """`value` as compact JSON."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def body_of(trajectory: Trajectory) -> dict[str, Any]:
    """The trajectory as JSON. `given` is left out if it is 0, so older files read the same."""
    body = asdict(trajectory)
    return body if trajectory.given else {name: part for name, part in body.items() if name != "given"}


def trajectory_of(body: dict[str, Any]) -> Trajectory:
    """The inverse of `body_of`."""
    return Trajectory(**{**body, "turns": tuple(Turn(**turn) for turn in body["turns"])})


def read(folder: Path) -> Iterator[TrajectoryRow]:
    """Yield all rows in the order of collection.

    Raises OperatorError if the folder has no shards, or if its rows are those of the model analyst, which was removed.
    """
    paths = [*sorted(folder.glob("shard-*.jsonl")), folder / OPEN]
    if not any(path.is_file() for path in paths):
        raise OperatorError(f"{folder} holds no shards: run `sentinel distill collect` first")
    for path in paths:
        for body in _lines(path):
            role = body.pop("role", "trader")  # older rows name one
            if role != "trader":
                raise OperatorError(f"{path} holds rows of the role {role}, which was removed: name another folder")
            yield TrajectoryRow(**{**body, "trajectory": trajectory_of(body["trajectory"])})


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    """Yield whole lines only, because a kill may have cut the last one."""
    if path.is_file():
        for line in path.read_text(encoding="utf-8").split("\n")[:-1]:
            yield json.loads(line)


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Lock the folder, because two runs would pay for the same rows twice. Raises OperatorError if it is locked."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise OperatorError(f"another run collects into {folder}") from error
        yield


class TrajectoryShards:
    """A folder of shards that one process at a time writes. It knows which trajectories and contents exist."""

    def __init__(self, folder: Path, rows: int = SHARD_ROWS) -> None:
        self.folder, self._rows = folder, rows
        folder.mkdir(parents=True, exist_ok=True)
        self._reopen()
        known = list(read(folder))
        self._contents = {row.content for row in known}
        self.duplicates = [body["id"] for body in _lines(folder / DUPLICATES)]
        self.done = {row.trajectory.id for row in known} | {*self.duplicates}
        self.kinds = {row.kind for row in known}
        self.kept = len(known)

    def _reopen(self) -> None:
        """Remove half lines. A last shard that is not full becomes the open shard again."""
        shards = sorted(self.folder.glob("shard-*.jsonl"))
        if shards and not (self.folder / OPEN).exists() and _count(shards[-1]) < self._rows:
            shards.pop().replace(self.folder / OPEN)
        self._number = len(shards)
        for path in (self.folder / OPEN, self.folder / DUPLICATES):
            path.touch()
            whole = path.read_bytes().rpartition(b"\n")
            if whole[2]:
                with path.open("rb+") as file:
                    file.truncate(len(whole[0]) + len(whole[1]))
        self._held = _count(self.folder / OPEN)

    def add(self, row: TrajectoryRow) -> bool:
        """Append `row`. Returns False if its content is stored already; its id counts as done."""
        self.done.add(row.trajectory.id)
        if row.content in self._contents:
            self.duplicates.append(row.trajectory.id)
            self._append(DUPLICATES, {"id": row.trajectory.id, "same_as": row.content})
            return False
        self._append(OPEN, {**asdict(row), "trajectory": body_of(row.trajectory)})
        self._contents.add(row.content)
        self.kept += 1
        self._held += 1
        if self._held >= self._rows:
            self.close()
        return True

    def _append(self, name: str, body: object) -> None:
        with (self.folder / name).open("a", encoding="utf-8") as file:
            file.write(dumps(body) + "\n")

    def close(self) -> None:
        """Give the open shard its number, unless it is empty."""
        if self._held:
            (self.folder / OPEN).replace(self.folder / f"shard-{self._number:05d}.jsonl")
            self._number, self._held = self._number + 1, 0


def _count(path: Path) -> int:
    return path.read_bytes().count(b"\n")
