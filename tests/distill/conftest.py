"""The serving environment, where torch is, as a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lab import CHECKOUT

PYTHON: list[str | Path] = [CHECKOUT / ".venv-serve" / "bin" / "python", "-W", "ignore"]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(CHECKOUT), "OMP_NUM_THREADS": "1"}


@pytest.fixture(scope="session")
def in_serving() -> Callable[..., Any]:
    """Runs a script of this folder in the serving environment; returns what its last line holds as JSON."""

    def run(script: str, *arguments: str | Path) -> Any:
        command: list[str | Path] = [*PYTHON, Path(__file__).with_name(script), *arguments]
        done = subprocess.run(command, cwd=CHECKOUT, env=ENVIRONMENT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1]) if done.stdout else None

    return run
