"""Modules that need torch, run as processes of their own in the serving environment."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

from sentinel.agent.vllm_server import serving_python
from sentinel.core.errors import OperatorError
from sentinel.core.host.places import FILES


def run_module(*command: str | Path | int) -> None:
    """`python -m COMMAND` there, to its end; an interrupt is passed on, and it ends as it sees fit. Raises
    OperatorError where there is no such environment, or the module fails."""
    python = serving_python()
    # Threads that wait by spinning make each other crawl as soon as anything else wants a core.
    environment = {"OMP_WAIT_POLICY": "PASSIVE", **os.environ}
    child = subprocess.Popen([str(part) for part in (python, "-m", *command)], cwd=FILES, env=environment)
    while True:
        try:
            code = child.wait()
            break
        except KeyboardInterrupt:
            child.send_signal(signal.SIGINT)
    if code:
        raise OperatorError(f"{command[0]} ended with {code}; what it printed stands above")
