"""Real rows of the oracle, and the serving environment, where torch is, as a process of its own."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from lab import CHECKOUT

PYTHON: list[str | Path] = [CHECKOUT / ".venv-serve" / "bin" / "python", "-W", "ignore"]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(CHECKOUT), "OMP_NUM_THREADS": "1"}


def made_once(tmp_path_factory: pytest.TempPathFactory, name: str, *commands: Sequence[str | Path]) -> Path:
    """The folder in which the commands were run by the first process of this run that needs it; others wait for it."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / name
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            partial = folder.with_suffix(f".{os.getpid()}")
            partial.mkdir()
            for command in commands:
                python = [str(CHECKOUT / ".venv" / "bin" / "python"), "-m", "sentinel", "distill"]
                environment = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
                subprocess.run([*python, *command], cwd=partial, env=environment, check=True, capture_output=True)
            partial.rename(folder)
    return folder


@pytest.fixture(scope="session")
def oracle_rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """80 trajectories over all playbooks, collected on development states."""
    collect = ["collect", "--out", "shards", "--states", "120", "--part", "dev"]
    select = ["select", "--data", "shards", "--out", "rows.jsonl", "--count", "80"]
    return made_once(tmp_path_factory, "oracle", collect, select) / "rows.jsonl"


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
