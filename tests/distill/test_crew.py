"""Two processes train as one does: under torchrun, over gloo on the CPU. (On GPUs it is the same code over nccl.)"""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lab import CHECKOUT

TOGETHER = ["torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m"]
OPTIONS = ["--size", "micro", "--batch", "8", "--steps", "40", "--device", "cpu", "--checkpoint-every", "5"]


def started(rows: Path, out: Path, *launcher: str) -> subprocess.Popen[str]:
    """In a process group of its own, as a command at a terminal is."""
    python = CHECKOUT / ".venv-serve" / "bin" / "python"
    command: list[str | Path] = [python, "-W", "ignore", "-m", *launcher, "sentinel.distill.training.train"]
    command += ["--data", rows, "--out", out, *OPTIONS]
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT), "OMP_NUM_THREADS": "1"}
    both = subprocess.STDOUT
    return subprocess.Popen(
        command, cwd=CHECKOUT, env=environment, stdout=subprocess.PIPE, stderr=both, text=True, start_new_session=True
    )


def losses(out: Path) -> list[float]:
    found: list[float] = json.loads((out / "training.json").read_text())["losses"]
    return found


@pytest.fixture(scope="module")
def together(tmp_path_factory: pytest.TempPathFactory, oracle_rows: Path) -> Path:
    """A student of two processes that nothing disturbed."""
    out = tmp_path_factory.mktemp("together") / "student"
    run = started(oracle_rows, out, *TOGETHER)
    told, _ = run.communicate()
    assert run.returncode == 0, told
    assert told.count('"parameters"') == 1  # one of the two speaks
    return out


@pytest.mark.proof
def test_two_processes_with_half_of_each_batch_learn_what_one_with_all_of_it_learns(
    together: Path, tmp_path: Path, oracle_rows: Path, in_serving: Callable[..., Any]
) -> None:
    """Every loss and every weight, up to rounding: a token counts alike, whichever process has it."""
    run = started(oracle_rows, tmp_path / "alone")
    told, _ = run.communicate()
    assert run.returncode == 0, told
    assert len(losses(together)) > 1
    assert losses(together) == pytest.approx(losses(tmp_path / "alone"), abs=2e-4)
    found = in_serving("apart.py", together, tmp_path / "alone")
    assert found["tensors"] > 10
    assert found["apart"] < 1e-3 * found["moved"]
    assert sorted(path.name for path in together.iterdir()) == sorted(
        path.name for path in (tmp_path / "alone").iterdir()
    )


@pytest.mark.proof
def test_interrupted_and_started_again_the_two_end_as_if_nothing_had_been(
    together: Path, tmp_path: Path, oracle_rows: Path
) -> None:
    """Ctrl-C stops both after the same step with one checkpoint; one process alone cannot go on from it; two end with
    the weights of an undisturbed run, to the bit."""
    out = tmp_path / "broken"
    run = started(oracle_rows, out, *TOGETHER)
    while not (out / "checkpoint.pt").exists():
        assert run.poll() is None
    os.killpg(run.pid, signal.SIGINT)
    told, _ = run.communicate()
    assert run.returncode != 0
    assert told.count("run the same command again to resume") == 1
    assert not (out / "model.safetensors").exists()

    alone = started(oracle_rows, out)
    assert "or number of processes: remove it" in alone.communicate()[0]
    assert alone.returncode == 1

    last = started(oracle_rows, out, *TOGETHER)
    told, _ = last.communicate()
    assert last.returncode == 0, told
    assert told.count("resuming after step") == 1
    assert (out / "model.safetensors").read_bytes() == (together / "model.safetensors").read_bytes()
    assert losses(out) == losses(together)
