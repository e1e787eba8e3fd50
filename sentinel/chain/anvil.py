"""Find the pinned Anvil and run one."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

from sentinel.chain.rpc import Rpc
from sentinel.core.errors import OperatorError
from sentinel.core.host.places import anvil_package, npm_package
from sentinel.core.host.process import Child, ChildFailed, free_port, port_taken

VERSION = "1.7.1"  # a later version broke eth_simulateV1 on forks
HOST = "127.0.0.1"


def find_anvil(given: str | Path | None = None) -> Path:
    """The path of Anvil: `given` (SENTINEL_FORK__ANVIL_PATH), else the one that `sentinel setup` fetched, else on PATH.

    Raises OperatorError if there is none, or if it is not version 1.7.1.
    """
    if given:
        path = Path(given).expanduser()
        if not path.is_file():
            raise OperatorError(f"SENTINEL_FORK__ANVIL_PATH is {path}, which is not a file")
    else:
        path = npm_package(anvil_package(), VERSION) / "package" / "bin" / "anvil"
        if not path.is_file():
            program = shutil.which("anvil")
            if program is None:
                raise OperatorError(f"Anvil {VERSION} is missing: run `sentinel setup`, or put an `anvil` on PATH")
            path = Path(program)
    return _checked(path)


@lru_cache
def _checked(path: Path) -> Path:
    """`path`. Raises OperatorError if it does not run, or runs another version of Anvil."""
    try:
        text = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=20, check=True).stdout
    except (OSError, subprocess.SubprocessError) as error:
        raise OperatorError(f"{path} does not run as Anvil: {error}") from error
    version = text.split("\n", 1)[0].removeprefix("anvil Version:").strip().split("-")[0]
    if version != VERSION:
        actual = f"Anvil {version or 'of an unknown version'}"
        raise OperatorError(f"{path} is {actual}; Sentinel is pinned to {VERSION}: run `sentinel setup`")
    return path


async def start_anvil(
    *,
    port: int = 0,
    listen: str = HOST,
    program: str | Path | None = None,
    arguments: Sequence[str] = (),
    log: Path | None = None,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> tuple[Child, str]:
    """Start Anvil and wait until it answers. Returns the process and its http:// address.

    Port 0 chooses a free port. `listen` is the address to listen on, such as 0.0.0.0 in a container. `env` is added to
    the environment of this process. Raises ChildFailed if Anvil cannot start (a taken port, a wrong argument), and what
    `find_anvil` raises.
    """
    path = find_anvil(program)
    if port and port_taken(port):  # otherwise another node on this port would answer instead
        raise ChildFailed(f"port {port} on {HOST} is taken; stop the process that listens there, or choose another")
    attempts = 3 if port == 0 else 1
    while True:
        attempts -= 1
        chosen = port or free_port()
        url = f"http://{HOST}:{chosen}"
        command: list[str | Path] = [path, "--quiet", "--host", listen, "--port", str(chosen), *arguments]
        async with Rpc(url, timeout=2.0) as rpc:

            async def answers(rpc: Rpc = rpc) -> bool:
                return isinstance(await rpc.call("eth_chainId"), str)

            child = Child(
                "anvil", command, log=log, env=env, cwd=cwd, ready=answers, ready_within=20.0, stop_within=2.0
            )
            try:
                return await child.start(), url
            except ChildFailed:
                if attempts == 0:
                    raise
