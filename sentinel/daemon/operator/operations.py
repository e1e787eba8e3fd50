"""Carries out the operator's commands on a running daemon, and updates gauges when the metrics are read."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

from sentinel.core import valuation
from sentinel.core.errors import OperatorError
from sentinel.core.network import Symbol
from sentinel.daemon.approved_order import approve_by_command, read_order, require_own
from sentinel.daemon.files import JOURNAL
from sentinel.daemon.flatten.report import report
from sentinel.daemon.loop import Follower
from sentinel.daemon.operator.order_readings import OrderReadings
from sentinel.daemon.operator.order_report import last_order, order_with
from sentinel.daemon.operator.reload import Reloader
from sentinel.daemon.parts import Parts
from sentinel.decide.operator_controls import OperatorControls
from sentinel.decide.shortfall import mean_shortfall
from sentinel.observe.logs import Log
from sentinel.orders.language.reading import render
from sentinel.orders.playing.envelope import order_hash
from sentinel.orders.playing.situation_values import close_near
from sentinel.orders.playing.standing import NO_ORDER


@dataclass(frozen=True, slots=True)
class Operator:
    """The operations behind the control socket and the status page. `clock` returns Unix seconds."""

    parts: Parts
    reloader: Reloader
    follower: Follower
    log: Log
    clock: Callable[[], float] = time.time
    readings: OrderReadings = field(default_factory=OrderReadings)

    def status(self) -> dict[str, Any]:
        """The daemon's status in JSON types. Losses and volumes are in whole quote tokens."""
        parts = self.parts
        controls, intent = parts.journal.standing.controls, self.follower.open_intent
        spent = parts.journal.spent_today(self.clock())
        return {
            **parts.board.status(),
            "proposer": parts.trader.source,
            "state": self._state(controls),
            "paused": controls.operator_pause,
            "journal_fault": parts.journal.fault,
            "flatten": report(parts.journal, parts.network) if controls.flatten else None,
            "open_intent": None if intent is None else intent.id,
            "loss_today": valuation.whole_quote(spent.loss, parts.network),
            "volume_today": valuation.whole_quote(spent.volume, parts.network),
            "endpoints": [asdict(endpoint) for endpoint in parts.rpc.status()],
            "checks": [asdict(check) for check in parts.health.ready()],
            "order": self._order(),
            "pid": os.getpid(),
        }

    def _state(self, controls: OperatorControls) -> str:
        if self.parts.lifecycle.stopping:
            return "stopping"
        if controls.flatten and not controls.sentinel_halted:
            return "selling"
        return "halted" if controls.operator_pause else "running"

    def pause(self, reason: str) -> None:
        self.parts.journal.halt(reason, by="operator")
        self.log.warning("operator.pause", reason=reason)

    def resume(self) -> None:
        self.parts.journal.resume(by="operator")
        self.log.warning("operator.resume")

    def reload(self) -> dict[str, list[Any]]:
        return self.reloader.ask("operator")

    def stop(self) -> None:
        self.log.info("operator.stop")
        self.parts.lifecycle.stop()

    def flatten(self) -> None:
        standing = self.parts.journal.standing
        if self.parts.settings.execution.mode != "live":
            raise OperatorError("a dry run sends nothing, so there is nothing to sell: use `sentinel stop`")
        if standing.controls.sentinel_halted:
            raise OperatorError(
                f"Sentinel halted itself: {standing.controls.operator_pause}. Find out why, then `sentinel resume`, "
                "and `sentinel stop --flatten` again"
            )
        standing.flatten(by="operator")
        self.log.warning("operator.flatten")

    async def read_order(self, words: str) -> dict[str, Any]:
        """What the operator's words mean to the student; nothing is approved. Raises OperatorError."""
        report = await self.readings.read(words, self.parts)
        self.log.info("order.read", words=report["words"], answer=report["answer"], readings=report["asked"])
        return report

    def approve_order(self, reading: str, digest: str, words: str = "", accept_judgement: bool = False) -> None:
        """Put an order in force with the next cycle. `words`: those that it was read from; empty for a reading.

        Raises OperatorError if the text is not the order of this hash, was not read from the words, or has something
        judged by the student alone that is not accepted.
        """
        parts = self.parts
        require_own(parts.settings, digest)
        order = read_order(reading, parts.network)
        if order_hash(order) != digest:
            raise OperatorError("the text is not the order that was approved: read it back and approve it again")
        if order.judgements and not accept_judgement:
            judged = " and ".join(f'"{phrase}"' for phrase in order.judgements)
            raise OperatorError(f"the student alone would judge {judged}: an approval must accept that")
        line = self._read_words(words, reading, digest)
        self.reloader.require_buildable()
        time = parts.latest.value.timestamp
        closes = parts.market.closes.at(parts.latest.value)
        set_prices = {coin: price for coin, series in closes.items() if (price := close_near(series, time)) is not None}
        approve_by_command(parts.journal.orders, render(order), digest, time, set_prices, line)
        self.reloader.rebuild("order")
        self.log.warning("order.approved", hash=digest, reading=render(order), words=line)

    def _read_words(self, words: str, reading: str, digest: str) -> str:
        """The words on one line; empty if the order was given as its reading. They are part of the student's prompt.

        Raises OperatorError unless this daemon read the order from them since its start, or the journal has them from
        an earlier approval of the same order.
        """
        line = " ".join(words.split())
        if line in ("", " ".join(reading.split())) or self.readings.has_read(line, digest):
            return line
        earlier = self.parts.journal.orders.latest(digest)
        if earlier is not None and earlier.text == line and self.parts.journal.orders.was_approved(digest):
            return line
        raise OperatorError("this daemon has not read the order from these words: set it again, and read it back")

    def cancel_order(self, reason: str) -> None:
        """Trade nothing more for the order, from the next cycle on."""
        require_own(self.parts.settings, None)
        orders = self.parts.journal.orders
        if (current := orders.current()) is None:
            raise OperatorError("no order is approved")
        self.reloader.require_buildable()
        orders.cancelled(current.hash, reason)
        self.reloader.rebuild("order")
        self.log.warning("order.cancelled", reason=reason)

    def give_entry(self, coin: str, price: str, coins: str) -> None:
        """Record what `coins` whole coins cost that Sentinel did not buy, each `price` quote tokens."""
        try:
            cost, number = Decimal(price), Decimal(coins)
        except InvalidOperation:
            raise OperatorError(f"{price!r} and {coins!r} are no numbers") from None
        self.parts.journal.positions.give_entry(Symbol(coin), cost, number, self.parts.latest.value.timestamp)
        self.log.warning("order.entry", coin=coin, price=price, coins=coins)

    def _order(self) -> dict[str, Any] | None:
        """The order in force, or the one that is complete, in JSON types."""
        standing = self.parts.force.value.order
        if standing is None or standing.hash == NO_ORDER:
            return last_order(self.parts.journal)
        return order_with(self.parts.journal, standing.hash, render(standing.order), standing.now())

    def refresh(self) -> None:
        """Copy what other parts count into the metrics."""
        parts, metrics = self.parts, self.parts.metrics
        controls = parts.journal.standing.controls
        metrics.halted.set(controls.operator_pause is not None)
        metrics.selling.set(controls.flatten and not controls.sentinel_halted)
        limits = parts.limits
        shortfalls = parts.journal.shortfalls(limits.shortfall_trades)
        metrics.mean_shortfall.set(mean_shortfall(shortfalls))
        metrics.shortfall_limit.set(limits.max_mean_shortfall_bps)
        metrics.observe_open(parts.journal.open_states())
        metrics.observe_checks(parts.health.ready())
        metrics.open_intent_flag.set(self.follower.open_intent is not None)
        metrics.observe_spent(parts.journal.spent_today(self.clock()), limits)
        metrics.catch_up(metrics.reconnects, parts.heads.reconnects)
        metrics.catch_up(metrics.backfilled, parts.heads.backfilled)
        metrics.catch_up(metrics.reorgs, parts.heads.reorgs)
        if parts.fork is not None:
            metrics.catch_up(metrics.fork_resets, parts.fork.resets)
        for simulator, batches in parts.toolkit.simulator.batches.items():
            metrics.catch_up(metrics.simulations.labels(simulator), batches)
        for endpoint in parts.rpc.status():
            metrics.observe_endpoint(
                endpoint.name, endpoint.state, endpoint.requests, endpoint.failures, endpoint.rests
            )
        metrics.catch_up(metrics.alarms.labels("endpoint_refused"), len(parts.rpc.refused))
        metrics.disputed.set(parts.rpc.disputed is not None)
        folder = parts.settings.state_dir.expanduser()
        files = [folder / f"{JOURNAL}{end}" for end in ("", "-wal")]
        metrics.journal_bytes.set(sum(file.stat().st_size for file in files if file.exists()))
