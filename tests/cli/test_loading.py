"""What a command loads: web3 takes as long to import as all the rest of Sentinel, so few commands pay for it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

COLD = ("sentinel.daemon.doctor.doctor", "sentinel.market.deployment")
HOT = (
    "sentinel.cycle",
    "sentinel.daemon.wiring",
    "sentinel.daemon.set_allowances",
    "sentinel.execute.sender",
    "sentinel.paper.demo",
)


def loads_web3(folder: Path, *arguments: str, code: int = 0) -> bool:
    """Whether this Python imports it, by its own report of all that it imports."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("SENTINEL_")}
    done = subprocess.run(
        [sys.executable, "-X", "importtime", *arguments],
        cwd=folder,
        env={**kept, "PYTHONPATH": os.getcwd()},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == code, done.stderr
    names = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}
    assert "sentinel" in names
    return "web3" in names


@pytest.mark.parametrize(("command", "code"), [("--version", 0), ("status", 3), ("show-config", 0)])
def test_commands_start_without_web3(command: str, code: int, tmp_path: Path) -> None:
    """None of these calls a contract. (No daemon runs: `status` ends with 3.)"""
    assert not loads_web3(tmp_path, "-m", "sentinel", command, code=code)


def test_trading_loads_no_web3(tmp_path: Path) -> None:
    """Reads, simulation, heads and sending are our own; so is the local market that is already baked."""
    assert not loads_web3(tmp_path, "-c", f"import {', '.join(HOT)}")


@pytest.mark.parametrize("module", COLD)
def test_the_cold_paths_do_load_it(module: str, tmp_path: Path) -> None:
    """The tests above see what is there to be seen."""
    assert loads_web3(tmp_path, "-c", f"import {module}")
