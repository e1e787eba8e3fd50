"""The operator's own code action: read from a file, checked before it is in force, and run once a block.

No model takes part. The sandbox and the tools are those of a student's code, and so is everything after them. The
program is one code action, so it must end with one final action.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from sentinel.agent.dex_interface import Builder, Quoter
from sentinel.agent.episode import CodeRunner
from sentinel.agent.memory_interface import EMPTY_MEMORY, Memory
from sentinel.agent.sandbox import NO_TOOLS, CodeRun, Sandbox
from sentinel.agent.tools import Toolbox
from sentinel.core.actions import (
    Candidate,
    Discarded,
    DiscardReason,
    Finish,
    HoldAction,
    Proposal,
    Sample,
    Stage,
)
from sentinel.core.errors import SettingsError
from sentinel.core.market_state import MarketState, MarketView
from sentinel.core.network import Network, Symbol
from sentinel.core.stopwatch import Stopwatch
from sentinel.core.untrusted_text import one_line

MAX_FILE = 8_000  # bytes; each record holds the program that decided
PROBE = "_not_defined"  # a name that no tool has
SETTING = "SENTINEL_STRATEGY__FILE"
NO_FINAL = "the program ended without swap, cycle, route, approve or hold"
NO_READ = "the program trades without a look at the market: call balance, prices, quote or best_venue first"


@dataclass(frozen=True, slots=True)
class Program:
    """The text of a code action that passed `read`."""

    name: str  # of its file, without folder and ending
    text: str

    @property
    def source(self) -> str:
        """'code:dca-3fa4b2c1'. Another text has another source."""
        return f"code:{one_line(self.name, 32)}-{hashlib.sha256(self.text.encode()).hexdigest()[:8]}"


def read(file: Path | None, check: Sandbox) -> Program:
    """The program in `file`. Raises SettingsError, with the line if there is one, if it cannot be used.

    Only the syntax is checked: the program does not run.
    """
    if file is None:
        raise SettingsError(f"SENTINEL_PROPOSER=code runs the program in {SETTING}, which is not set")
    path = file.expanduser()
    try:
        if not path.is_file():
            raise SettingsError(f"{SETTING}: {path} is not a file")
        with path.open("rb") as opened:
            raw = opened.read(MAX_FILE + 1)
    except OSError as error:
        raise SettingsError(f"{SETTING}: {path} cannot be read: {error.strerror}") from error
    if len(raw) > MAX_FILE:
        raise SettingsError(f"{SETTING}: {path} is longer than {MAX_FILE} bytes")
    text = raw.decode("latin-1").replace("\r\n", "\n")
    if (problem := _problem(text, check)) is not None:
        raise SettingsError(f"{SETTING}: {path}{problem}")
    return Program(path.stem, text)


def _problem(text: str, check: Sandbox) -> str | None:
    """', line 3: ...', or None."""
    if not text.strip():
        return ": the file is empty"
    for number, line in enumerate(text.split("\n"), 1):
        if not all(" " <= character <= "~" or character == "\t" for character in line):
            return f", line {number}: only ASCII letters, digits and signs can be used, in comments too"
    # A program is compiled before it starts, so an undefined name in a line before it ends the run at that line.
    run = check.run_blocking(f"{PROBE}\n{text}", NO_TOOLS)
    if run.error is None or run.line == 1:
        return None
    return f": {run.error}" if run.line is None else f", line {run.line - 1}: {run.error}"


@dataclass(frozen=True, slots=True)
class CodeTrader:
    """A trader whose only candidate comes from the operator's program."""

    program: Program
    sandbox: CodeRunner
    network: Network
    quoter: Quoter
    builder: Builder
    memory: Memory = EMPTY_MEMORY
    base: Symbol = ""  # the default of the tool `similar`

    @property
    def source(self) -> str:
        return self.program.source

    async def propose(self, state: MarketState, view: MarketView, n: int) -> Proposal:
        """A proposal of one final action, whatever `n` is. The sandbox's own limits bound its time."""
        part = Stopwatch()
        remembered = self.memory.at(state)
        tools = Toolbox(state, view, self.network, self.quoter, self.builder, remembered, self.base)
        with part("sandbox"):
            run = await self.sandbox.run(self.program.text, tools)
        outcome = self._outcome(run)
        return Proposal(
            asked=1,
            candidates=(outcome,) if isinstance(outcome, Candidate) else (),
            discarded=(outcome,) if isinstance(outcome, Discarded) else (),
            prompt=(),
            samples=(Sample(1, 0, self.program.text, 0, Finish.STOP),),
            steps=1,
            source=self.source,
            timings=part.seconds,
        )

    async def more(self, state: MarketState, view: MarketView, proposal: Proposal, more: int) -> Proposal:
        """The same proposal: the program would say the same again."""
        return proposal

    def _outcome(self, run: CodeRun) -> Candidate | Discarded:
        if run.error is not None:
            reason = DiscardReason.UNBUILDABLE if run.stage is Stage.ACTION else DiscardReason.FAILED
            return Discarded(0, run.stage, reason, f"line {run.line}: {run.error}" if run.line else run.error)
        if len(run.finals) > 1:
            detail = f"the program called {len(run.finals)} final actions: one must exclude the other, by if and else"
            return Discarded(0, Stage.ACTION, DiscardReason.TWO_FINALS, detail)
        if not run.finals:
            printed = f"; it printed: {run.observation}" if run.observation else ""
            return Discarded(0, Stage.EPISODE, DiscardReason.NOT_FINAL, NO_FINAL + printed)
        (action,) = run.finals
        if not run.reads and not isinstance(action, HoldAction):
            return Discarded(0, Stage.EPISODE, DiscardReason.NO_FRESH_READ, NO_READ)
        return Candidate(0, action, self.source)
