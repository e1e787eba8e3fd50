"""Structured logs: `event.name` and fields, context bound once, and one canonical `cycle.done` line per cycle."""

from __future__ import annotations

import logging
import sys
import threading
from types import TracebackType
from typing import Any, TextIO

import structlog

from sentinel.core import valuation
from sentinel.core.decision import Act
from sentinel.core.network import Network
from sentinel.core.record import CycleRecord
from sentinel.core.transaction import Settled
from sentinel.observe import plain_words, redaction

LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}

Log = structlog.typing.FilteringBoundLogger


def configure(level: str = "info", style: str = "json", stream: TextIO | None = None, **context: object) -> Log:
    """Configure logging for the process, once. `context` is added to every line. The default stream is standard error.

    Records of libraries (web3, aiohttp) take the same form, from level warning up. Secrets are cut out of every line
    (`redaction`), and a traceback never shows the values of variables.
    """
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
    ]
    render: list[structlog.typing.Processor]
    out = stream or sys.stderr
    if style == "json":
        frames = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
        render = [structlog.processors.ExceptionRenderer(frames)]
        last: structlog.typing.Processor = structlog.processors.JSONRenderer(default=str)
    else:
        render = [structlog.processors.format_exc_info]
        plain = structlog.dev.plain_traceback
        last = structlog.dev.ConsoleRenderer(colors=out.isatty(), exception_formatter=plain)
    render += [redaction.redacted, last]
    structlog.configure(
        processors=[*shared, *render],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        logger_factory=structlog.PrintLoggerFactory(out),
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=[_drop_meta, *render])
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    return logger(**context)


def tell_uncaught() -> None:
    """Log an uncaught exception of the process or of a thread as one line, with secrets cut out."""

    def tell(kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt) or error is None:
            sys.__excepthook__(kind, error or kind(), trace)
            return
        logger().critical("process.failed", error=kind.__name__, exc_info=(kind, error, trace))

    sys.excepthook = tell
    threading.excepthook = lambda thread: tell(thread.exc_type, thread.exc_value, thread.exc_traceback)


def logger(**context: object) -> Log:
    bound: Log = structlog.get_logger().bind(**context)
    return bound


def _drop_meta(_: Any, __: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    return structlog.stdlib.ProcessorFormatter.remove_processors_meta(_, __, event)


def cycle_fields(record: CycleRecord, network: Network) -> dict[str, object]:
    """Fields of a cycle's canonical line: small and flat, without prompts and calldata."""
    decided = record.decision
    fields: dict[str, object] = {
        "block": record.head.number,
        "decision": "act" if isinstance(decided, Act) else "hold",
        "reason": plain_words.told(record, network),
        "votes": decided.votes,
        "asked": decided.asked,
        "simulated": len(record.simulations),
        "refused": len(record.refusals),
        "seconds": {stage: round(seconds, 4) for stage, seconds in record.timings.items()},
    }
    if isinstance(decided, Act):
        fields |= {"intent": record.intent_id, "margin": decided.margin, "spread_bps": decided.spread_bps}
        fields["size_bps"] = decided.size_bps
    else:
        fields["hold"] = decided.reason
    if record.proposal is not None:
        fields |= {
            "parsed": len(record.proposal.candidates),
            "steps": record.proposal.steps,
            "source": record.proposal.source,
        }
        fields["discarded"] = sorted({discard.reason for discard in record.proposal.discarded})
    if simulated := [simulation for simulation in record.simulations if simulation.tx is not None]:
        fields["simulated_on"] = sorted({simulation.where for simulation in simulated})
    if record.state is not None:
        fields["equity"] = round(valuation.state_equity(record.state, network), 4)
    return fields


def settled_fields(settled: Settled, shortfall_bps: float | None) -> dict[str, object]:
    return {
        "intent": settled.intent_id,
        "outcome": settled.outcome.value,
        "tx": settled.tx_hash,
        "block": settled.block_number,
        "gas_used": settled.gas_used,
        "gas_cost_wei": settled.gas_cost,
        "realised": {symbol: str(amount) for symbol, amount in settled.realised.items()},
        "shortfall_bps": None if shortfall_bps is None else round(shortfall_bps, 3),
    }
