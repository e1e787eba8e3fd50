"""Best of k: keep the k good trajectories of a state on which a student has the lowest loss.

A trajectory that is close to the student's own output is learned fastest and changes its other answers least.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from sentinel.core.errors import OperatorError
from sentinel.distill import trajectory_store
from sentinel.distill.serving_env import run_module
from sentinel.distill.trajectory_store import TrajectoryRow

HARDER = "others of its state are easier"


@dataclass(frozen=True, slots=True)
class BestOf:
    """How many trajectories of a state to keep, and the student that ranks them."""

    k: int  # trajectories per state
    student: Path  # folder of a trained model, or of an adapter

    def harder(self, good: Callable[[], Iterable[TrajectoryRow]], out: Path) -> frozenset[str]:
        """Ids of the `good` rows that are not among the k easiest of their state. Of equal rows the first are kept.

        Writes the losses to `out` as JSON lines, for states with more than k rows. Raises OperatorError if there is
        no student or its process fails.
        """
        self.weights()
        rows_file, states = out.with_suffix(".partial"), Counter(row.trajectory.state_id for row in good())
        chosen = (row.trajectory for row in good() if states[row.trajectory.state_id] > self.k)
        with rows_file.open("w", encoding="utf-8") as file:
            file.writelines(trajectory_store.dumps(asdict(trajectory)) + "\n" for trajectory in chosen)
        run_module(
            "sentinel.distill.training.losses", "--student", self.student.resolve(), "--data", rows_file, "--out", out
        )
        rows_file.unlink()
        losses = {line["id"]: float(line["loss"]) for line in map(json.loads, out.read_text().splitlines())}
        ids_by_state: dict[str, list[str]] = defaultdict(list)
        for row in good():
            if row.trajectory.id in losses:
                ids_by_state[row.trajectory.state_id].append(row.trajectory.id)
        return frozenset(id for ids in ids_by_state.values() for id in sorted(ids, key=losses.__getitem__)[self.k :])

    def weights(self) -> str:
        """SHA-256 of the student's weights. Raises OperatorError if there are none."""
        if not (files := sorted(self.student.glob("*.safetensors"))):
            raise OperatorError(f"{self.student} holds no student's weights")
        return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()
