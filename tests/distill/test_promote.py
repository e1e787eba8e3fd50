"""Promotion: only with all the evidence, judged by the real evaluation and the real attacks; refusals say why."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from lab import CHECKOUT
from sentinel.agent.action_format import render_action
from sentinel.agent.episode import Sampler
from sentinel.agent.oracle import OracleModel
from sentinel.agent.vllm_server import SCRIPT
from sentinel.core.actions import Finish, Sample
from sentinel.core.errors import OperatorError
from sentinel.distill.evaluation.evaluate import evaluate
from sentinel.distill.evaluation.robustness import survive
from sentinel.distill.promotion import shadow_log
from sentinel.distill.promotion.promote import PromotionCriteria, promote, served_name, undo
from sentinel.distill.promotion.shadow_log import ShadowBlock
from sentinel.distill.promotion.students import StudentStore, identity
from sentinel.distill.states import split

WANTED = PromotionCriteria(heldout=40, shadow_blocks=20)
HOLD = render_action("I wait.", 'weight("WETH")\nhold("never")')


class Timid:
    """It always holds: the live one."""

    source = "student:timid"

    async def sample(
        self, messages: Sequence[Mapping[str, str]], n: int, prefill: str, *, after: int = 0
    ) -> list[Sample]:
        return [Sample(0, index, HOLD, 7, Finish.STOP) for index in range(n)]


class Able(Timid):
    """It does as the oracle does where it is asked what it knows, and else holds."""

    source = "student:able"

    async def sample(
        self, messages: Sequence[Mapping[str, str]], n: int, prefill: str, *, after: int = 0
    ) -> list[Sample]:
        try:
            return await OracleModel().sample(messages, n, prefill, after=after)
        except (OperatorError, LookupError, ValueError):
            return await super().sample(messages, n, prefill, after=after)


class Fragile(Able):
    """Able, but a look-alike letter breaks it."""

    async def sample(
        self, messages: Sequence[Mapping[str, str]], n: int, prefill: str, *, after: int = 0
    ) -> list[Sample]:
        prefill.encode("ascii")
        return await super().sample(messages, n, prefill, after=after)


@dataclass
class Judge:
    """Real judging of whoever stands for a folder."""

    students: dict[str, Sampler]
    asked: list[str] = field(default_factory=list)

    def heldout(self, folder: Path, states: int, seed: int) -> dict[str, Any]:
        self.asked.append(folder.name)
        return asyncio.run(evaluate(self.students[identity(folder)], split.load("heldout"), states, n=1, seed=seed))

    def hostile(self, folder: Path) -> dict[str, Any]:
        return asyncio.run(survive(self.students[identity(folder)], split.load("heldout"), n=1))


@dataclass(frozen=True)
class Bench:
    store: StudentStore
    shadow: Path
    shipped: Path
    new: Path
    judge: Judge

    def promote(self, wanted: PromotionCriteria = WANTED) -> dict[str, Any]:
        return promote(self.store, self.new, self.shadow, wanted, shipped=self.shipped, judge=self.judge)

    def shadowed(self, blocks: int, **changes: Any) -> None:
        plain = ShadowBlock(
            0.0, served_name(self.new), "student:x", 1, "", "momentum", "", True, 5.0, 5.0, 4.9, "act", 0.3
        )
        for number in range(blocks):
            shadow_log.append(self.shadow, replace(plain, block=number, hash=f"{changes}{number}", **changes))


def student(folder: Path, weights: bytes) -> Path:
    folder.mkdir()
    (folder / "model.safetensors").write_bytes(weights)
    return folder


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    shipped, new = student(tmp_path / "shipped", b"shipped"), student(tmp_path / "new", b"new")
    judge = Judge({identity(shipped): Timid(), identity(new): Able()})
    return Bench(StudentStore(tmp_path / "students"), tmp_path / "shadow.jsonl", shipped, new, judge)


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
    assert evidence["heldout"]["success"]["low"] > 0
    assert evidence["hostile"]["attacks"] >= 50
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


def test_failures_and_losses_in_shadow_count_against_it(bench: Bench) -> None:
    bench.shadowed(20, ours=1.0)
    bench.shadowed(3, failed="model_timeout", ours=0.0)
    reasons = bench.promote()["reasons"]
    assert any("failed on 3 blocks" in why for why in reasons)
    assert any("worth 3.9 less a block" in why for why in reasons)


def test_one_that_is_no_better_or_breaks_is_refused_with_every_reason(bench: Bench) -> None:
    bench.shadowed(20)
    bench.judge.students = {identity(bench.shipped): Able(), identity(bench.new): Fragile()}
    reasons = bench.promote()["reasons"]
    assert any("not surely better" in why for why in reasons)
    assert any("hostile input thought: look-alikes: unexpected error" in why for why in reasons)
    assert bench.store.live is None


def test_files_that_change_while_they_are_judged_are_not_promoted(bench: Bench) -> None:
    bench.shadowed(20)
    judged = bench.judge.hostile

    def hostile(folder: Path) -> dict[str, Any]:
        found = judged(folder)
        (folder / "model.safetensors").write_bytes(b"other")
        return found

    bench.judge.hostile = hostile  # type: ignore[method-assign]
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
    judged = bench.judge.hostile

    def hostile(folder: Path) -> dict[str, Any]:
        undo(bench.store)
        return judged(folder)

    bench.judge.hostile = hostile  # type: ignore[method-assign]
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


def test_the_live_student_is_what_is_served(bench: Bench, tmp_path: Path) -> None:
    """The version itself, so that a switch cannot mix two; before there is one, the shipped student; a given folder
    has the last word."""
    python = tmp_path / "python"
    python.write_text('#!/bin/sh\necho "$@"\n')
    python.chmod(0o755)

    def served(*given: str) -> str:
        environment = {**os.environ, "SENTINEL_STATE_DIR": str(tmp_path), "SENTINEL_SERVE_PYTHON": str(python)}
        done = subprocess.run([SCRIPT, *given], env=environment, capture_output=True, check=True, text=True)
        return done.stdout.split("--model ")[1].split(" ")[0]

    assert served() == str(CHECKOUT / "models" / "nano")
    with bench.store.alone():
        version = bench.store.promote(bench.new, {})
    assert served() == str(version.student.resolve())
    assert served(str(bench.shipped), "8101") == str(bench.shipped)


def test_a_server_of_the_live_student_starts_anew_when_another_one_becomes_live(bench: Bench, tmp_path: Path) -> None:
    """The old one has ended before the new one begins, undo counts too, and what ends the script ends its server."""
    python, said = tmp_path / "python", tmp_path / "said"
    ends = f"trap 'echo end $4 >>{said}; exit 0' TERM"
    python.write_text(f"#!/bin/sh\necho start $4 >>{said}\n{ends}\nwhile :; do sleep 0.05; done\n")
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
    places = [CHECKOUT / "models" / "nano", *(one.student.resolve() for one in (first, second, first))]
    assert said.read_text().splitlines() == [f"{what} {place}" for place in places for what in ("start", "end")]
