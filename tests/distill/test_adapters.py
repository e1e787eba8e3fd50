"""One base, one adapter a role: real vLLM serves an adapter made on a tiny random base, by its name."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from lab import CHECKOUT
from sentinel.agent.action_format import closed
from sentinel.agent.model import Sampling, StudentModel
from sentinel.agent.vllm_server import NAME, SCRIPT, served
from sentinel.core.trajectory import Trajectory
from sentinel.distill.trajectory_store import trajectory_of
from tests.distill.tuning import tune

TEMPLATE = (CHECKOUT / "models" / "nano" / "chat_template.jinja").read_text()
ROLE = "trader@uniswap_v3"


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory, in_serving: Callable[..., Any], oracle_rows: Path) -> Path:
    """A base with random weights and, beside it, an adapter that was made of one trajectory."""
    folder = tmp_path_factory.mktemp("models")
    (folder / "rows.jsonl").write_text(oracle_rows.read_text().splitlines()[0] + "\n")
    in_serving("base.py", "make", folder / "base", oracle_rows, TEMPLATE)
    tune(folder / "base", folder / "rows.jsonl", folder / ROLE, "--lora")
    return folder


async def say(url: str, name: str, row: Trajectory) -> str:
    """The greedy answer to the row's first request."""
    asked = [{"role": turn.role, "content": turn.text} for turn in row.turns[:2]]
    async with StudentModel(url, name, Sampling(temperature=0.0, max_tokens=200), timeout=60.0) as student:
        await student.health()
        (sample,) = await student.sample(asked, 1)
    return closed(sample.text)


@pytest.mark.proof
@pytest.mark.timeout(900)  # a base, an adapter and a server, each with torch: seven minutes on a busy machine
async def test_an_adapter_is_served_by_its_name_and_answers_as_trained(models: Path, tmp_path: Path) -> None:
    """Word for word. The base beside it, at the same endpoint, knows none of it."""
    row = trajectory_of(json.loads((models / "rows.jsonl").read_text()))
    flags = ("--max-model-len", "1024")
    async with served(models / "base", log=tmp_path / "vllm.log", flags=flags, adapters=models) as server:
        assert await say(server.url, ROLE, row) == row.turns[2].text
        assert await say(server.url, NAME, row) != row.turns[2].text


def flags_of(model: Path, tmp_path: Path, adapters: str = "", source: str = "settings") -> Sequence[str]:
    """What vLLM would be started with."""
    python = tmp_path / "python"
    python.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    python.chmod(0o755)
    environment = {**os.environ, "SENTINEL_SERVE_PYTHON": str(python), "SENTINEL_SERVE_ADAPTERS": adapters}
    environment["SENTINEL_ANALYST__SOURCE"] = source
    done = subprocess.run([SCRIPT, model], env=environment, capture_output=True, check=True, text=True)
    return done.stdout.splitlines()


def test_adapters_are_found_beside_the_model_or_where_the_operator_says(models: Path, tmp_path: Path) -> None:
    """With room for the highest rank. Where no model is to be the analyst the base is served alone."""
    assert "--enable-lora" not in flags_of(models / "base", tmp_path)
    flags = flags_of(models / "base", tmp_path, source="model")
    assert flags[flags.index("--lora-modules") + 1] == f"{ROLE}={models / ROLE}"
    assert flags[flags.index("--max-lora-rank") + 1] == "64"
    shutil.copytree(models / ROLE, tmp_path / "elsewhere" / "analyst")
    flags = flags_of(models / "base", tmp_path, str(tmp_path / "elsewhere"))
    assert flags[flags.index("--lora-modules") + 1] == f"analyst={tmp_path / 'elsewhere' / 'analyst'}"


def test_an_adapter_of_another_base_is_not_served(models: Path, tmp_path: Path) -> None:
    """On other weights it would write nonsense: it goes by the hash of the weights that it was made on."""
    shutil.copytree(models, tmp_path / "models")
    weights = tmp_path / "models" / "base" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    assert "--enable-lora" not in flags_of(tmp_path / "models" / "base", tmp_path, source="model")
    assert "--enable-lora" in flags_of(models / "base", tmp_path, source="model")
    assert "base_sha256" in json.loads((models / ROLE / "training.json").read_text())
