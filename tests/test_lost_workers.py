"""A run of the tests ends, whatever a test does: what hangs fails, and a lost worker is named."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from lab import CHECKOUT

HANGS = """
import asyncio, subprocess, threading, time

def test_hangs(): time.sleep(600)
def test_hangs_on_a_child(): subprocess.run(["sleep", "600"])
def test_hangs_on_a_thread():
    thread = threading.Thread(target=time.sleep, args=(600,), daemon=True)
    thread.start()
    thread.join()
async def test_hangs_in_a_loop(): await asyncio.sleep(600)
async def test_hangs_on_tasks():
    async def ticking():
        while True: await asyncio.sleep(0.01)
    await asyncio.gather(ticking(), ticking())
def test_passes(): pass
"""
KILLED = """
import os, signal
def test_passes(): pass
def test_is_killed(): os.kill(os.getpid(), signal.SIGKILL)
def test_after_it(): pass
"""
DEAF = """
import signal, time
def test_is_deaf():
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM})
    time.sleep(600)
"""
LATE = """
import os, signal
def pytest_sessionfinish(): "PYTEST_XDIST_WORKER" in os.environ and os.kill(os.getpid(), signal.SIGKILL)
"""
OTHER = """
import os, pathlib, pytest
@pytest.mark.parametrize("number", range(20))
def test_other(number):
    with pathlib.Path(__file__).with_name("processes").open("a") as file: print(os.getpid(), file=file)
"""


def run(folder: Path, text: str, *options: str, workers: int = 1) -> tuple[int, str]:
    """A run like that of `make test`, with its settings and its conftest, over the given tests and some others."""
    (folder / "test_given.py").write_text(text)
    (folder / "test_other.py").write_text(OTHER)
    command = [sys.executable, "-m", "pytest", "-c", str(CHECKOUT / "pyproject.toml"), "--rootdir", str(folder)]
    command += ["-p", "tests.conftest", "-p", "no:cacheprovider", "-n", str(workers), *options]
    outside = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}  # no worker of ours
    done = subprocess.run(
        [*command, str(folder)], cwd=CHECKOUT, env=outside, capture_output=True, text=True, timeout=240
    )
    return done.returncode, done.stdout + done.stderr


def test_what_hangs_fails_and_the_rest_goes_on(tmp_path: Path) -> None:
    """Asleep, waiting for a child or a thread, in a loop: the timeout is that test's alone."""
    code, text = run(tmp_path, HANGS, "--timeout=1", workers=2)
    assert code == 1, text
    assert "5 failed, 21 passed" in text
    assert text.count("Failed: Timeout (>1.0s) from pytest-timeout") >= 5
    assert len(set((tmp_path / "processes").read_text().split())) == 1  # the tests of a file stay together


def test_a_killed_worker_ends_the_run_and_is_named(tmp_path: Path) -> None:
    code, text = run(tmp_path, KILLED, workers=2)
    assert code == 1, text
    assert "was lost while it ran test_given.py::test_is_killed" in text


def test_a_worker_that_no_signal_reaches_is_ended_and_named(tmp_path: Path) -> None:
    code, text = run(tmp_path, DEAF, "--timeout=1", "-o", "faulthandler_timeout=3")
    assert code == 1, text
    assert "was lost while it ran test_given.py::test_is_deaf" in text
    assert "time.sleep" in text or "in test_is_deaf" in text


def test_a_worker_that_is_lost_after_its_last_test_fails_the_run(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text(LATE)
    code, text = run(tmp_path, "")
    assert code == 1, text
    assert "was lost while it ran no test" in text
