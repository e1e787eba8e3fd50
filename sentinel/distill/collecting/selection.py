"""Selection of the training data: every answer of a teacher is kept, or dropped with a reason that is counted.

A reading is kept if it means what the order means, a program if it acts as the order's player does. What is kept are
rows of `sentinel distill tune`: the request that is made when serving, with the teacher's answer.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from sentinel.agent.action_format import render_action
from sentinel.agent.order_code import OrderRunner
from sentinel.agent.trade_prompt import trade_messages, trade_prefill
from sentinel.core.errors import OperatorError
from sentinel.core.host.files import write_atomic
from sentinel.distill.collecting.answer_file import Answer, Task
from sentinel.distill.collecting.right_answers import code_in, program_fault, reading_fault
from sentinel.distill.collecting.taught_order import TaughtOrder
from sentinel.distill.orders.split import Split
from sentinel.orders.language.reading import render
from sentinel.orders.typed.order import Order

Row = Mapping[str, object]


async def select(
    orders: Mapping[str, TaughtOrder], answers: Iterable[Answer], out: Path, runner: OrderRunner
) -> dict[str, Any]:
    """Write the rows that are right to `out`, and a report beside it. Returns the report.

    Raises OperatorError if an answer is of an order that is not among `orders`. Each file is written atomically.
    """
    rows: list[str] = []
    kept, dropped, seen = Counter[str](), Counter[str](), set[tuple[str, str]]()
    for answer in answers:
        order = orders.get(answer.order)
        if order is None:
            raise OperatorError(f"an answer is of the order {answer.order}, which is not in the file of orders")
        row = await _row(order, answer, runner)
        if isinstance(row, str):
            dropped[row] += 1
            continue
        line = json.dumps(row, ensure_ascii=False, separators=(",", ":"))
        content = answer.order, line.partition('"split"')[2]
        if content in seen:
            dropped["it says the same again"] += 1
            continue
        seen.add(content)
        rows.append(line + "\n")
        kept[answer.task] += 1
    data = "".join(rows).encode()
    report = {
        "kept": dict(sorted(kept.items())),
        "dropped": dict(sorted(dropped.items())),
        "sha256": hashlib.sha256(data).hexdigest(),
    }
    write_atomic(out, data)
    write_atomic(out.with_suffix(".report.json"), json.dumps(report, indent=1).encode() + b"\n")
    return report


async def _row(order: TaughtOrder, answer: Answer, runner: OrderRunner) -> Row | str:
    """The row of a right answer, or the reason to drop it."""
    if not answer.whole:
        return "it was cut off"
    name = f"{order.id}-{answer.task}-{answer.sample}"
    if answer.task is Task.READING:
        draft = answer.text.strip()
        fault = reading_fault(order, draft)
        row = {"split": Split.TRAIN.value, "text": order.text, "draft": draft, "reading": render(order.reading)}
        return fault or {"id": name, **row}
    if not isinstance(order.reading, Order):
        return "a question or a refusal has no program"
    code = code_in(order.reading, answer.text)
    if code is None:
        return "it is no program"
    fault = await program_fault(order, code, runner)
    turn = {"role": "assistant", "content": render_action(render(order.reading), code)}
    messages = [*trade_messages(order.text), turn]
    given = trade_prefill(order.reading)
    return fault or {"id": name, "split": Split.TRAIN.value, "messages": messages, "given": given}
