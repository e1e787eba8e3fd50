"""Serve the student with vLLM in a child process that ends with this one."""

from __future__ import annotations

import contextlib
import os
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from sentinel.agent.model import StudentModel
from sentinel.core.errors import OperatorError
from sentinel.core.host.places import FILES, serving_environment
from sentinel.core.host.process import Child, free_port

SCRIPT = FILES / "deploy" / "vllm" / "serve-student.sh"
READY_WITHIN = 900.0  # seconds; 35 to 50 on two idle cores, 530 measured on busy ones; a first merge takes ten
NAME = "sentinel-student"


@dataclass(frozen=True, slots=True)
class VllmServer:
    url: str  # ends in /v1
    child: Child


@contextlib.asynccontextmanager
async def served(
    model: Path, *, port: int = 0, log: Path | None = None, flags: Sequence[str] = ()
) -> AsyncIterator[VllmServer]:
    """Start vLLM, yield once the endpoint answers, and stop the whole process group at the end.

    `model` is the folder of an adapter, which is merged into its base once, or of a whole model. `flags` are options of
    vLLM and override those of the script. Raises OperatorError, ChildFailed.
    """
    python = serving_python()
    require_student(model)
    port = port or free_port()
    url = f"http://127.0.0.1:{port}/v1"

    async def ready() -> bool:
        async with StudentModel(url, NAME, timeout=2.0) as probe:
            await probe.health()
        return True

    command: list[str | Path] = [SCRIPT, model, str(port), *flags]
    env = {"SENTINEL_SERVE_PYTHON": str(python)}
    child = Child("vllm", command, log=log, env=env, ready=ready, ready_within=READY_WITHIN)
    await child.start()
    try:
        yield VllmServer(url, child)
    finally:
        await child.stop()


def require_student(folder: Path) -> None:
    """Raises OperatorError if the folder holds neither an adapter nor a whole model."""
    adapter = (folder / "adapter_config.json").is_file() and (folder / "adapter_model.safetensors").is_file()
    if not adapter and not ((folder / "config.json").is_file() and any(folder.glob("*.safetensors"))):
        raise OperatorError(f"{folder} holds no student: `sentinel distill tune` makes one")


def serving_python() -> Path:
    """$SENTINEL_SERVE_PYTHON, else the interpreter of the serving environment. Raises OperatorError if it is absent."""
    given = os.environ.get("SENTINEL_SERVE_PYTHON")
    python = Path(given) if given else serving_environment() / "bin" / "python"
    if not python.exists():
        raise OperatorError(f"no serving environment at {python}: run `sentinel setup --serve auto`")
    return python
