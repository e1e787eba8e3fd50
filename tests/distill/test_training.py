"""Training rows and serving requests are one text; loss is on thought, action and end of turn alone.

torch and transformers are in the serving environment, so the checks run there, in a process of their own.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from sentinel.agent.serving import CHECKOUT

PYTHON = CHECKOUT / ".venv-serve" / "bin" / "python"
NANO = CHECKOUT / "models" / "nano"

RENDERER = Path(__file__).with_name("renderer.py")


@pytest.fixture(scope="module")
def facts() -> dict[str, Any]:
    done = subprocess.run(
        [PYTHON, "-W", "ignore", RENDERER, NANO], cwd=CHECKOUT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_serving_requests_are_prefixes_of_the_training_row(facts: dict[str, Any]) -> None:
    for request in ("first_request", "second_request", "prefilled"):
        asked = facts[request]
        assert facts["row"][: len(asked)] == asked


def test_loss_is_on_thought_action_and_end_of_turn_alone(facts: dict[str, Any]) -> None:
    assert facts["loss_on"] == facts["expected"]


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


def test_training_learns_and_writes_a_whole_model(tmp_path: Path) -> None:
    """A few steps on real rows: the loss falls, and what is written can be loaded again."""
    shards, rows = tmp_path / "shards", tmp_path / "rows.jsonl"
    command: list[str | Path] = [CHECKOUT / ".venv" / "bin" / "python", "-m", "sentinel.distill"]
    subprocess.run(
        [*command, "collect", "--out", shards, "--states", "120", "--part", "dev"],
        cwd=CHECKOUT,
        check=True,
        capture_output=True,
    )
    subprocess.run(
        [*command, "select", "--data", shards, "--out", rows, "--count", "80"],
        cwd=CHECKOUT,
        check=True,
        capture_output=True,
    )
    out = tmp_path / "model"
    subprocess.run(
        [*command, "train", "--data", rows, "--out", out, "--steps", "25"],
        cwd=CHECKOUT,
        check=True,
        capture_output=True,
    )
    facts = json.loads((out / "training.json").read_text())
    assert facts["losses"][-1] < 0.8 * facts["losses"][0]
    assert {"model.safetensors", "tokenizer.json", "chat_template.jinja"} <= {path.name for path in out.iterdir()}
