"""Messages about what the daemon does, to the addresses that the settings name, or to nobody."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from sentinel.core.decision import Act
from sentinel.core.record import CycleRecord
from sentinel.core.transaction import Outcome, Settled, shortfall_bps
from sentinel.core.valuation import whole_quote
from sentinel.daemon.parts import Parts
from sentinel.journal.performance import days, steps
from sentinel.observe.logs import Log
from sentinel.observe.messages.channel import Channel
from sentinel.observe.messages.delivery import Delivery
from sentinel.observe.messages.messenger import Messenger


class Notifications(Protocol):
    """A service of the daemon that receives its cycles, settlements and alarms."""

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    def alarm(self, kind: str, detail: str) -> None: ...

    def cycle_done(self, record: CycleRecord) -> None: ...

    def settled(self, settled: Settled) -> None: ...

    def order_completed(self, text: str, sent: Callable[[], None]) -> None:
        """`sent` is called once the message needs no repetition after a restart."""
        ...


def notifications(
    parts: Parts, decided: Callable[[str], Act | None], log: Log, judged: Callable[[str], str] = lambda intent_id: ""
) -> Notifications:
    """`decided` returns the act that an intent carries out, `judged` what the student judged for it.

    Raises SettingsError if the file of addresses cannot be used.
    """
    notify = parts.settings.notify
    if notify.urls_file is None:
        return NoNotifications()
    targets = Channel.of_file(notify.urls_file).targets
    messenger = Messenger(
        [Delivery(target, parts.metrics, log, notify.min_interval_seconds) for target in targets],
        parts.network,
        log,
        events=notify.events,
        hour=notify.summary_hour,
        paused=lambda: parts.journal.halt_reason,
        summary=lambda: daily_summary(parts),
    )
    return SentNotifications(messenger, decided, judged)


class NoNotifications:
    async def start(self) -> None:
        pass

    async def stop(self) -> None:
        pass

    def alarm(self, kind: str, detail: str) -> None:
        pass

    def cycle_done(self, record: CycleRecord) -> None:
        pass

    def settled(self, settled: Settled) -> None:
        pass

    def order_completed(self, text: str, sent: Callable[[], None]) -> None:
        sent()


@dataclass(frozen=True, slots=True)
class SentNotifications:
    messenger: Messenger
    decided: Callable[[str], Act | None]
    judged: Callable[[str], str] = lambda intent_id: ""

    async def start(self) -> None:
        await self.messenger.start()

    async def stop(self) -> None:
        await self.messenger.stop()

    def alarm(self, kind: str, detail: str) -> None:
        self.messenger.alarm(kind, detail)

    def cycle_done(self, record: CycleRecord) -> None:
        self.messenger.cycle_done(record)

    def settled(self, settled: Settled) -> None:
        act = self.decided(settled.intent_id)
        simulation = act.simulation if act is not None else None
        confirmed = simulation is not None and settled.outcome is Outcome.CONFIRMED
        shortfall = shortfall_bps(simulation, settled) if confirmed and simulation else None
        self.messenger.settled(settled, simulation, shortfall, self.judged(settled.intent_id))

    def order_completed(self, text: str, sent: Callable[[], None]) -> None:
        self.messenger.tell("fills", "order complete", text, sent)


def daily_summary(parts: Parts, now: float | None = None) -> str:
    """A text about the last UTC day that has ended, amounts in quote tokens."""
    today = time.strftime("%Y-%m-%d", time.gmtime(time.time() if now is None else now))
    own = parts.journal.equity.own()
    ended = [day for day in days(steps(parts.journal.equity.points(), own, parts.network), own) if day.day < today]
    if not ended:
        return "nothing has been recorded yet"
    day, network, quote = ended[-1], parts.network, parts.network.quote
    realised, gas = whole_quote(day.realised, network), whole_quote(day.gas_quote, network)
    lines = [f"{day.day}: {day.trades} trades, realised {realised:+,.2f} {quote}, gas {gas:,.2f}"]
    if day.equity is not None and day.hold is not None:
        equity, hold = whole_quote(day.equity, network), whole_quote(day.hold, network)
        lines.append(f"equity {equity:,.2f}, doing nothing {hold:,.2f}")
    return "\n".join(lines)
