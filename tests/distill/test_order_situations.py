"""Situations of held-out rows: the file is read by the grader, and the true reading is right in all of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from sentinel.distill.evaluation.labelled_orders import read_orders
from sentinel.distill.evaluation.order_grades import graded
from sentinel.distill.orders.dataset import rows
from sentinel.distill.orders.split import Split
from sentinel.orders.typed.order import Order


@pytest.mark.parametrize("split", [Split.SEEDS, Split.WORDINGS, Split.COMPOSITIONS])
@pytest.mark.parametrize("count", [10, pytest.param(400, marks=pytest.mark.proof)])
def test_the_true_reading_is_right_everywhere(tmp_path: Path, split: Split, count: int) -> None:
    """In four situations of each order, of which one at least is a trade and one is none."""
    path = tmp_path / "held.jsonl"
    path.write_text("".join(row.line() for row in rows(split, count, 5)))
    for order in read_orders(path):
        assert len(order.situations) == 4
        judged = graded(order, order.reading)
        assert judged.right, [outcome.why for outcome in judged.outcomes]
        if isinstance(order.reading, Order):
            wanted = {False} if order.reading.judgements else {True, False}  # what is judged the player leaves alone
            assert {outcome.did.trades for outcome in judged.outcomes} == wanted
