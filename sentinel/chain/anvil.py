"""Find the pinned Anvil and run one: on a TCP port, or reached through a unix socket alone."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from sentinel.chain.rpc import Rpc
from sentinel.chain.socket_rpc import SocketRpc
from sentinel.core.errors import OperatorError
from sentinel.core.host.namespaces import without_network
from sentinel.core.host.places import anvil_package, npm_package
from sentinel.core.host.process import Child, ChildFailed, Probe, free_port, port_taken

VERSION = "1.7.1"  # a later version broke eth_simulateV1 on forks
HOST = "127.0.0.1"
# Without --no-cors Anvil lets every web page of this machine's browsers send it requests and read its answers.
_QUIET = ("--quiet", "--no-cors")


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
) -> tuple[Child, str]:
    """Start Anvil and wait until it answers. Returns the process and its http:// address.

    Port 0 chooses a free port. `listen` is the address to listen on, such as 0.0.0.0 in a container. Raises
    ChildFailed if Anvil cannot start (a taken port, a wrong argument), and what `find_anvil` raises.
    """
    path = find_anvil(program)
    if port and port_taken(port):  # otherwise another node on this port would answer instead
        raise ChildFailed(f"port {port} on {HOST} is taken; stop the process that listens there, or choose another")
    attempts = 3 if port == 0 else 1
    while True:
        attempts -= 1
        chosen = port or free_port()
        url = f"http://{HOST}:{chosen}"
        command: list[str | Path] = [path, *_QUIET, "--host", listen, "--port", str(chosen), *arguments]
        async with Rpc(url, timeout=2.0) as rpc:

            async def answers(rpc: Rpc = rpc) -> bool:
                return isinstance(await rpc.call("eth_chainId"), str)

            try:
                return await _child(command, log, None, answers).start(), url
            except ChildFailed:
                if attempts == 0:
                    raise


async def start_anvil_on_socket(
    socket: Path,
    *,
    port: int = 0,
    program: str | Path | None = None,
    arguments: Sequence[str] = (),
    log: Path | None = None,
    cwd: Path | None = None,
) -> Child:
    """Start an Anvil that answers on the unix socket `socket`, which must not exist yet; `SocketRpc` is its client.

    Anvil always opens a TCP port as well, and web pages reach that port by WebSocket. So it runs in an empty network
    namespace, where nobody can reach the port. If the system forbids such a namespace, the port is `port` on 127.0.0.1
    (0: any free one), which every local user can reach. Raises as `start_anvil` does.
    """
    command: list[str | Path] = [*without_network(), find_anvil(program), *_QUIET]
    command += ["--host", HOST, "--port", str(port), "--ipc", socket, *arguments]
    async with SocketRpc(socket, timeout=2.0) as rpc:

        async def answers() -> bool:
            return isinstance(await rpc.call("eth_chainId"), str)

        return await _child(command, log, cwd, answers).start()


def _child(command: Sequence[str | Path], log: Path | None, cwd: Path | None, ready: Probe) -> Child:
    """Anvil as a child. It gets next to nothing of this environment, which may hold an endpoint's key."""
    env = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    return Child(
        "anvil", command, log=log, env=env, inherit=False, cwd=cwd, ready=ready, ready_within=20.0, stop_within=2.0
    )
