"""Collecting answers of a teacher, and selecting the right ones: every answer is kept once, every drop has a reason."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sentinel.agent.order_code import OrderRunner
from sentinel.agent.order_program import program
from sentinel.agent.sandbox import Sandbox
from sentinel.core.actions import Finish, Sample
from sentinel.core.errors import ModelUnavailable, OperatorError
from sentinel.distill.collecting.answer_file import Answer, Task, opened, read_answers
from sentinel.distill.collecting.collect import GIVE_UP, Progress, collect, requests
from sentinel.distill.collecting.selection import select
from sentinel.distill.collecting.taught_order import TaughtOrder, read_taught
from sentinel.distill.orders.dataset import rows
from sentinel.distill.orders.split import Split
from sentinel.distill.tuning.conversations import read
from sentinel.orders.language.reading import render
from sentinel.orders.typed.order import Order

DCA = {"id": "a", "split": "train", "text": "put 90 dollars into ether every 3 hours"}
DCA |= {"draft": "Buy 90 USDC worth of WETH, every 3 hours.", "reading": "Buy 90 USDC worth of WETH, every 3 hours."}
VAGUE = {"id": "b", "split": "train", "text": "buy some ether", "draft": "Ask: how much?", "reading": "Ask: how much?"}


def written(path: Path, *lines: dict[str, Any]) -> Path:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


@pytest.fixture
def orders(tmp_path: Path) -> dict[str, TaughtOrder]:
    return read_taught(written(tmp_path / "orders.jsonl", DCA, VAGUE))


class Knowing:
    """Answers as it should, `down` requests excepted."""

    model, concurrent = "knowing", 2

    def __init__(self, orders: dict[str, TaughtOrder], down: int = 0) -> None:
        self.readings = {order.text: order.reading for order in orders.values()}
        self.down, self.asked = down, list[tuple[str, int]]()

    async def read(self, text: str, sample: int) -> Sample:
        return self._said("read " + text, sample, render(self.readings[text]))

    async def program(self, order: Order, sample: int) -> Sample:
        return self._said("program", sample, f"```py\n{program(order)}\n```")

    def _said(self, asked: str, sample: int, text: str) -> Sample:
        self.asked.append((asked, sample))
        if len(self.asked) <= self.down:
            raise ModelUnavailable("down")
        return Sample(0, 0, text, 9, Finish.STOP)


async def gathered(path: Path, orders: dict[str, TaughtOrder], teacher: Knowing) -> Progress:
    with opened(path) as answers:
        return await collect(list(requests(orders.values(), tuple(Task), 2)), teacher, answers)


async def test_every_order_is_read_and_every_order_to_trade_has_programs(
    orders: dict[str, TaughtOrder], tmp_path: Path
) -> None:
    """A question has none."""
    done = await gathered(tmp_path / "out", orders, Knowing(orders))
    assert (done.answers, done.unanswered) == (6, 0)
    keys = {answer.key for answer in read_answers(tmp_path / "out")}
    assert keys == {
        ("a", Task.READING, 0), ("a", Task.READING, 1), ("b", Task.READING, 0), ("b", Task.READING, 1),
        ("a", Task.PROGRAM, 0), ("a", Task.PROGRAM, 1),
    }  # fmt: skip


async def test_a_second_run_asks_for_what_is_missing_alone(orders: dict[str, TaughtOrder], tmp_path: Path) -> None:
    """What had no answer, and what a kill cut short."""
    path = tmp_path / "out"
    first = await gathered(path, orders, Knowing(orders, down=1))
    assert (first.answers, first.unanswered) == (5, 1)
    with path.open("rb+") as file:
        file.truncate(path.stat().st_size - 10)
    teacher = Knowing(orders)
    assert (await gathered(path, orders, teacher)).answers == len(teacher.asked) == 2
    assert len(read_answers(path)) == len({answer.key for answer in read_answers(path)}) == 6


async def test_a_teacher_that_never_answers_ends_the_run_and_nothing_is_lost(
    orders: dict[str, TaughtOrder], tmp_path: Path
) -> None:
    many = {f"{n}": TaughtOrder(f"{n}", orders["a"].text, orders["a"].reading, ()) for n in range(20)}
    with pytest.raises(OperatorError, match=f"no usable answer {GIVE_UP} times in a row; the last error: down"):
        await gathered(tmp_path / "out", many, Knowing(orders, down=10**6))
    assert read_answers(tmp_path / "out") == []


async def test_answers_of_two_models_do_not_mix_and_one_run_at_a_time_writes(
    orders: dict[str, TaughtOrder], tmp_path: Path
) -> None:
    path = tmp_path / "out"
    await gathered(path, orders, Knowing(orders))
    other = Knowing(orders)
    other.model = "other"
    with pytest.raises(OperatorError, match="holds answers of knowing"):
        await gathered(path, orders, other)
    with opened(path), pytest.raises(OperatorError, match="another run collects"), opened(path):
        pass


@pytest.mark.parametrize("split", ["seeds", "", "public"])
def test_an_order_that_is_not_for_training_is_given_to_no_teacher(tmp_path: Path, split: str) -> None:
    with pytest.raises(OperatorError, match=r"orders\.jsonl:2: it is of the split .* must not be trained on"):
        read_taught(written(tmp_path / "orders.jsonl", DCA, VAGUE | {"split": split}))


def test_a_wrong_line_is_refused_with_its_number(tmp_path: Path) -> None:
    with pytest.raises(OperatorError, match=r"orders\.jsonl:2: its reading is none"):
        read_taught(written(tmp_path / "orders.jsonl", DCA, VAGUE | {"reading": "Buy the moon."}))
    with pytest.raises(OperatorError, match=r"orders\.jsonl:2: the id a occurs twice"):
        read_taught(written(tmp_path / "orders.jsonl", DCA, DCA))


# ------------------------------------------------------------ select


@pytest.fixture(scope="module")
def runner() -> Iterator[OrderRunner]:
    with Sandbox(workers=1) as sandbox:
        yield OrderRunner.on(sandbox)


def answer(text: str, order: str = "a", task: Task = Task.READING, sample: int = 0, whole: bool = True) -> Answer:
    return Answer(order=order, task=task, sample=sample, model="m", whole=whole, text=text)


READINGS = {
    "Buy 90 USDC worth of WETH, every 180 minutes.": None,  # says the same in other words
    "Buy 90 USDC worth of WETH, every 2 hours.": "it means something else",
    "Ask: how much?": "it means something else",
    "I would buy ether.": "it is no reading",
}
PROGRAMS = {
    '```py\nbuy("WETH", 90, every=hours(3))\n```': None,
    '```py\nif price("WETH") > 0:\n    buy("WETH", 90, every=minutes(180))\n```': None,  # another way
    '```py\nbuy("WETH", 91, every=hours(3))\n```': "its program trades otherwise",
    '```py\nbuy("WETH", 90, every=hours(4))\n```': "its program trades otherwise",
    "```py\nbuy(\n```": "its program fails",
    'buy("WETH", 90)': "it is no program",
}


@pytest.mark.parametrize("task", list(Task))
async def test_an_answer_is_kept_if_it_does_what_the_order_says(
    orders: dict[str, TaughtOrder], runner: OrderRunner, tmp_path: Path, task: Task
) -> None:
    for text, fault in (READINGS if task is Task.READING else PROGRAMS).items():
        report = await select(orders, [answer(text, task=task)], tmp_path / "rows", runner)
        assert (report["kept"], report["dropped"]) == (({task: 1}, {}) if fault is None else ({}, {fault: 1})), text


async def test_a_row_says_each_thing_once_and_a_cut_one_never(
    orders: dict[str, TaughtOrder], runner: OrderRunner, tmp_path: Path
) -> None:
    right = DCA["draft"]
    answers = [answer(right), answer(right, sample=1), answer(right, sample=2, whole=False)]
    report = await select(orders, answers, tmp_path / "rows", runner)
    assert report["kept"] == {"reading": 1}
    assert report["dropped"] == {"it says the same again": 1, "it was cut off": 1}
    with pytest.raises(OperatorError, match="order z, which is not in the file"):
        await select(orders, [answer(right, order="z")], tmp_path / "rows", runner)


async def test_what_is_selected_can_be_trained_on_as_it_is_served(
    orders: dict[str, TaughtOrder], runner: OrderRunner, tmp_path: Path
) -> None:
    """The reading as the generator's row of the same draft; the program after the thought that the student is given."""
    answers = [answer(DCA["draft"]), answer('```py\nbuy("WETH", 90, every=hours(3))\n```', task=Task.PROGRAM)]
    await select(orders, answers, tmp_path / "rows.jsonl", runner)
    reading, trade = read([tmp_path / "rows.jsonl"])
    generated, taught = read([written(tmp_path / "generated", DCA)], trade_every=1)
    assert reading.messages == generated.messages
    assert (trade.messages, trade.given) == (taught.messages, taught.given)
    assert trade.given


async def test_a_teacher_that_knows_loses_nothing_of_generated_orders(runner: OrderRunner, tmp_path: Path) -> None:
    """Of every kind: the generator's drafts and the teacher's programs are right by their effects."""
    drawn = list(rows(Split.TRAIN, 12, 11))
    path = tmp_path / "orders.jsonl"
    path.write_text("".join(row.line() for row in drawn))
    answers = [answer(row.draft, order=row.id) for row in drawn]
    answers += [
        answer(f"```py\n{program(row.reading)}\n```", order=row.id, task=Task.PROGRAM)
        for row in drawn
        if isinstance(row.reading, Order)
    ]
    report = await select(read_taught(path), answers, tmp_path / "rows", runner)
    assert report["dropped"] == {}
    assert report["kept"]["reading"] == 12
    assert report["kept"]["program"] >= 8
