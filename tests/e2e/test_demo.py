"""`sentinel demo`, as a user runs it: a process of its own that trades, sums up, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest

from lab import CHECKOUT
from sentinel.paper.demo_order import PLAY_MONEY, READING, WORDS

KEYS = ["cycles", "acts", "holds", "confirmed", "reverted", "unknown", "sampled", "parsed", "simulated"]
KEYS += ["shortfall_bps", "equity", "equity_hold", "prices", "price_source"]
PATIENCE = 400.0  # seconds for one demo; beside another vLLM on two cores the start alone takes minutes


async def start(*arguments: str) -> asyncio.subprocess.Process:
    """In a session of its own, so that whatever it leaves behind can be found."""
    settings = {name: value for name, value in os.environ.items() if not name.startswith("SENTINEL_")}
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "sentinel", "demo", "--json", *arguments),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        cwd=CHECKOUT, env=settings, start_new_session=True,
    )  # fmt: skip


def summary(output: bytes) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(output.splitlines()[-1])
    return found


async def test_a_program_trades_without_vllm() -> None:
    """One purchase, and a hold until the next is due. No model is loaded, and nothing of the start waits for one."""
    process = await start("--blocks", "2", "--proposer", "code", "--file", "examples/programs/dca.py")
    output, said = await asyncio.wait_for(process.communicate(), PATIENCE)
    assert process.returncode == 0, said.decode()
    assert b"vLLM" not in said
    done = summary(output)
    assert list(done) == KEYS
    assert (done["cycles"], done["acts"], done["holds"], done["confirmed"]) == (2, 1, 1, 1)
    assert done["sampled"] <= 2


async def test_the_student_reads_and_trades_until_ctrl_c_and_the_summary_adds_up() -> None:
    """The real vLLM reads the demo's words, and eight of its programs decide at each block; Ctrl-C ends everything that
    was started. A block at which an intent is still open decides nothing; on a busy machine there are such blocks."""
    process = await start()
    assert process.stderr is not None
    said = []
    try:
        async with asyncio.timeout(PATIENCE):
            async for line in process.stderr:
                said.append(line)
                if b"transaction confirmed" in line:
                    break
            children = [int(pid) for pid in descendants(process.pid)]
            process.send_signal(signal.SIGINT)
            output, _ = await process.communicate()
    except TimeoutError:
        for pid in [*descendants(process.pid), process.pid]:  # nothing of it may weigh on the tests that follow
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
        pytest.fail(b"".join(said).decode())
    shown = b"".join(said).decode()
    assert process.returncode == 0, shown
    assert f"the student reads: {WORDS}" in shown
    assert " of 16 mean this" in shown
    assert PLAY_MONEY in shown
    assert f"order: {READING}" in shown
    done = summary(output)
    assert list(done) == KEYS
    assert done["cycles"] == done["acts"] + done["holds"]
    assert (done["confirmed"] >= 1, done["unknown"]) == (True, 0)
    assert 8 * done["cycles"] >= done["sampled"] >= 8 * done["acts"]
    assert done["sampled"] >= done["parsed"] >= done["simulated"] > 0
    assert done["prices"]
    assert len(children) >= 3  # the chain, the fork, vLLM
    assert not [pid for pid in children if alive(pid)]


def descendants(pid: int) -> list[int]:
    """Everything started by a process, however deep."""
    found: list[int] = []
    parents: dict[int, list[int]] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                parent = int((folder / "stat").read_text().rsplit(")", 1)[1].split()[1])
            except (OSError, IndexError):
                continue
            parents.setdefault(parent, []).append(int(folder.name))
    todo = [pid]
    while todo:
        children = parents.get(todo.pop(), [])
        found += children
        todo += children
    return found


def alive(pid: int) -> bool:
    """Running, not only waiting to be reaped."""
    try:
        return (Path("/proc") / str(pid) / "stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except OSError:
        return False
