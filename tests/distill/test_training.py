"""Training rows and serving requests are one text; loss is on thought, action and end of turn alone.

torch and transformers are in the serving environment, so the checks run there, in a process of their own.
"""

from __future__ import annotations

import hashlib
import json
import re
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from lab import CHECKOUT

NANO = CHECKOUT / "models" / "nano"
TEMPLATE = NANO / "chat_template.jinja"


@pytest.fixture(scope="module")
def facts(in_serving: Callable[..., Any]) -> dict[str, Any]:
    found: dict[str, Any] = in_serving("renderer.py", NANO)
    return found


def test_serving_requests_are_prefixes_of_the_training_row(facts: dict[str, Any]) -> None:
    for request in ("first_request", "second_request", "prefilled"):
        asked = facts[request]
        assert facts["row"][: len(asked)] == asked


def test_loss_is_on_thought_action_and_end_of_turn_alone(facts: dict[str, Any]) -> None:
    assert facts["loss_on"] == facts["expected"]


def test_loss_of_real_rows_is_on_each_assistant_turn_and_its_end_and_nothing_else(
    in_serving: Callable[..., Any], oracle_rows: Path
) -> None:
    """Decoded span by span: thought, code action, <end_code> and end of turn, as many spans as there are turns."""
    rows = in_serving("rendered.py", oracle_rows, "nano", TEMPLATE)
    assert len(rows) == 80
    for row in rows:
        assert row["spans"] == [turn + "<|end|>" for turn in row["turns"]]
        assert len(row["spans"]) >= 2
        assert all(span.startswith("Thought: ") and span.endswith("```<end_code><|end|>") for span in row["spans"])


def test_packed_rows_give_each_token_the_loss_it_has_alone(in_serving: Callable[..., Any], oracle_rows: Path) -> None:
    """Rows share a line but not their attention; letting them see each other is noticed."""
    found = in_serving("packed.py", oracle_rows, TEMPLATE)
    assert found["rows"] < found["trajectories"] == len(found["plain"])
    assert found["padded"][1] < found["padded"][0]
    assert sorted(map(len, found["plain"])) == sorted(found["expected"])
    for alone, packed in zip(found["plain"], found["packed"], strict=True):
        assert packed == pytest.approx(alone, abs=1e-4)
    assert found["means"][1] == pytest.approx(found["means"][0], abs=1e-4)
    flat = [[x for row in found[name] for x in row] for name in ("plain", "seeing_each_other")]
    assert max(abs(x - y) for x, y in zip(*flat, strict=True)) > 1e-2


def test_digits_stand_singly_and_the_stop_string_is_ordinary_text(facts: dict[str, Any]) -> None:
    assert facts["digits"] == ["1", "2", "3", "4", ".", "5"]
    assert facts["stop"] == "```<end_code>"
    assert facts["any"] == "naïve €"


def test_the_card_says_what_was_measured() -> None:
    scores = json.loads((NANO / "scores.json").read_text())
    card = (NANO / "README.md").read_text()
    training = json.loads((NANO / "training.json").read_text())
    agreement = scores["agreement"]
    assert training["parameters"] <= 3_000_000
    assert agreement["all"]["total"] >= 400
    assert agreement["act"]["total"] >= 0.4 * agreement["all"]["total"]
    assert agreement["all"]["low"] >= 0.85
    for share in agreement.values():
        assert f"| {share['hits']} | {share['total']} | {share['share']:.3f} | {share['low']:.3f} |" in card
    assert scores["weights_sha256"] in card


def test_the_committed_weights_are_those_of_the_card() -> None:
    weights = (NANO / "model.safetensors").read_bytes()
    assert hashlib.sha256(weights).hexdigest() == json.loads((NANO / "scores.json").read_text())["weights_sha256"]
    assert len(weights) <= 20 * 1024 * 1024


def test_training_learns_and_writes_a_whole_model(tmp_path: Path, oracle_rows: Path) -> None:
    """A few steps on real rows: the loss falls, a whole model and its curve are written, no checkpoint stays."""
    out = tmp_path / "model"
    command: list[str | Path] = [CHECKOUT / ".venv" / "bin" / "python", "-m", "sentinel", "distill", "train"]
    command += ["--data", oracle_rows, "--out", out, "--steps", "25", "--size", "micro", "--batch", "16", "--packing"]
    subprocess.run([*command, "--checkpoint-every", "10"], cwd=CHECKOUT, check=True, capture_output=True)
    facts = json.loads((out / "training.json").read_text())
    assert facts["losses"][-1] < 0.8 * facts["losses"][0]
    assert 400_000 <= facts["parameters"] <= 600_000
    assert facts["device"] == "cpu"
    names = {path.name for path in out.iterdir()}
    assert {"model.safetensors", "tokenizer.json", "chat_template.jinja", "curve.svg"} <= names
    assert not any(name.startswith("checkpoint") for name in names)
    line = ElementTree.parse(out / "curve.svg").find(".//*[@id='loss']/{http://www.w3.org/2000/svg}path")
    assert line is not None
    assert len(re.findall("[ML]", line.attrib["d"])) == len(facts["losses"])


@pytest.mark.proof
def test_a_run_that_was_killed_and_one_that_was_interrupted_end_as_if_nothing_had_been(
    tmp_path: Path, oracle_rows: Path, start_training: Callable[..., subprocess.Popen[str]]
) -> None:
    """SIGKILL after a checkpoint, SIGINT later, then to the end: weights and losses are the same to the bit."""
    options = ["--data", oracle_rows, "--size", "micro", "--batch", "4", "--steps", "45", "--checkpoint-every", "4"]
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    first = start_training(*options, "--out", whole)
    told, _ = first.communicate()
    assert first.returncode == 0, told

    killed = start_training(*options, "--out", broken)
    while not (broken / "checkpoint.pt").exists():
        assert killed.poll() is None
        time.sleep(0.005)
    killed.kill()
    killed.communicate()
    assert killed.returncode == -signal.SIGKILL

    other = start_training(*options, "--out", broken, "--seed", "8")
    assert "belongs to a run with another recipe" in other.communicate()[0]
    assert other.returncode == 1

    interrupted = start_training(*options, "--out", broken)
    assert interrupted.stdout is not None
    while "resuming after step" not in interrupted.stdout.readline():
        assert interrupted.poll() is None
    interrupted.send_signal(signal.SIGINT)
    assert "run the same command again to resume" in interrupted.communicate()[0]
    assert interrupted.returncode == 130
    assert not (broken / "model.safetensors").exists()

    last = start_training(*options, "--out", broken)
    assert "resuming after step" in last.communicate()[0]
    assert last.returncode == 0
    assert not list(broken.glob("checkpoint*"))
    assert (whole / "model.safetensors").read_bytes() == (broken / "model.safetensors").read_bytes()
    one, two = (json.loads((folder / "training.json").read_text()) for folder in (whole, broken))
    assert one["losses"] == two["losses"]
    assert one["loss_last_50"] == two["loss_last_50"]  # of all steps, unrounded
