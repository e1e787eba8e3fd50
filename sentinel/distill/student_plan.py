"""What the shipped student is trained on and how, as models/student.toml fixes it."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sentinel.core.errors import OperatorError
from sentinel.core.host.places import FILES
from sentinel.distill.tuning.tuning_plan import TuningPlan

PLAN = FILES / "models" / "student.toml"

Count = Annotated[int, Field(ge=1)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class StudentData(_Part):
    """The rows, of `sentinel distill orders --split train`."""

    count: Count
    seed: int


class StudentTuning(_Part):
    """As in `TuningPlan`."""

    steps: Count
    fall: Annotated[int, Field(ge=0)]
    layers: Count
    rank: Count
    alpha: Count
    batch: Count
    learning_rate: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    trade_every: Annotated[int, Field(ge=0)]
    seed: int


class StudentPlan(_Part):
    """The plan of the shipped student: the same plan gives the same student."""

    data: StudentData
    tuning: StudentTuning

    def tuning_plan(self, base: Path, rows: Path) -> TuningPlan:
        """The plan of the tuning on these rows."""
        return TuningPlan(base=str(base), data=(str(rows),), **self.tuning.model_dump())


def load(path: Path = PLAN) -> StudentPlan:
    """The plan in `path`. Raises OperatorError if it is none; the message names each wrong value."""
    try:
        return StudentPlan.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors())
        raise OperatorError(f"{path} is no plan of a student: {faults}") from error
    except (OSError, ValueError) as error:
        raise OperatorError(f"{path} is no plan of a student: {error}") from error
