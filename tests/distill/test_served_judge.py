"""The judge of a promotion grades what the served student reads and how it trades, and asks nothing twice."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from sentinel.distill.evaluation.labelled_orders import read_orders
from sentinel.distill.promotion import served_judge
from sentinel.distill.promotion.promote import JUDGED
from sentinel.distill.promotion.served_judge import ServedJudge
from tests.distill.test_evaluate_orders import ROWS, SAMPLED, serving
from tests.distill.test_labelled_orders import file_of


async def test_a_student_is_served_and_its_reading_and_trading_graded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of another student with the same name, nothing is taken for this one's."""
    orders = read_orders(file_of(tmp_path / "orders.jsonl", *ROWS))
    students = [tmp_path / name for name in ("one", "other")]
    for folder in students:
        folder.mkdir()
        (folder / "adapter_model.safetensors").write_text(folder.name)
    async with serving() as server:

        @asynccontextmanager
        async def served(folder: Path, **options: Any) -> AsyncIterator[SimpleNamespace]:
            yield SimpleNamespace(url=server.url)

        monkeypatch.setattr(served_judge, "served", served)
        judge = ServedJudge(samples=SAMPLED, work=tmp_path / "work")
        grades = await judge.graded(students[0], orders)
        asked = len(server.asked)
        assert await judge.graded(students[0], orders) == grades
        assert len(server.asked) == asked > 0
        await judge.graded(students[1], orders)
        assert len(server.asked) == 2 * asked
    assert set(JUDGED.values()) <= set(grades)
    assert [len(of) for of in grades.values()] == [len(ROWS)] * len(grades)
    assert [graded.right for graded in grades["programs"]] == [False, True, False, True]
