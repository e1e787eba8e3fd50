"""Where code actions run: pydantic-monty workers, outside this process, with nothing in reach but the tools given.

Each run starts from the state its lineage left behind (a dump of the interpreter, a fresh one for None) and gives back
a new one, so that samples of one step cannot touch one another and the winner's state can go on. A run is a function of
code, state and tools alone: no clock, no entropy, no imports but `math`, no files, no network, no environment.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Protocol, Self

import pydantic_monty as monty
import structlog

from sentinel.agent.untrusted_text import one_line, printable
from sentinel.core.actions import Action, Stage
from sentinel.core.errors import AgentFault, CodeFault, QuoteError

log = structlog.get_logger("sentinel.sandbox")

RUN_TIMEOUT = (
    1.0  # of interpreting a run, and as many in tools, after which no other is called: who waits may have gone
)
MAX_RUN_TIMEOUT = 20.0  # the same where no block waits, and a busy machine must not change what comes out
MAX_MEMORY = 128 * 1024 * 1024  # bytes, a run
MAX_TOOL_CALLS = 100  # a run; name look-ups count too
MAX_OBSERVATION = 400  # characters that the model gets to see
MAX_PRINTED = 64 * 1024  # bytes; printing more is a failure
MAX_ERROR = 160  # characters

_ALLOWED_IMPORT = re.compile(r"^[ \t]*(?:import math|from math import [A-Za-z0-9_, ]+)[ \t]*$", re.MULTILINE)
_FORBIDDEN = (
    # The interpreter has modules of its own (os, time, random, …), and eval could spell out anything kept out here.
    (re.compile(r"\bimport\b"), "ImportError: only math can be imported"),
    (re.compile(r"\b(?:eval|exec)\b"), "NameError: eval and exec are not available"),
    (re.compile(r"__"), "NameError: names with two underscores are not available"),
)


class Tools(Protocol):
    """What the code may call. They raise AgentFault or QuoteError for what the model did; the code may catch that.

    They are called from the sandbox's threads, several at a time: they must be pure reads of frozen values.
    """

    @property
    def reads(self) -> Mapping[str, Callable[..., object]]: ...

    @property
    def finals(self) -> Mapping[str, Callable[..., Action]]: ...

    @property
    def fresh(self) -> frozenset[str]:
        """Those of `reads` that read the market."""
        ...


@dataclass(frozen=True, slots=True)
class CodeRun:
    """What one code action did. `error` is None where it ran to its end, else one short line."""

    observation: str  # what it printed: printable ASCII, capped
    finals: tuple[Action, ...]  # in the order called
    reads: tuple[str, ...]  # tools that read the market and answered, in order
    error: str | None
    stage: Stage  # whose fault an error is: the code's, or the action's where a final one could not be built
    state: bytes | None  # for the next step of this lineage; None after an error


class Sandbox:
    """One pool of workers. Use as a context manager, or call `close()`.

    The pool is the library's blocking one, driven from threads of its own: its asyncio pool aborted the process at
    exit in 4 of 60 trials, this one in none.
    """

    def __init__(self, workers: int = 4, *, seconds: float = RUN_TIMEOUT) -> None:
        """`seconds`: of interpreting a run, and as many in tools."""
        self._seconds = seconds
        self._pool = monty.Monty(
            min_processes=1,
            max_processes=workers,
            checkout_timeout=30.0,
            request_timeout=seconds + 2.0,  # kills a worker that its own limits did not stop
            max_checkouts_per_worker=1_000,
        )
        self._pool.__enter__()
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="sandbox")

    async def run(self, code: str, tools: Tools, state: bytes | None = None) -> CodeRun:
        return await asyncio.get_running_loop().run_in_executor(self._threads, self.run_blocking, code, tools, state)

    def run_blocking(self, code: str, tools: Tools, state: bytes | None = None) -> CodeRun:
        """Runs `code` on its own copy of `state`. Never raises for what the code does."""
        job = _SandboxJob(tools, self._seconds)
        error, kept = _screen(code), None
        if error is None:
            try:
                kept = self._feed(code, job, state)
            except (monty.MontySyntaxError, monty.MontyRuntimeError) as fault:
                error = _short(fault.display("type-msg"), self._seconds)
            except CodeFault as fault:
                error = _short(str(fault))
            except monty.MontyError as fault:  # the worker died, or a value could not cross
                error = _short(f"{type(fault).__name__.removeprefix('Monty')}: {fault}")
        return CodeRun(
            observation=printable(job.printed.output.strip(), MAX_OBSERVATION),
            finals=tuple(job.finals),
            reads=tuple(job.reads),
            error=error,
            stage=Stage.ACTION if error is not None and error == job.unbuilt else Stage.CODE,
            state=kept,
        )

    def _feed(self, code: str, job: _SandboxJob, state: bytes | None) -> bytes:
        limits = monty.ResourceLimits(
            max_feed_duration_secs=self._seconds,
            max_memory=MAX_MEMORY,
            max_suspensions=MAX_TOOL_CALLS,
            max_recursion_depth=200,
        )
        policy = monty.OSPolicy(datetime="call_host", sleep="call_host", random_start="call_host")
        with self._pool.checkout(limits=limits, os_policy=policy, assert_message_annotations=False) as session:
            if state is not None:
                session.load_session(state)
            paused = session.feed_start(code, print_callback=job.printed)
            while not isinstance(paused, monty.MontyComplete):
                paused = job.answer(paused)
            return session.dump()

    def close(self) -> None:
        self._threads.shutdown(wait=True, cancel_futures=True)
        self._pool.__exit__(None, None, None)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


class _SandboxJob:
    """One run while it is going on: answers what the interpreter asks and notes what it asked for."""

    def __init__(self, tools: Tools, seconds: float) -> None:
        self.tools = tools
        self.seconds = seconds  # that it may spend in tools
        self.printed = monty.CollectString(max_bytes=MAX_PRINTED)
        self.finals: list[Action] = []
        self.reads: list[str] = []
        self.spent = 0.0  # seconds in tools
        self.unbuilt: str | None = None  # the error that the last refused final action gave

    def answer(self, paused: monty.SyncSnapshot) -> monty.SyncSnapshot:
        if isinstance(paused, monty.NameLookupSnapshot):
            tool = self.tools.reads.get(paused.variable_name) or self.tools.finals.get(paused.variable_name)
            return paused.resume() if tool is None else paused.resume(value=tool)
        if not isinstance(paused, monty.FunctionSnapshot):
            raise CodeFault("RuntimeError: nothing here can be awaited")
        if paused.is_os_function:
            return paused.resume({"exc_type": "PermissionError", "message": "not available here"})
        if self.spent > self.seconds:
            raise CodeFault(f"TimeoutError: the tools were busy for more than {self.seconds:g} s")
        started = time.perf_counter()
        answer = self._call(str(paused.function_name), paused.args, paused.kwargs)
        self.spent += time.perf_counter() - started
        return paused.resume(answer)

    def _call(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> monty.ExternalResult:
        try:
            if (final := self.tools.finals.get(name)) is not None:
                self.finals.append(final(*args, **kwargs))
                return {"return_value": None}
            if (read := self.tools.reads.get(name)) is not None:
                value = read(*args, **kwargs)
                if name in self.tools.fresh:
                    self.reads.append(name)
                return {"return_value": value}
        except (AgentFault, QuoteError) as fault:
            message = one_line(str(fault), MAX_ERROR)
            if name in self.tools.finals:
                self.unbuilt = _short(f"ValueError: {message}")
            return {"exc_type": "ValueError", "message": message}
        except Exception as error:  # a fault of ours, but what a model wrote must never end the process (I22)
            log.exception("sandbox.tool_failed", tool=name)
            raise CodeFault(f"RuntimeError: {name} failed ({type(error).__name__})") from error
        return {"exc_type": "NameError", "message": f"name '{one_line(name, 32)}' is not defined"}


def _screen(code: str) -> str | None:
    if not code.isascii():
        return "SyntaxError: only ASCII can be used"
    rest = _ALLOWED_IMPORT.sub("", code)
    return next((message for pattern, message in _FORBIDDEN if pattern.search(rest)), None)


def _short(text: str, seconds: float = RUN_TIMEOUT) -> str:
    """One line without what differs from run to run (measured times), so that equal failures read the same."""
    kind, _, message = one_line(text, 4 * MAX_ERROR).partition(": ")
    if kind == "TimeoutError":
        message = f"it ran longer than {seconds:g} s"
    elif kind == "MemoryError":
        message = "it used too much memory"
    return printable(f"{kind}: {message}" if message else kind, MAX_ERROR)
