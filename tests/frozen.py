"""A process that was sent SIGSTOP: its threads stop one by one, and until the last has it may still answer."""

from __future__ import annotations

import time
from pathlib import Path


def wait_until_stopped(pid: int) -> None:
    threads = Path(f"/proc/{pid}/task")
    while any(stat.read_text().rsplit(")", 1)[1].split()[0] != "T" for stat in threads.glob("*/stat")):
        time.sleep(0.001)
