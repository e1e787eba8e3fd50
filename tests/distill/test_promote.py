"""Promotion: only with all the evidence, judged on held-out orders by the real grading; refusals say why."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from sentinel.agent.vllm_server import SCRIPT
from sentinel.core.errors import OperatorError
from sentinel.core.host.places import student_folder
from sentinel.distill.evaluation.labelled_orders import LabelledOrder
from sentinel.distill.evaluation.order_grades import Graded, graded
from sentinel.distill.promotion import shadow_log
from sentinel.distill.promotion.promote import PromotionCriteria, held_out, promote, served_name, undo
from sentinel.distill.promotion.shadow_log import ShadowBlock
from sentinel.distill.promotion.students import StudentStore, identity
from sentinel.orders.language.answers import Question
from sentinel.orders.language.reading import Ask, Reading
from sentinel.orders.language.reading_parser import parse
from sentinel.orders.typed.order import Order

WANTED = PromotionCriteria(orders=30, shadow_blocks=20)
ASK = Ask(Question.MEANING)
BUY = parse("Buy 77 USDC worth of WETH.", "USDC")

Reads = Callable[[LabelledOrder], Reading | None]


def timid(order: LabelledOrder) -> Reading | None:
    """It always asks: the live one."""
    return ASK


def able(order: LabelledOrder) -> Reading | None:
    """It reads what is meant."""
    return order.reading


def rash(order: LabelledOrder) -> Reading | None:
    """It reads what is meant, and trades what is not clear."""
    assert isinstance(BUY, Order)
    return order.reading if isinstance(order.reading, Order) else BUY


@dataclass
class Judge:
    """Real grading of whoever stands for a folder."""

    students: dict[str, Reads]
    asked: list[str] = field(default_factory=list)
    trades: bool = True  # rightly; else not at all
    between: Callable[[Path], object] = lambda folder: None  # once a folder is judged

    def grades(self, folder: Path, orders: Sequence[LabelledOrder]) -> dict[str, list[Graded]]:
        self.asked.append(folder.name)
        reads = self.students[identity(folder)]
        reading = [graded(order, reads(order)) for order in orders]
        trading = [graded(order, order.reading) if self.trades else graded(order, ASK) for order in orders]
        self.between(folder)
        return {"student": reading, "programs": trading}


@dataclass(frozen=True)
class Bench:
    store: StudentStore
    shadow: Path
    shipped: Path
    new: Path
    judge: Judge
    work: Path

    def promote(self, wanted: PromotionCriteria = WANTED) -> dict[str, Any]:
        return promote(
            self.store, self.new, self.shadow, wanted, shipped=self.shipped, judge=self.judge, work=self.work
        )

    def shadowed(self, blocks: int, **changes: Any) -> None:
        name = served_name(self.new)
        plain = ShadowBlock(0.0, name, "student:x", 1, "", "0xorder", "", True, True, True, "act", 0.3)
        for number in range(blocks):
            shadow_log.append(self.shadow, replace(plain, block=number, hash=f"{changes}{number}", **changes))


def student(folder: Path, weights: bytes) -> Path:
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(weights)
    (folder / "config.json").write_text("{}")
    return folder


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the held-out orders are kept: drawing them takes seconds."""
    return tmp_path_factory.mktemp("held-out")


@pytest.fixture
def bench(tmp_path: Path, drawn: Path) -> Bench:
    shipped, new = student(tmp_path / "shipped", b"shipped"), student(tmp_path / "new", b"new")
    judge = Judge({identity(shipped): timid, identity(new): able})
    return Bench(StudentStore(tmp_path / "students"), tmp_path / "shadow.jsonl", shipped, new, judge, drawn)


def test_a_better_student_is_promoted_and_an_undo_brings_back_the_shipped_one(bench: Bench) -> None:
    """With the evidence beside it and in the log; the same one again is refused, and so is a worse one."""
    bench.shadowed(20)
    found = bench.promote()
    assert found["reasons"] == []
    live = bench.store.live
    assert live is not None
    assert live.name == found["promoted"]
    assert (live.student / "model.safetensors").read_bytes() == b"new"
    evidence = json.loads((live.path / "evidence.json").read_text())
    assert evidence["orders"]["reading"]["right"]["low"] > 0
    assert evidence["orders"]["reading"]["new"]["orders_right"] == 1
    assert evidence["orders"]["trading"]["right"]["mean"] == 0
    assert evidence["orders"]["orders"] == 30
    assert evidence["shadow"]["blocks"] == 20
    assert bench.store.history()[-2]["evidence"] == evidence
    assert "it is the live student already" in bench.promote()["reasons"]

    back = undo(bench.store)
    assert (back.student / "model.safetensors").read_bytes() == b"shipped"
    assert [one["event"] for one in bench.store.history()][-3:] == ["refusal", "undo begun", "undo done"]


def test_without_enough_blocks_in_shadow_nothing_else_is_tried(bench: Bench) -> None:
    """Another student's blocks and the same block again do not count; the refusal says how to get there."""
    bench.shadowed(19)
    bench.shadowed(10)
    bench.shadowed(30, student="sentinel-000000000000")
    found = bench.promote()
    assert found["promoted"] is None
    assert f"19 of 20 blocks: serve it as {served_name(bench.new)}" in found["reasons"][0]
    assert bench.judge.asked == []
    assert bench.store.live is None
    assert bench.store.history()[-1]["reasons"] == found["reasons"]


def test_failures_and_wrong_decisions_in_shadow_count_against_it(bench: Bench) -> None:
    bench.shadowed(20, right=False)
    bench.shadowed(3, failed="model_timeout", right=False)
    reasons = bench.promote()["reasons"]
    assert any("failed on 3 blocks" in why for why in reasons)
    assert any("what the order says in 0 of 20 blocks, the live one in 20" in why for why in reasons)


def test_one_that_is_no_better_or_trades_wrongly_is_refused_with_every_reason(bench: Bench) -> None:
    bench.shadowed(20)
    bench.judge.students = {identity(bench.shipped): able, identity(bench.new): rash}
    reasons = bench.promote()["reasons"]
    assert any("not surely better" in why for why in reasons)
    assert any("of its trades are wrong, more than 2.0%" in why for why in reasons)
    assert any("orders that are to be asked about or refused, the live one 0" in why for why in reasons)
    assert bench.store.live is None


def test_one_that_reads_better_and_trades_worse_is_refused(bench: Bench) -> None:
    bench.shadowed(20)
    bench.judge.between = lambda folder: setattr(bench.judge, "trades", not bench.judge.trades)
    bench.judge.trades = False  # the new one is judged first
    reasons = bench.promote()["reasons"]
    assert len(reasons) == 1
    assert reasons[0].startswith("it is surely worse at trading: -")


def test_the_held_out_orders_are_of_all_splits_and_of_the_seed_alone(drawn: Path) -> None:
    orders = held_out(30, 1_000, drawn)
    assert {order.split for order in orders} == {"seeds", "wordings", "compositions"}
    assert len(orders) == 30
    assert {order.text for order in orders}.isdisjoint(order.text for order in held_out(30, 1_001, drawn))


def test_files_that_change_while_they_are_judged_are_not_promoted(bench: Bench) -> None:
    bench.shadowed(20)

    def change(folder: Path) -> None:
        if folder == bench.new:
            (folder / "model.safetensors").write_bytes(b"other")

    bench.judge.between = change
    with pytest.raises(OperatorError, match="changed while they were judged"):
        bench.promote()
    assert bench.store.live is not None
    assert (bench.store.live.student / "model.safetensors").read_bytes() == b"shipped"


def test_an_undo_waits_for_no_judging_and_ends_the_promotion(bench: Bench, tmp_path: Path) -> None:
    """What was compared with the student that is live no more is no evidence."""
    bench.shadowed(20)
    with bench.store.alone():
        bench.store.promote(student(tmp_path / "first", b"first"), {})
        bench.store.promote(bench.shipped, {})
    bench.judge.between = lambda folder: undo(bench.store) if folder == bench.new else None
    assert bench.promote()["reasons"] == ["another student has become the live one meanwhile"]
    assert bench.store.live is not None
    assert (bench.store.live.student / "model.safetensors").read_bytes() == b"first"


def test_the_command_refuses_with_reasons_and_undoes(bench: Bench, tmp_path: Path) -> None:
    """Exit code 1 and JSON; --undo with nothing to go back to is the operator's fault."""
    environment = {**os.environ, "SENTINEL_STATE_DIR": str(tmp_path)}
    command = [sys.executable, "-m", "sentinel", "distill", "promote"]
    refused = subprocess.run([*command, bench.new], env=environment, capture_output=True, check=False, text=True)
    assert refused.returncode == 1, refused.stderr
    assert json.loads(refused.stdout)["reasons"][0].startswith("in shadow it decided on 0 of 200 blocks")
    nothing = subprocess.run([*command, "--undo"], env=environment, capture_output=True, check=False, text=True)
    assert nothing.returncode == 4
    with bench.store.alone():
        bench.store.promote(bench.shipped, {})
        bench.store.promote(bench.new, {})
    undone = subprocess.run([*command, "--undo"], env=environment, capture_output=True, check=False, text=True)
    assert undone.returncode == 0, undone.stderr
    assert json.loads(undone.stdout)["live"].endswith(identity(bench.shipped))


# In place of the serving environment's interpreter: an adapter is served as it is.
MERGED = '[ "$2" != sentinel.distill.tuning.merge ] || { echo "$3"; exit; }'


def test_the_live_student_is_what_is_served(bench: Bench, tmp_path: Path) -> None:
    """The version itself, so that a switch cannot mix two; before there is one, the shipped student; a given folder
    has the last word."""
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\n{MERGED}\necho "$@"\n')
    python.chmod(0o755)

    def served(*given: str) -> str:
        environment = {**os.environ, "SENTINEL_STATE_DIR": str(tmp_path), "SENTINEL_SERVE_PYTHON": str(python)}
        done = subprocess.run([SCRIPT, *given], env=environment, capture_output=True, check=True, text=True)
        return done.stdout.split("--model ")[1].split(" ")[0]

    assert served() == str(student_folder())
    with bench.store.alone():
        version = bench.store.promote(bench.new, {})
    assert served() == str(version.student.resolve())
    assert served(str(bench.shipped), "8101") == str(bench.shipped)


def test_a_server_of_the_live_student_starts_anew_when_another_one_becomes_live(bench: Bench, tmp_path: Path) -> None:
    """The old one has ended before the new one begins, undo counts too, and what ends the script ends its server."""
    python, said = tmp_path / "python", tmp_path / "said"
    ends = f"trap 'echo end $4 >>{said}; exit 0' TERM"
    python.write_text(f"#!/bin/sh\n{MERGED}\necho start $4 >>{said}\n{ends}\nwhile :; do sleep 0.05; done\n")
    python.chmod(0o755)
    environment = {**os.environ, "SENTINEL_STATE_DIR": str(tmp_path), "SENTINEL_SERVE_PYTHON": str(python)}

    def until(lines: int) -> list[str]:
        while not said.exists() or len(said.read_text().splitlines()) < lines:
            assert server.poll() is None
            time.sleep(0.02)
        return said.read_text().splitlines()

    with subprocess.Popen([SCRIPT], env=environment, stderr=subprocess.PIPE, text=True) as server:
        until(1)
        with bench.store.alone():
            first = bench.store.promote(bench.shipped, {})
        until(3)
        with bench.store.alone():
            second = bench.store.promote(bench.new, {})
        until(5)
        undo(bench.store)
        until(7)
        server.terminate()
        assert server.wait() == 0
    places = [student_folder(), *(one.student.resolve() for one in (first, second, first))]
    assert said.read_text().splitlines() == [f"{what} {place}" for place in places for what in ("start", "end")]
