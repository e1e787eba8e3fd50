"""The pages' values, from the journal: after a restart they are what they were before it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from sentinel.config.limits import Limits
from sentinel.config.reloadable import restored
from sentinel.config.settings import Settings
from sentinel.config.terms import dust
from sentinel.core import valuation
from sentinel.core.errors import RecordDropped, SettingsError
from sentinel.core.network import Network
from sentinel.core.record import CycleRecord
from sentinel.core.transaction import EquityPoint
from sentinel.core.units import DAY
from sentinel.daemon.files import JOURNAL
from sentinel.daemon.page.decision_values import InForceThen, decision_page, stages
from sentinel.daemon.page.equity_history import EquityHistory
from sentinel.daemon.page.intent_values import open_card, trade_line, whole
from sentinel.daemon.page.journal_thread import JournalThread, Opened
from sentinel.daemon.page.limit_values import Used, limit_lines
from sentinel.daemon.page.series import series
from sentinel.daemon.parts import Parts
from sentinel.journal.browsing import DecisionFilter, DecisionRow
from sentinel.observe import plain_words
from sentinel.observe.web.pages import Wanted
from sentinel.observe.web.shown import DecisionLine, DecisionList, Past, PositionLine, Series
from sentinel.observe.web.shown_decision import DecisionPage

SHOWN = 10  # decisions and transactions on the status page
LISTED = 50  # decisions on a page of the list
KEPT = 2_000  # lines of words in memory
DROPPED = "the retention dropped what this cycle held"


@dataclass(slots=True)
class JournalPages:
    """Methods raise JournalError. `settings`, `limits` and `base_fee` are those of now; the last is None at first."""

    thread: JournalThread
    network: Network
    settings: Callable[[], Settings]
    limits: Callable[[], Limits]
    base_fee: Callable[[], int | None]
    clock: Callable[[], float] = time.time
    _history: EquityHistory = field(init=False)
    _words: dict[int, str] = field(default_factory=dict)  # by the number of the record, which never changes

    def __post_init__(self) -> None:
        self._history = EquityHistory(self.network)

    async def past(self) -> Past:
        limits, base_fee, now = self.limits(), self.base_fee(), self.clock()
        return await self.thread.ask(lambda opened: self._past(opened, limits, base_fee, now))

    async def decisions(self, wanted: Wanted) -> DecisionList:
        return await self.thread.ask(lambda opened: self._decisions(opened, wanted))

    async def decision(self, seq: int) -> DecisionPage | None:
        settings = self.settings()
        return await self.thread.ask(lambda opened: self._decision(opened, seq, settings))

    async def series(self, name: str) -> Series:
        return await self.thread.ask(lambda opened: series(opened, self._history, self.network, name))

    async def close(self) -> None:
        await self.thread.close()

    # ---------------------------------------------------------------- in the thread

    def _past(self, opened: Opened, limits: Limits, base_fee: int | None, now: float) -> Past:
        network, browsing, journal = self.network, opened.browsing, opened.journal
        point = browsing.newest_point()
        standings = self._history.between(opened, now, () if point is None else (point,))
        rows = browsing.decisions(DecisionFilter(), SHOWN)
        last = self._kept(opened, rows[0].seq) if rows else None
        used = Used(
            spent=journal.spent_today(now),
            largest_trade=browsing.largest_volume(now // DAY * DAY),
            shortfalls=journal.shortfalls(limits.shortfall_trades),
            point=point,
            base_fee=base_fee,
        )
        return Past(
            equity=_money(standings[-1].equity, network) if standings else None,
            hold=_money(standings[-1].hold, network) if standings else None,
            cash=_money(standings[-1].cash, network) if standings else None,
            positions=self._positions(opened, point),
            open_intents=tuple(open_card(entry, network) for entry in browsing.open_intents()),
            decisions=tuple(self._line(opened, row) for row in rows),
            trades=tuple(trade_line(entry, network) for entry in browsing.last_intents(SHOWN)),
            stages=() if last is None else stages(last.timings),
            stages_block=None if last is None else last.head.number,
            stages_total=0.0 if last is None else last.timings.get("total", 0.0),
            limits=limit_lines(used, limits, network),
        )

    def _positions(self, opened: Opened, point: EquityPoint | None) -> tuple[PositionLine, ...]:
        if point is None:
            return ()
        network, costs = self.network, opened.journal.positions.costs()
        equity = valuation.value(point.balances, point.prices, network)
        lines = []
        for symbol, amount in point.balances.items():
            value, held = valuation.value({symbol: amount}, point.prices, network), whole(amount, symbol, network)
            cost = costs.get(symbol)
            entry = None if cost is None else float(cost.entry)
            price = _money(value, network) / held if held else 0.0
            lines.append(
                PositionLine(
                    symbol=symbol,
                    amount=held,
                    value=_money(value, network),
                    share=value / equity if equity else 0.0,
                    entry=entry,
                    gain=price / entry - 1 if entry and held else None,
                )
            )
        return tuple(lines)

    def _decisions(self, opened: Opened, wanted: Wanted) -> DecisionList:
        asked = DecisionFilter(wanted.act, wanted.reason, wanted.min_shortfall_bps, wanted.before)
        rows = opened.browsing.decisions(asked, LISTED + 1)
        shown = rows[:LISTED]
        return DecisionList(
            lines=tuple(self._line(opened, row) for row in shown),
            reasons=opened.browsing.reasons(),
            older=shown[-1].seq if len(rows) > LISTED else None,
        )

    def _decision(self, opened: Opened, seq: int, settings: Settings) -> DecisionPage | None:
        browsing = opened.browsing
        record = self._record(opened, seq)
        if record is None:
            return None
        entry = None if record.intent_id is None else browsing.intent(record.intent_id)
        then = self._in_force(opened, seq, record, settings)
        return decision_page(seq, browsing.at(seq), record, browsing.neighbours(seq), then, entry, self.network)

    def _in_force(self, opened: Opened, seq: int, record: CycleRecord, settings: Settings) -> InForceThen:
        kept = opened.journal.config_of(seq)
        try:
            then = settings if kept is None else restored(settings, kept)
        except SettingsError:  # those of another version, which this one does not take
            then = settings
        prices = {} if record.state is None else record.state.prices
        vote = then.vote
        return InForceThen(vote.agreement_bps, vote.quorum_bps, dust(then, self.network, prices))

    def _line(self, opened: Opened, row: DecisionRow) -> DecisionLine:
        return DecisionLine(
            seq=row.seq,
            at=row.at,
            block=row.block,
            act=row.act,
            reason=row.reason,
            words=self._told(opened, row.seq),
            votes=row.votes,
            asked=row.asked,
            state=row.state or "",
            shortfall_bps=row.shortfall_bps,
        )

    def _told(self, opened: Opened, seq: int) -> str:
        if seq not in self._words:
            if len(self._words) >= KEPT:
                self._words.clear()
            record = self._kept(opened, seq)
            self._words[seq] = DROPPED if record is None else plain_words.told(record, self.network)
        return self._words[seq]

    def _record(self, opened: Opened, seq: int) -> CycleRecord | None:
        """None if there is no such cycle. Raises RecordDropped."""
        try:
            return opened.journal.get_cycle(seq)
        except KeyError:
            return None

    def _kept(self, opened: Opened, seq: int) -> CycleRecord | None:
        """None also if the retention dropped its content."""
        with contextlib.suppress(RecordDropped):
            return self._record(opened, seq)
        return None


def journal_pages(parts: Parts) -> JournalPages:
    """The pages of a daemon."""
    path = parts.settings.state_dir.expanduser() / JOURNAL
    return JournalPages(
        thread=JournalThread(path, parts.network, parts.wallet, parts.genesis),
        network=parts.network,
        settings=lambda: parts.settings,
        limits=lambda: parts.limits,
        base_fee=lambda: parts.latest.value.base_fee,
    )


def _money(amount: int, network: Network) -> float:
    return whole(amount, network.quote, network)
