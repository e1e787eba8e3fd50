"""The control socket of the operator: status, pause, resume, reload, stop and flatten.

Each line is one JSON object, and each request gets one answer.

Request `{"do": "pause", "reason": "..."}`; answer `{"ok": true, ...}` or `{"ok": false, "error": "..."}`.
The socket has mode 0600 in the state directory. Whoever can open it may control the daemon; there is no other check.
"""

from __future__ import annotations

import asyncio
import json
import socket
from pathlib import Path
from typing import Any, Protocol

from pydantic_core import from_json

from sentinel.core.errors import NotRunning, OperatorError, SentinelError
from sentinel.core.host.unix import listener, short_address

NAME = "control.sock"
MAX_LINE = 64 * 1024  # bytes of a request or answer line
MAX_REASON = 200  # characters


class Operations(Protocol):
    """The operations that the socket offers. `pause`, `resume` and `flatten` are durable before they return."""

    def status(self) -> dict[str, Any]: ...

    def pause(self, reason: str) -> None: ...

    def resume(self) -> None: ...

    def stop(self) -> None: ...

    def reload(self) -> dict[str, list[Any]]:
        """Load the settings again; the next cycle uses them.

        Returns the changes as {variable: [old, new]}. Raises OperatorError.
        """
        ...

    def flatten(self) -> None:
        """Sell every token for the quote token, then stop. Raises OperatorError if that is not possible."""
        ...


class ControlServer:
    """A service of the daemon that answers requests on the control socket."""

    def __init__(self, state_dir: Path, operations: Operations) -> None:
        self._path = state_dir / NAME
        self._operations = operations
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()

    async def start(self) -> None:
        """Listen. A stale socket file is replaced, because the wallet's lock proves that no other daemon runs here."""
        self._server = await asyncio.start_unix_server(self._serve, sock=listener(self._path), limit=MAX_LINE)

    async def stop(self) -> None:
        if self._server is None:
            return
        self._server.close()
        for writer in list(self._open):
            writer.close()
        self._path.unlink(missing_ok=True)
        self._server = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            while line := await reader.readline():
                writer.write(json.dumps(self._answer(line)).encode() + b"\n")
                await writer.drain()
        except (OSError, ValueError):
            pass  # the client closed the connection, or sent a line that is too long
        finally:
            self._open.discard(writer)
            writer.close()

    def _answer(self, line: bytes) -> dict[str, Any]:
        try:
            request = from_json(line)
            operation = request["do"]
        except (ValueError, TypeError, KeyError):
            return {"ok": False, "error": 'a request is one JSON object a line: {"do": "status"}'}
        try:
            match operation:
                case "status":
                    return {"ok": True, "status": self._operations.status()}
                case "pause":
                    self._operations.pause(clean_reason(request.get("reason")))
                case "resume":
                    self._operations.resume()
                case "stop":
                    self._operations.stop()
                case "reload":
                    return {"ok": True, "changed": self._operations.reload()}
                case "flatten":
                    self._operations.flatten()
                case _:
                    return {"ok": False, "error": "known requests: status, pause, resume, reload, stop, flatten"}
        except SentinelError as error:
            return {"ok": False, "error": str(error)}
        return {"ok": True}


def ask(state_dir: Path, what: str, *, timeout: float = 5.0, **fields: object) -> dict[str, Any]:
    """Send one request to the daemon of this state directory and return its answer. Blocks up to `timeout` seconds.

    Raises NotRunning if no daemon listens, TimeoutError if it does not answer, OperatorError if it refuses.
    """
    path = state_dir / NAME
    try:
        with short_address(path) as address, socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as channel:
            channel.settimeout(timeout)
            channel.connect(address)
            channel.sendall(json.dumps({"do": what, **fields}).encode() + b"\n")
            with channel.makefile("rb") as stream:
                line = stream.readline()
    except (FileNotFoundError, ConnectionError) as error:
        raise NotRunning(f"no daemon is running with state directory {state_dir}") from error
    except PermissionError as error:
        raise OperatorError(f"{path}: permission denied; run this as the daemon's user") from error
    if not line:
        raise NotRunning(f"the daemon with state directory {state_dir} closed the connection without an answer")
    answer: dict[str, Any] = from_json(line)
    if not answer.get("ok"):
        raise OperatorError(str(answer.get("error")))
    return answer


def clean_reason(reason: object) -> str:
    """The printable characters of a reason, cut to MAX_REASON; a default text if none remain."""
    text = "".join(c for c in str(reason or "") if c.isprintable()).strip()
    return text[:MAX_REASON] or "by the operator"
