"""The demo's output: a live table on a terminal, otherwise one line per block. It only draws."""

from __future__ import annotations

import sys
from collections import deque
from typing import Protocol

from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from sentinel.core.decision import Act
from sentinel.core.network import Network
from sentinel.core.record import CycleRecord
from sentinel.core.transaction import Outcome, Settled
from sentinel.observe import plain_words

SHOWN = 14  # newest rows of the table


class Screen(Protocol):
    def say(self, text: str) -> None:
        """Show one line about the set-up."""
        ...

    def cycle(self, record: CycleRecord, equity: float | None, hold: float | None) -> None:
        """Show a finished cycle. `equity` is the wallet's and `hold` that of doing nothing, in whole quote tokens."""
        ...

    def settled(self, settled: Settled, shortfall_bps: float | None) -> None: ...

    def start(self, web: str, source: str, order: str) -> None:
        """Begin. `web` is the address of the status page, `source` names the origin of the prices.

        `order` is the reading of the approved order; empty if there is none.
        """
        ...

    def stop(self) -> None: ...


class Lines:
    """Lines of text for pipes and logs, on standard error. Standard output is left to the summary."""

    def __init__(self, network: Network) -> None:
        self._network = network

    def say(self, text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    def start(self, web: str, source: str, order: str) -> None:
        self.say(f"status page and metrics: {web}\nprices: {source}" + (f"\norder: {order}" if order else ""))

    def cycle(self, record: CycleRecord, equity: float | None, hold: float | None) -> None:
        equity_text = "" if equity is None else f"  equity {equity:,.2f}"
        text = plain_words.cycle(record, self._network)
        self.say(f"{text}{equity_text}")
        if record.played is not None and record.played.why not in text:
            self.say(f"  player: {record.played.why}")

    def settled(self, settled: Settled, shortfall_bps: float | None) -> None:
        difference = "" if shortfall_bps is None else f", {0.0 - shortfall_bps:+.2f} bps from the simulation"
        self.say(f"  transaction {settled.outcome.value} in block {settled.block_number}{difference}")

    def stop(self) -> None: ...


class LiveTable:
    """A table on the terminal that is redrawn at each change."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self._console = Console(stderr=True)
        self._rows: deque[list[Text]] = deque(maxlen=SHOWN)
        self._by_intent: dict[str, list[Text]] = {}
        self._header = ""
        self._order = self._now = ""
        self._equity: tuple[float | None, float | None] = (None, None)
        self._ended: dict[str, int] = {}
        self._live: Live | None = None

    def say(self, text: str) -> None:
        self._console.print(text, markup=False, highlight=False)

    def start(self, web: str, source: str, order: str) -> None:
        self._order = order
        self._header = f"status page and metrics  {web}\nprices  {source}\nCtrl-C stops cleanly and prints the summary"
        self._live = Live(self._draw(), console=self._console, refresh_per_second=8, transient=False)
        self._live.start()

    def cycle(self, record: CycleRecord, equity: float | None, hold: float | None) -> None:
        decision = record.decision
        acting = isinstance(decision, Act)
        proposal = record.proposal
        counts = (
            ""
            if proposal is None
            else f"{proposal.asked} > {len(proposal.candidates)} > "
            f"{sum(1 for s in record.simulations if s.revert is None)}"
        )
        row = [
            Text(str(record.head.number)),
            Text(counts),
            Text(f"{decision.votes}/{decision.asked}" if decision.asked else ""),
            Text(plain_words.told(record, self._network), style="bold green" if acting else "dim"),
            Text("sent" if record.intent_id else "", style="yellow"),
            Text(f"{record.timings.get('total', 0.0):.2f} s"),
            Text("" if equity is None else f"{equity:,.2f}"),
        ]
        self._rows.append(row)
        if record.intent_id:
            self._by_intent[record.intent_id] = row
        if equity is not None:
            self._equity = (equity, hold)
        if record.played is not None:
            self._now = f"block {record.head.number}: {record.played.why}"
        self._refresh()

    def settled(self, settled: Settled, shortfall_bps: float | None) -> None:
        confirmed = settled.outcome is Outcome.CONFIRMED
        self._ended[settled.outcome.value] = self._ended.get(settled.outcome.value, 0) + 1
        if (row := self._by_intent.pop(settled.intent_id, None)) is not None:
            difference = "" if shortfall_bps is None else f" {0.0 - shortfall_bps:+.1f} bps"
            row[4] = Text(f"{settled.outcome.value}{difference}", style="green" if confirmed else "bold red")
        self._refresh()

    def stop(self) -> None:
        if self._live is not None:
            self._live.update(self._draw(), refresh=True)
            self._live.stop()

    def _refresh(self) -> None:
        if self._live is not None:
            self._live.update(self._draw())

    def _draw(self) -> Group:
        table = Table(expand=True, box=None, padding=(0, 1))
        table.add_column("block", justify="right", no_wrap=True)
        table.add_column("asked > parsed > simulated", justify="center", no_wrap=True)
        table.add_column("votes", justify="center", no_wrap=True)
        table.add_column("decision, and why", ratio=1)
        table.add_column("transaction", no_wrap=True)
        table.add_column("took", justify="right", no_wrap=True)
        table.add_column(f"equity {self._network.quote}", justify="right", no_wrap=True)
        for row in self._rows:
            table.add_row(*row)
        equity, hold = self._equity
        line = (
            "  ".join(f"{count} {name}" for name, count in sorted(self._ended.items())) or "no transaction settled yet"
        )
        if equity is not None and hold is not None:
            line += f"    equity {equity:,.2f} {self._network.quote}, {equity - hold:+,.2f} against doing nothing"
        header = [self._header, *([f"order  {self._order}", f"now    {self._now}"] if self._order else [])]
        panel = Panel(Text("\n".join(header)), title="Sentinel on a local market", border_style="blue")
        return Group(panel, table, Text(line))
