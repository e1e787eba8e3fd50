"""Run modules that need torch as processes in the serving environment."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

from sentinel.agent.vllm_server import serving_python
from sentinel.core.errors import OperatorError
from sentinel.core.host.places import FILES


def run_module(*command: str | Path | int) -> None:
    """Run `python -m COMMAND` in the serving environment and wait for its end. Interrupts are passed on to it.

    Raises OperatorError if there is no serving environment, or if the module fails.
    """
    python = serving_python()
    # Waiting threads that spin slow each other down as soon as another process needs a core.
    environment = {"OMP_WAIT_POLICY": "PASSIVE", **os.environ}
    child = subprocess.Popen([str(part) for part in (python, "-m", *command)], cwd=FILES, env=environment)
    while True:
        try:
            code = child.wait()
            break
        except KeyboardInterrupt:
            child.send_signal(signal.SIGINT)
    if code:
        raise OperatorError(f"{command[0]} ended with exit code {code}; its output above says why")
