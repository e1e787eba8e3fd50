"""Real rows of the oracle, and the serving environment, where torch is, as a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sentinel.agent.serving import CHECKOUT

PYTHON: list[str | Path] = [CHECKOUT / ".venv-serve" / "bin" / "python", "-W", "ignore"]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(CHECKOUT), "OMP_NUM_THREADS": "1"}


@pytest.fixture(scope="session")
def oracle_rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """80 trajectories over all playbooks, collected on development states."""
    folder = tmp_path_factory.mktemp("oracle")
    shards, rows = folder / "shards", folder / "rows.jsonl"
    command: list[str | Path] = [CHECKOUT / ".venv" / "bin" / "python", "-m", "sentinel", "distill"]
    collect = [*command, "collect", "--out", shards, "--states", "120", "--part", "dev"]
    subprocess.run(collect, cwd=CHECKOUT, check=True, capture_output=True)
    select = [*command, "select", "--data", shards, "--out", rows, "--count", "80"]
    subprocess.run(select, cwd=CHECKOUT, check=True, capture_output=True)
    return rows


@pytest.fixture(scope="session")
def analyst_shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """20 trajectories of the analyst's role, five briefs a state, collected on development states."""
    shards = tmp_path_factory.mktemp("analyst") / "shards"
    command: list[str | Path] = [CHECKOUT / ".venv" / "bin" / "python", "-m", "sentinel", "distill", "collect"]
    command += ["--role", "analyst", "--out", shards, "--states", "4", "--n", "5", "--part", "dev"]
    subprocess.run(command, cwd=CHECKOUT, check=True, capture_output=True)
    return shards


@pytest.fixture(scope="session")
def in_serving() -> Callable[..., Any]:
    """Runs a script of this folder in the serving environment; returns what its last line holds as JSON."""

    def run(script: str, *arguments: str | Path) -> Any:
        command: list[str | Path] = [*PYTHON, Path(__file__).with_name(script), *arguments]
        done = subprocess.run(command, cwd=CHECKOUT, env=ENVIRONMENT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1]) if done.stdout else None

    return run


@pytest.fixture(scope="session")
def start_training() -> Callable[..., subprocess.Popen[str]]:
    """Starts the training module itself, without the command line in front of it."""

    def start(*options: str | Path) -> subprocess.Popen[str]:
        command: list[str | Path] = [*PYTHON, "-m", "sentinel.distill.training.train", *options]
        both = subprocess.STDOUT
        return subprocess.Popen(command, cwd=CHECKOUT, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=both, text=True)

    return start
