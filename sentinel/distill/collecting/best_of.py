"""Best of k: of the good trajectories of one state, those that a student finds easiest, by the loss of its own words.

What is near to what a student would say is learnt soonest, and asks for the least change of the rest.
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
    k: int  # trajectories kept of a state
    student: Path  # folder of a trained model, or of an adapter

    def harder(self, good: Callable[[], Iterable[TrajectoryRow]], out: Path) -> frozenset[str]:
        """Identities of those that `good` rows of the same state leave behind; of equal ones the first is kept.

        Losses go to `out` as JSON lines: of the states alone that have more than k. Raises OperatorError.
        """
        self.weights()
        asked, states = out.with_suffix(".partial"), Counter(row.trajectory.state_id for row in good())
        chosen = (row.trajectory for row in good() if states[row.trajectory.state_id] > self.k)
        with asked.open("w", encoding="utf-8") as file:
            file.writelines(trajectory_store.dumps(asdict(trajectory)) + "\n" for trajectory in chosen)
        run_module(
            "sentinel.distill.training.losses", "--student", self.student.resolve(), "--data", asked, "--out", out
        )
        asked.unlink()
        losses = {line["id"]: float(line["loss"]) for line in map(json.loads, out.read_text().splitlines())}
        mates: dict[str, list[str]] = defaultdict(list)
        for row in good():
            if row.trajectory.id in losses:
                mates[row.trajectory.state_id].append(row.trajectory.id)
        return frozenset(id for ids in mates.values() for id in sorted(ids, key=losses.__getitem__)[self.k :])

    def weights(self) -> str:
        """Their SHA-256: which student it was."""
        if not (files := sorted(self.student.glob("*.safetensors"))):
            raise OperatorError(f"{self.student} holds no student's weights")
        return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()
