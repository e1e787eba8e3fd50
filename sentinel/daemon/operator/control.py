"""The operator's unix socket: one JSON object per line, one answer per request. `OPERATIONS` lists the requests.

Request `{"do": "pause", "reason": "..."}`; answer `{"ok": true, ...}` or `{"ok": false, "error": "..."}`.
The socket has mode 0600 in the state directory. Whoever can open it may use every operation; nothing else is checked.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import socket
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from pydantic_core import from_json

from sentinel.core.errors import NotRunning, OperatorError, SentinelError
from sentinel.core.host.unix import listener, short_address

if TYPE_CHECKING:  # the command line imports this module, and metrics are slow to import
    from sentinel.observe.internal_errors import InternalErrors

NAME = "control.sock"
MAX_LINE = 64 * 1024  # bytes of a request or answer line
MAX_REASON = 200  # characters


class Operations(Protocol):
    """The operations of the daemon. `pause`, `resume` and `flatten` are durable before they return."""

    def status(self) -> dict[str, Any]: ...

    def pause(self, reason: str) -> None: ...

    def resume(self) -> None: ...

    def stop(self) -> None: ...

    def reload(self) -> dict[str, list[Any]]:
        """Load the settings again: {variable: [old, new]}, in force with the next cycle. Raises OperatorError."""
        ...

    def flatten(self) -> None:
        """Sell everything, then stop. Raises OperatorError if that is impossible."""
        ...

    async def read_order(self, words: str) -> dict[str, Any]:
        """What the words mean to the student, for the operator to approve one or none. Raises OperatorError."""
        ...

    def approve_order(self, reading: str, digest: str, words: str, accept_judgement: bool) -> None:
        """Put an order in force with the next cycle. `words`: those that it was read from, or empty.

        Raises OperatorError if `digest` is not that of `reading`, if it was not read from the words, or if what the
        student alone would judge is not accepted.
        """
        ...

    def cancel_order(self, reason: str) -> None:
        """Trade nothing more for the order. Raises OperatorError if the settings give it."""
        ...

    def give_entry(self, coin: str, price: str, coins: str) -> None:
        """Record what coins cost that Sentinel did not buy. Raises OperatorError and JournalError."""
        ...


Request = Mapping[str, Any]
Answer = dict[str, Any]


def _pause(operations: Operations, request: Request) -> Answer:
    operations.pause(clean_reason(request.get("reason")))
    return {}


async def _read_order(operations: Operations, request: Request) -> Answer:
    return {"readings": await operations.read_order(str(request.get("words", "")))}


def _approve_order(operations: Operations, request: Request) -> Answer:
    reading, digest, words = (str(request.get(name, "")) for name in ("reading", "hash", "words"))
    operations.approve_order(reading, digest, words, request.get("accept_judgement") is True)
    return {}


def _cancel_order(operations: Operations, request: Request) -> Answer:
    operations.cancel_order(clean_reason(request.get("reason")))
    return {}


def _give_entry(operations: Operations, request: Request) -> Answer:
    operations.give_entry(*(str(request.get(name, "")) for name in ("coin", "price", "coins")))
    return {}


def _plain(run: Callable[[Operations], None]) -> Callable[[Operations, Request], Answer]:
    def answer(operations: Operations, request: Request) -> Answer:
        run(operations)
        return {}

    return answer


Handler = Callable[[Operations, Request], Answer | Awaitable[Answer]]
OPERATIONS: Mapping[str, Handler] = {
    "status": lambda operations, request: {"status": operations.status()},
    "pause": _pause,
    "resume": _plain(lambda operations: operations.resume()),
    "reload": lambda operations, request: {"changed": operations.reload()},
    "read_order": _read_order,
    "approve_order": _approve_order,
    "cancel_order": _cancel_order,
    "give_entry": _give_entry,
    "stop": _plain(lambda operations: operations.stop()),
    "flatten": _plain(lambda operations: operations.flatten()),
}  # request -> what runs it and returns the fields of the answer


class ControlServer:
    def __init__(self, state_dir: Path, operations: Operations, errors: InternalErrors) -> None:
        self._path = state_dir / NAME
        self._operations = operations
        self._errors = errors
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()

    async def start(self) -> None:
        """Listen. A stale socket file is replaced: the wallet's lock has shown that no other daemon runs here.

        Raises OperatorError if the socket cannot be made.
        """
        try:
            bound = listener(self._path)
        except OSError as error:
            raise OperatorError(f"cannot listen on {self._path}: {error.strerror}; set SENTINEL_STATE_DIR") from error
        self._server = await asyncio.start_unix_server(self._serve, sock=bound, limit=MAX_LINE)

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
                writer.write(await self._answer(line))
                await writer.drain()
        except (OSError, ValueError):
            pass  # the client disconnected, or sent a line beyond the limit
        finally:
            self._open.discard(writer)
            writer.close()

    async def _answer(self, line: bytes) -> bytes:
        """The line of the answer. An exception that nothing expected is logged, counted and answered."""
        try:
            answer = await self._run(line)
            return json.dumps(answer).encode() + b"\n"
        except SentinelError as error:
            answer = {"ok": False, "error": str(error)}
        except Exception as error:
            answer = {"ok": False, "error": self._errors.report("control", error)}
        return json.dumps(answer).encode() + b"\n"

    async def _run(self, line: bytes) -> Answer:
        """The answer's fields. Raises SentinelError if the daemon refuses."""
        try:
            request = from_json(line)
            name = request["do"]
        except (ValueError, TypeError, KeyError):
            return {"ok": False, "error": 'a request is one JSON object per line: {"do": "status"}'}
        if not isinstance(name, str) or name not in OPERATIONS:
            return {"ok": False, "error": f"known requests: {', '.join(OPERATIONS)}"}
        return await carried_out(self._operations, name, request)


async def carried_out(operations: Operations, name: str, request: Request) -> Answer:
    """The answer's fields. Raises SentinelError if the daemon refuses, KeyError for an operation that is not listed."""
    found = OPERATIONS[name](operations, request)
    return {"ok": True, **(await found if inspect.isawaitable(found) else found)}


def ask(state_dir: Path, request: str, *, timeout: float = 5.0, **fields: object) -> Answer:
    """Send one request to the daemon of this state directory, from a plain synchronous program.

    Raises NotRunning if no daemon listens, TimeoutError if it does not answer in `timeout` seconds, and OperatorError
    if it refuses, or if its answer is not understood.
    """
    path = state_dir / NAME
    try:
        with short_address(path) as address, socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as channel:
            channel.settimeout(timeout)
            channel.connect(address)
            channel.sendall(json.dumps({"do": request, **fields}).encode() + b"\n")
            with channel.makefile("rb") as stream:
                line = stream.readline()
    except (FileNotFoundError, ConnectionError) as error:
        raise NotRunning(f"no daemon is running with state directory {state_dir}") from error
    except TimeoutError:
        raise
    except PermissionError as error:
        raise OperatorError(f"{path}: you may not open it; run this as the daemon's user") from error
    except OSError as error:
        raise OperatorError(f"{path}: {error.strerror or type(error).__name__}") from error
    if not line:
        raise NotRunning(f"the daemon with state directory {state_dir} closed the connection without an answer")
    try:
        answer: Answer = from_json(line)
        if answer.get("ok") is True:
            return answer
        refusal = str(answer.get("error"))
    except (ValueError, AttributeError) as error:
        raise OperatorError(f"{path}: the answer is not understood: {type(error).__name__}") from error
    raise OperatorError(refusal)


def clean_reason(reason: object) -> str:
    """The printable characters of a reason, cut to MAX_REASON; a default text if none remain."""
    text = "".join(c for c in str(reason or "") if c.isprintable()).strip()
    return text[:MAX_REASON] or "by the operator"
