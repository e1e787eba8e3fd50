"""Child processes that never outlive this process, each in its own process group.

A watcher in the group holds the read end of a pipe, and this process holds the write end. If this process ends in any
way, even by SIGKILL, the pipe closes and the watcher kills the group. This needs no signal handler.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from sentinel.core.errors import Unavailable

Probe = Callable[[], Awaitable[bool]]

_GUARD = (
    "exec 3<&0 </dev/null; "
    "(trap '' HUP INT; while read -r _ <&3; do :; done; kill -9 -$$) >/dev/null 2>&1 & "
    'exec 3<&-; exec "$@"'
)
_POLL = 0.02  # seconds


class ChildFailed(Unavailable):
    """A child process did not start, ended by itself, or was not ready in time. The message has the end of its log."""


class Child:
    """One running command. Use as an async context manager, or call `start()` and `stop()`."""

    def __init__(
        self,
        name: str,
        command: Sequence[str | Path],
        *,
        log: Path | None = None,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        ready: Probe | None = None,
        ready_within: float = 30.0,
        stop_within: float = 5.0,
        inherit: bool = True,
    ) -> None:
        """Prepare the command; `start()` runs it. Times are in seconds.

        `env` extends the environment of this process, or replaces it if `inherit` is False. Both output streams are
        appended to `log`. `ready` is polled until it returns True; it may raise Unavailable or OSError for "not yet".
        """
        self.name = name
        self._command = [str(part) for part in command]
        self._log = log
        self._env = {**(os.environ if inherit else {}), **(env or {})}
        self._cwd = cwd
        self._ready = ready
        self._ready_within = ready_within
        self._stop_within = stop_within
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int:
        """Process id of the command, which is also the id of its process group."""
        if self._process is None:
            raise ChildFailed(f"{self.name} was not started")
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.returncode is None

    async def start(self) -> Self:
        """Start the command and wait until it is ready. Raises ChildFailed after it has stopped the process group."""
        out = self._log.open("ab") if self._log is not None else subprocess.DEVNULL
        try:
            self._process = await asyncio.create_subprocess_exec(
                "/bin/sh", "-c", _GUARD, self.name, *self._command,
                stdin=subprocess.PIPE, stdout=out, stderr=subprocess.STDOUT,
                cwd=self._cwd, env=self._env, start_new_session=True,
            )  # fmt: skip
        finally:
            if not isinstance(out, int):
                out.close()
        try:
            await self._until_ready()
        except BaseException:
            await self.stop()
            raise
        return self

    async def _until_ready(self) -> None:
        end = time.monotonic() + self._ready_within
        while self._ready is not None:
            if not self.running:
                raise ChildFailed(f"{self.name} ended with {self.returncode} before it was ready{self._tail()}")
            with contextlib.suppress(Unavailable, OSError):
                if await self._ready() and self.running:
                    return
            if time.monotonic() > end:
                raise ChildFailed(f"{self.name} was not ready within {self._ready_within:g} s{self._tail()}")
            await asyncio.sleep(_POLL)

    @property
    def returncode(self) -> int | None:
        return None if self._process is None else self._process.returncode

    async def wait(self) -> int:
        """Wait until the command ends by itself, and return its exit status."""
        if self._process is None:
            raise ChildFailed(f"{self.name} was not started")
        return await self._process.wait()

    def suspend(self) -> None:
        """Freeze the command (SIGSTOP), so that it hangs with its ports open; `resume` continues it.

        The watcher is not frozen, and `stop` also works on a frozen command.
        """
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    async def kill(self) -> None:
        """Send SIGKILL to the whole group immediately."""
        await self._end(grace=0.0)

    async def stop(self) -> None:
        """Send SIGTERM to the command, then SIGKILL to the rest of its group. May be called twice."""
        await self._end(grace=self._stop_within)

    async def _end(self, grace: float) -> None:
        process = self._process
        if process is None:
            return
        if process.returncode is None and grace > 0:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
                process.send_signal(signal.SIGCONT)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), grace)
        # The watcher is still in the group, so the kernel cannot have reused the group id.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
        if process.stdin is not None:
            process.stdin.close()
            with contextlib.suppress(OSError):
                await process.stdin.wait_closed()
        self._process = None

    def _tail(self) -> str:
        if self._log is None or not self._log.exists():
            return ""
        return ":\n" + "\n".join(self._log.read_text(errors="replace").splitlines()[-15:])

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()


def port_taken(port: int, host: str = "127.0.0.1") -> bool:
    """Whether the port is in use, or this process may not bind it."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # a port that was just closed counts as free
        try:
            probe.bind((host, port))
        except OSError:
            return True
    return False


def free_port(host: str = "127.0.0.1") -> int:
    """A port that is free now; another process may still take it first."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])
