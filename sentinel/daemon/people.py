"""Who is told of what the daemon does, where the settings name anybody."""

from __future__ import annotations

import time

from sentinel.core.transaction import Outcome, Settled, drift_bps
from sentinel.core.valuation import whole_quote
from sentinel.daemon.daemon import Daemon
from sentinel.daemon.parts import Parts
from sentinel.daemon.startup import Told
from sentinel.journal.performance import days, steps
from sentinel.observe.logs import Log
from sentinel.observe.messages.channel import Channel
from sentinel.observe.messages.messenger import Messenger


def tell_people(parts: Parts, daemon: Daemon, told: Told, log: Log) -> None:
    """Does nothing without SENTINEL_NOTIFY__URLS_FILE. Raises SettingsError where that cannot be used."""
    given = parts.settings.notify
    if given.urls_file is None:
        return
    messenger = Messenger(
        Channel.of_file(given.urls_file).send,
        parts.network,
        parts.metrics,
        log,
        events=given.events,
        every=given.every,
        hour=given.hour,
        paused=lambda: parts.journal.latched,
        summary=lambda: summary(parts),
    )

    def settled(found: Settled) -> None:
        act = daemon.decided(found.intent_id)
        simulation = act.simulation if act is not None else None
        confirmed = simulation is not None and found.outcome is Outcome.CONFIRMED
        messenger.settled(found, simulation, drift_bps(simulation, found) if confirmed and simulation else None)

    told.people.append(messenger.alarm)
    daemon.services = (messenger, *daemon.services)
    daemon.on_cycle.append(messenger.cycle_done)
    daemon.on_settled.append(settled)


def summary(parts: Parts, now: float | None = None) -> str:
    """The last UTC day that has ended, in quote tokens."""
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
