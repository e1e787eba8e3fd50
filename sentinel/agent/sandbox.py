"""The sandbox that runs code actions: pydantic-monty workers in other processes, which reach only the given tools.

Each run starts from a dump of the interpreter's state (a fresh one for None) and returns a new dump. Samples of one
step therefore cannot affect each other, and the next step can continue from the winner's state. A run depends only on
code, state and tools: it has no clock, entropy, files, network or environment, and no import but `math`.
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

from sentinel.core.actions import Action, Stage
from sentinel.core.errors import AgentFault, CodeFault, QuoteError
from sentinel.core.untrusted_text import one_line, printable
from sentinel.orders.playing.situation_values import Unknown

log = structlog.get_logger("sentinel.sandbox")

# Seconds of interpretation per run, and again as many in tools. After that no further tool is called, because the
# caller may have given up.
RUN_TIMEOUT = 1.0
MAX_RUN_TIMEOUT = 20.0  # seconds, the same if no block waits: a busy machine must not change the result
MAX_MEMORY = 128 * 1024 * 1024  # bytes per run
MAX_TOOL_CALLS = 100  # per run, including name look-ups
MAX_OBSERVATION = 400  # characters that the model sees
MAX_PRINTED = 64 * 1024  # bytes; a run that prints more fails
MAX_ERROR = 160  # characters

_ALLOWED_IMPORT = re.compile(r"^[ \t]*(?:import math|from math import [A-Za-z0-9_, ]+)[ \t]*$", re.MULTILINE)
_FORBIDDEN = (
    # The interpreter has its own modules (os, time, random, …), and eval could build any text that is refused here.
    (re.compile(r"\bimport\b"), "ImportError: only math can be imported"),
    (re.compile(r"\b(?:eval|exec)\b"), "NameError: eval and exec are not available"),
    (re.compile(r"__"), "NameError: names with two underscores are not available"),
)


class Tools(Protocol):
    """The functions that the code may call.

    They raise AgentFault or QuoteError for the model's faults, and Unknown for what an order's situation does not say.
    The code may catch these as ValueError and LookupError. The sandbox's threads call the tools concurrently, so they
    must be pure reads of frozen values; tools that remember what a run has called are made anew for each run.
    """

    @property
    def reads(self) -> Mapping[str, Callable[..., object]]: ...

    @property
    def finals(self) -> Mapping[str, Callable[..., Action | None]]:
        """A final action that returns None ends nothing."""
        ...

    @property
    def fresh(self) -> frozenset[str]:
        """The names in `reads` and `finals` that read the market."""
        ...


class NoTools:
    """Tools without a function."""

    @property
    def reads(self) -> Mapping[str, Callable[..., object]]:
        return {}

    @property
    def finals(self) -> Mapping[str, Callable[..., Action | None]]:
        return {}

    @property
    def fresh(self) -> frozenset[str]:
        return frozenset()


NO_TOOLS = NoTools()


@dataclass(frozen=True, slots=True)
class CodeRun:
    """What one code action did. `error` is None if it ran to its end, else one short line."""

    observation: str  # what it printed, as printable ASCII with a maximum length
    finals: tuple[Action, ...]  # in the order called
    reads: tuple[str, ...]  # the tools that read the market and answered, in order
    error: str | None
    stage: Stage  # ACTION if the error comes from a final action that could not be built, else CODE
    state: bytes | None  # where the next step may continue; None after an error
    line: int | None = None  # of the code, from 1, that the error was raised in; None without an error, or if unknown


class Sandbox:
    """A pool of workers. Use it as a context manager, or call `close()`.

    It is the library's blocking pool, driven by threads. The library's asyncio pool aborted the process at exit in 4 of
    60 trials, the blocking one in none.
    """

    def __init__(self, workers: int = 4, *, seconds: float = RUN_TIMEOUT) -> None:
        """`seconds` limits the interpretation of a run, and separately its time in tools."""
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
        """As `run_blocking`, in a thread."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self.run_blocking, code, tools, state)

    def run_blocking(self, code: str, tools: Tools, state: bytes | None = None) -> CodeRun:
        """Run `code` on its own copy of `state`. Raises nothing, whatever the code does."""
        job = _SandboxJob(tools, self._seconds)
        new_state = None
        error, line = _screen(code)
        if error is None:
            try:
                new_state = self._feed(code, job, state)
            except (monty.MontySyntaxError, monty.MontyRuntimeError) as fault:
                error = _short(fault.display("type-msg"), self._seconds)
                line = next((frame.line for frame in reversed(fault.traceback())), None)
            except CodeFault as fault:
                error = _short(str(fault))
            except monty.MontyError as fault:  # the worker died, or a value could not be transferred
                error = _short(f"{type(fault).__name__.removeprefix('Monty')}: {fault}")
        return CodeRun(
            observation=printable(job.printed.output.strip(), MAX_OBSERVATION),
            finals=tuple(job.finals),
            reads=tuple(job.reads),
            error=error,
            stage=Stage.ACTION if error is not None and error == job.unbuilt else Stage.CODE,
            state=new_state,
            line=line,
        )

    def prepared(self, code: str) -> bytes:
        """The state after `code`, for later runs to start from. NOTE: the code is our own and is not screened."""
        return self._feed(code, _SandboxJob(NO_TOOLS, self._seconds), None)

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
    """A running code action: answers the interpreter's requests and records the tools that it called."""

    def __init__(self, tools: Tools, seconds: float) -> None:
        self.tools = tools
        self.seconds = seconds  # maximum time in tools
        self.printed = monty.CollectString(max_bytes=MAX_PRINTED)
        self.finals: list[Action] = []
        self.reads: list[str] = []
        self.spent = 0.0  # seconds in tools
        self.unbuilt: str | None = None  # the error of the last final action that could not be built

    def answer(self, paused: monty.SyncSnapshot) -> monty.SyncSnapshot:
        """Answer one request of the paused interpreter and resume it. Raises CodeFault to end the run."""
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
            value: object = None
            if (final := self.tools.finals.get(name)) is not None:
                if (action := final(*args, **kwargs)) is not None:
                    self.finals.append(action)
            elif (read := self.tools.reads.get(name)) is not None:
                value = read(*args, **kwargs)
            else:
                return {"exc_type": "NameError", "message": f"name '{one_line(name, 32)}' is not defined"}
            if name in self.tools.fresh:
                self.reads.append(name)
            return {"return_value": value}
        except Unknown as unknown:
            return {"exc_type": "LookupError", "message": one_line(str(unknown), MAX_ERROR)}
        except (AgentFault, QuoteError) as fault:
            message = one_line(str(fault), MAX_ERROR)
            if name in self.tools.finals:
                self.unbuilt = _short(f"ValueError: {message}")
            return {"exc_type": "ValueError", "message": message}
        except Exception as error:  # our own fault, but a model's text must never end the process (I22)
            log.exception("sandbox.tool_failed", tool=name)
            raise CodeFault(f"RuntimeError: {name} failed ({type(error).__name__})") from error


def _screen(code: str) -> tuple[str | None, int | None]:
    """The error of code that is refused before it runs, and its line, else None."""
    if not code.isascii():
        return "SyntaxError: only ASCII can be used", None
    checked = _ALLOWED_IMPORT.sub("", code)
    for pattern, message in _FORBIDDEN:
        if found := pattern.search(checked):
            return message, checked.count("\n", 0, found.start()) + 1
    return None, None


def _short(text: str, seconds: float = RUN_TIMEOUT) -> str:
    """One line without measured times and sizes, so that equal failures have equal texts."""
    kind, _, message = one_line(text, 4 * MAX_ERROR).partition(": ")
    if kind == "TimeoutError":
        message = f"it ran longer than {seconds:g} s"
    elif kind == "MemoryError":
        message = "it used too much memory"
    return printable(f"{kind}: {message}" if message else kind, MAX_ERROR)
