"""The operator's unix socket: status, pause, resume, reload, stop. One JSON object a line, one answer a request.

Request `{"do": "pause", "reason": "..."}`; answer `{"ok": true, ...}` or `{"ok": false, "error": "..."}`.
The socket is 0600 in the state directory: whoever may open it may stop trading, and nothing else is asked of them.
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
MAX_LINE = 64 * 1024  # bytes of one request or answer line
MAX_REASON = 200  # characters


class Operations(Protocol):
    """What the socket may ask of the daemon. `pause`, `resume` and `flatten` are durable before they return."""

    def status(self) -> dict[str, Any]: ...

    def pause(self, reason: str) -> None: ...

    def resume(self) -> None: ...

    def stop(self) -> None: ...

    def reload(self) -> dict[str, list[Any]]:
        """Load the settings again; {variable: [old, new]}, in force with the next cycle. Raises OperatorError."""
        ...

    def flatten(self) -> None:
        """Sell everything back, then stop. Raises OperatorError where that cannot be."""
        ...


class ControlServer:
    def __init__(self, state_dir: Path, operations: Operations) -> None:
        self._path = state_dir / NAME
        self._operations = operations
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()

    async def start(self) -> None:
        """Listen. A stale socket file is replaced: the wallet's lock has shown that no other daemon lives here."""
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
            pass  # the other side went away, or sent a line beyond the limit
        finally:
            self._open.discard(writer)
            writer.close()

    def _answer(self, line: bytes) -> dict[str, Any]:
        try:
            request = from_json(line)
            what = request["do"]
        except (ValueError, TypeError, KeyError):
            return {"ok": False, "error": 'a request is one JSON object a line: {"do": "status"}'}
        try:
            match what:
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
    """One request to the daemon of this state directory, from a plain synchronous program.

    Raises NotRunning where nobody listens, TimeoutError where nobody answers, OperatorError where it refuses.
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
        raise OperatorError(f"{path}: not yours to open; run this as the daemon's user") from error
    if not line:
        raise NotRunning(f"the daemon with state directory {state_dir} went away")
    answer: dict[str, Any] = from_json(line)
    if not answer.get("ok"):
        raise OperatorError(str(answer.get("error")))
    return answer


def clean_reason(reason: object) -> str:
    text = "".join(c for c in str(reason or "") if c.isprintable()).strip()
    return text[:MAX_REASON] or "by the operator"
