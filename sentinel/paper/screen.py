"""What a person watches during the demo: a live table on a terminal, a line a block elsewhere. Draws only."""

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
        """Progress of the set-up, one sentence."""
        ...

    def cycle(self, record: CycleRecord, equity: float | None, hold: float | None) -> None:
        """One finished cycle; equities in quote tokens, of the wallet and of having done nothing."""
        ...

    def settled(self, settled: Settled, shortfall_bps: float | None) -> None: ...

    def start(self, web: str, source: str) -> None: ...

    def stop(self) -> None: ...


class Lines:
    """For pipes and logs: everything goes to standard error, standard output stays free for the summary."""

    def __init__(self, network: Network) -> None:
        self._network = network

    def say(self, text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    def start(self, web: str, source: str) -> None:
        self.say(f"status page and metrics: {web}\nprices: {source}")

    def cycle(self, record: CycleRecord, equity: float | None, hold: float | None) -> None:
        worth = "" if equity is None else f"  equity {equity:,.2f}"
        self.say(f"{plain_words.cycle(record, self._network)}{worth}")

    def settled(self, settled: Settled, shortfall_bps: float | None) -> None:
        off = "" if shortfall_bps is None else f", {0.0 - shortfall_bps:+.2f} bps from the simulation"
        self.say(f"  transaction {settled.outcome.value} in block {settled.block_number}{off}")

    def stop(self) -> None: ...


class LiveTable:
    def __init__(self, network: Network) -> None:
        self._network = network
        self._console = Console(stderr=True)
        self._rows: deque[list[Text]] = deque(maxlen=SHOWN)
        self._by_intent: dict[str, list[Text]] = {}
        self._where = ""
        self._equity: tuple[float | None, float | None] = (None, None)
        self._ended: dict[str, int] = {}
        self._live: Live | None = None

    def say(self, text: str) -> None:
        self._console.print(text)

    def start(self, web: str, source: str) -> None:
        self._where = f"status page and metrics  {web}\nprices  {source}\nCtrl-C stops cleanly and prints the summary"
        self._live = Live(self._draw(), console=self._console, refresh_per_second=8, transient=False)
        self._live.start()

    def cycle(self, record: CycleRecord, equity: float | None, hold: float | None) -> None:
        made = record.decision
        acting = isinstance(made, Act)
        proposal = record.proposal
        fates = (
            ""
            if proposal is None
            else f"{proposal.asked} > {len(proposal.candidates)} > "
            f"{sum(1 for s in record.simulations if s.revert is None)}"
        )
        row = [
            Text(str(record.head.number)),
            Text(fates),
            Text(f"{made.votes}/{made.asked}" if made.asked else ""),
            Text(plain_words.decision(made, self._network), style="bold green" if acting else "dim"),
            Text("sent" if record.intent_id else "", style="yellow"),
            Text(f"{record.timings.get('total', 0.0):.2f} s"),
            Text("" if equity is None else f"{equity:,.2f}"),
        ]
        self._rows.append(row)
        if record.intent_id:
            self._by_intent[record.intent_id] = row
        if equity is not None:
            self._equity = (equity, hold)
        self._refresh()

    def settled(self, settled: Settled, shortfall_bps: float | None) -> None:
        good = settled.outcome is Outcome.CONFIRMED
        self._ended[settled.outcome.value] = self._ended.get(settled.outcome.value, 0) + 1
        if (row := self._by_intent.pop(settled.intent_id, None)) is not None:
            off = "" if shortfall_bps is None else f" {0.0 - shortfall_bps:+.1f} bps"
            row[4] = Text(f"{settled.outcome.value}{off}", style="green" if good else "bold red")
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
        return Group(Panel(self._where, title="Sentinel on a local market", border_style="blue"), table, Text(line))
