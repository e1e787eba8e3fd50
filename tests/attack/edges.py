"""Exceptions that nothing expects, and what the daemon logs and counts of them."""

from __future__ import annotations

import dataclasses
import io
import json
import re
import tomllib
from collections.abc import Callable
from typing import Any, NoReturn

from pydantic import TypeAdapter, ValidationError

from sentinel.observe import logs
from sentinel.observe.internal_errors import InternalErrors
from sentinel.observe.metrics import Metrics
from tests.daemon import values


def _invalid() -> ValidationError:
    try:
        TypeAdapter(int).validate_python("x")
    except ValidationError as error:
        return error
    raise AssertionError


FAULTS: tuple[Exception, ...] = (
    RuntimeError("boom"),
    OverflowError("cannot convert Infinity to integer ratio"),
    ValueError("boom"),
    TypeError("boom"),
    KeyError("boom"),
    AttributeError("boom"),
    RecursionError("maximum recursion depth exceeded"),
    MemoryError("boom"),
    OSError(5, "Input/output error"),
    UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"),
    json.JSONDecodeError("boom", "{", 0),
    tomllib.TOMLDecodeError("boom"),
    _invalid(),
    ExceptionGroup("several", [RuntimeError("boom")]),
)


def raising(fault: BaseException) -> Callable[..., NoReturn]:
    def run(*_: object, **__: object) -> NoReturn:
        raise fault.with_traceback(None)

    return run


def raising_without_arguments(fault: BaseException) -> Callable[[], NoReturn]:
    def run() -> NoReturn:
        raise fault.with_traceback(None)

    return run


@dataclasses.dataclass
class Caught:
    """What the daemon logs and counts."""

    text: io.StringIO
    metrics: Metrics
    errors: InternalErrors

    def count(self, edge: str) -> float:
        return self.metrics.registry.get_sample_value("sentinel_internal_errors_total", {"edge": edge}) or 0.0

    def refused(self) -> float:
        return self.metrics.registry.get_sample_value("sentinel_config_reloads_total", {"result": "refused"}) or 0.0

    def lines(self, event: str) -> list[dict[str, Any]]:
        return [line for text in self.text.getvalue().splitlines() if (line := json.loads(text))["event"] == event]


def listening() -> Caught:
    """Logs from now on go into the result."""
    text = io.StringIO()
    log = logs.configure(stream=text)
    metrics = Metrics(values.NETWORK)
    return Caught(text, metrics, InternalErrors(metrics, log))


def names(message: str, fault: Exception) -> bool:
    """The message says what happened and where."""
    return re.search(rf"\b{type(fault).__name__}\b.*\(.*\w\.py:\d+ in \S+\)", message, re.DOTALL) is not None
