"""The measurement itself, on the local market, with the solver in the student's place."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from lab.calibration.measurement import measure
from sentinel.agent.oracle import OracleModel
from sentinel.core.actions import Sample
from sentinel.core.errors import ModelUnavailable
from sentinel.distill.states import split
from sentinel.journal.calibration.observations import Observation


class Gone:
    """A server that answers no more."""

    source = "student:gone"

    def __init__(self) -> None:
        self.asked = 0

    async def sample(
        self, messages: Sequence[Mapping[str, str]], n: int, prefill: str = "", *, after: int = 0
    ) -> list[Sample]:
        self.asked += 1
        raise ModelUnavailable("connection refused")


async def test_a_run_that_was_cut_off_goes_on_where_it_was() -> None:
    """Aims at a number of decisions; those that are there count, and none is asked twice."""
    rows: list[Observation] = []
    part = split.load("dev")
    samplers = {"solver at 1": OracleModel(), "solver at 2": OracleModel()}
    assert await measure(samplers, part, 6, n=2, keep=rows.append) == 6
    assert await measure(samplers, part, 12, n=2, known=tuple(rows), keep=rows.append) == 12
    assert len({row.id for row in rows}) == len(rows) == 12
    assert all(row.right for row in rows)
    assert {row.source for row in rows} == set(samplers)


async def test_a_server_that_has_gone_ends_the_run() -> None:
    """It says so instead of asking for ever, and keeps nothing that was never answered."""
    rows: list[Observation] = []
    gone = Gone()
    with pytest.raises(ModelUnavailable, match="connection refused"):
        await measure({"gone at 1": gone}, split.load("dev"), 100, n=2, keep=rows.append)
    assert rows == []
    assert 0 < gone.asked < 100
