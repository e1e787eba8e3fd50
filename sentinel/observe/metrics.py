"""Prometheus metrics of every stage. `observe*` read a value and change nothing but the registry.

Labels come from small fixed sets. A label value is counted as "other" if it is not a short plain name, or if it would
make the set of a metric too large. Hashes, addresses, prompts and error messages are never labels.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from prometheus_client import Counter, generate_latest

from sentinel.config.limits import Limits
from sentinel.core import valuation
from sentinel.core.actions import Proposal
from sentinel.core.age import Age
from sentinel.core.decision import Act
from sentinel.core.market_state import Head
from sentinel.core.network import NATIVE, Network, Symbol
from sentinel.core.record import CycleRecord
from sentinel.core.simulation import Simulation
from sentinel.core.spent import Spent
from sentinel.core.transaction import Outcome, Settled
from sentinel.core.units import BPS, COIN
from sentinel.decide.order_outcomes import Deviation, deviations
from sentinel.observe.health import HealthCheck
from sentinel.observe.instruments import Instruments

PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:/-]{0,47}")
MAX_LABEL_VALUES = 64  # distinct values per label; a 65th value becomes "other"
FATES = ("asked", "parsed", "discarded", "simulated", "reverted")
ALARMS = (  # explained in docs/transactions.md
    *("unsent", "held", "unsigned", "refused", "paused", "overdue", "reopened", "nonce_gap", "nonce_disputed"),
    *("nonce_held", "signer_day", "signer", "allowance", "shortfall", "halted", "endpoint_refused"),
    *("contracts", "fork_code", "decimals", "fee_form", "balance", "foreign_nonce", "other_chain", "journal"),
    *("receipt_missing", "receipt_late"),
)
OPEN_INTENT_STATES = ("accepted", "signed", "sent", "seen")  # states of an open intent
# Where an unexpected error is caught.
EDGES = (
    "chain",
    "control",
    "journal",
    "network",
    "probe",
    "reload",
    "web",
    "web_control",
)  # where an unexpected error is caught
REQUEST_KINDS = ("heads", "state", "simulate", "send")  # what an endpoint is asked for
ENDPOINT_STATES = ("current", "healthy", "resting", "behind", "refused")


class Metrics(Instruments):
    """Each daemon has a registry of its own, so that the metrics of two daemons in one process never mix."""

    def __init__(self, network: Network, clock: Callable[[], float] = time.time) -> None:
        super().__init__()
        self._network = network
        self._clock = clock
        self._seen: dict[str, set[str]] = {}
        self._totals: dict[int, float] = {}
        self._start_balances: Mapping[Symbol, int] | None = None
        self._last_head: Head | None = None
        self.head_age.set_function(self._age)
        self.config_generation.set(1)
        for counter, values in (  # start each series at 0: Prometheus sees no increase in a series that begins at 1
            (self.transactions, [outcome.value for outcome in Outcome]),
            (self.alarms, ALARMS),
            (self.samples, FATES),
            (self.reloads, ["applied", "refused"]),
            (self.internal_errors, EDGES),
            (self.order_deviations, list(Deviation)),
            (self.notifications, ["sent", "failed", "suppressed", "lost"]),
        ):
            for value in values:
                counter.labels(value)

    # ------------------------------------------------------------ events

    def observe_head(self, head: Head) -> None:
        self._last_head = head
        self.heads.inc()
        self.head_number.set(head.number)

    def observe(self, record: CycleRecord) -> None:
        """Record one finished cycle."""
        if self._last_head is not None:
            self.head_lag.set(max(0, self._last_head.number - record.head.number))
        for stage, seconds in record.timings.items():
            self.cycle_seconds.labels(self._bounded("stage", stage)).observe(seconds)
        if record.proposal is not None:
            self._observe_proposal(record.proposal, record.simulations)
            self.ballots.set(len(record.simulations) - len(record.refusals))
        for refusal in record.refusals:
            self.refusals.labels(self._bounded("rule", refusal.rule)).inc()
        for verdict in record.verdicts:
            if not verdict.ok:
                self.refusals.labels(self._bounded("rule", verdict.rule)).inc()
        if record.sized is not None:
            self.sized.labels("act" if isinstance(record.decision, Act) else "hold").inc()
            if (refused := record.sized.refusal) is not None:
                self.refusals.labels(self._bounded("rule", refused.rule)).inc()
        for deviation in deviations(record):
            self.order_deviations.labels(deviation.value).inc()
        self._observe_decision(record)
        if record.state is not None:
            self._observe_wallet(record)

    def sampled(self, seconds: float, n: int, prompt_tokens: int, completion_tokens: int) -> None:
        """Record one request to the student. Its completion tokens are counted with the proposal."""
        self.model_seconds.observe(seconds)
        self.prompt_tokens.inc(prompt_tokens)

    def ran(self, fate: str) -> None:
        """Count one code action in the sandbox. `fate` is "ok" or the stage that failed."""
        self.sandbox_runs.labels(self._bounded("fate", fate)).inc()

    def shadow(self, fate: str) -> None:
        """Count one block of the shadow student: "agreed", "differed", "failed", or "skipped" for a newer block."""
        self.shadowed.labels(self._bounded("fate", fate)).inc()

    def sent(self, attempt: int, cancel: bool) -> None:
        """Count the send of an attempt as a replacement unless it is the first (`attempt` counts from 1)."""
        if attempt > 1 or cancel:
            self.bumps.inc()

    def alarm(self, what: str) -> None:
        self.alarms.labels(self._bounded("alarm", what)).inc()

    def observe_settled(self, settled: Settled, shortfall_bps: float | None, waited: float | None) -> None:
        """How an intent ended. `shortfall` in bps where one can be told, `waited` its seconds since the decision."""
        self.transactions.labels(settled.outcome.value).inc()
        self.gas_paid.inc(settled.gas_cost / COIN)
        if waited is not None:
            self.confirm_seconds.observe(max(0.0, waited))
        if shortfall_bps is not None:
            self.shortfall.observe(shortfall_bps)
            self.last_shortfall.set(shortfall_bps)

    def observe_spent(self, spent: Spent, limits: Limits) -> None:
        self.daily_loss.set(valuation.whole_quote(spent.loss, self._network))
        self.daily_loss_limit.set(valuation.whole_quote(limits.daily_loss, self._network))
        self.daily_volume.set(valuation.whole_quote(spent.volume, self._network))
        self.daily_volume_limit.set(valuation.whole_quote(limits.daily_volume, self._network))
        self.native_reserve.set(limits.gas_reserve / COIN)

    def observe_open(self, states: Sequence[tuple[str, int]]) -> None:
        """Set the gauges of open intents. `states`: (state, Unix milliseconds of acceptance), oldest first."""
        for known in OPEN_INTENT_STATES:
            self.open_intents_by_state.labels(known).set(sum(state == known for state, _ in states))
        self.open_intent_seconds.set(max(0.0, self._clock() - states[0][1] / 1000) if states else 0.0)

    def observe_endpoint(
        self, name: str, state: str, requests: int, failures: int, rests: Collection[str] = ()
    ) -> None:
        """Set the totals of one endpoint, its state (one of ENDPOINT_STATES), and the REQUEST_KINDS it rests for."""
        self.catch_up(self.rpc_requests.labels(name), requests)
        self.catch_up(self.rpc_errors.labels(name), failures)
        for known in ENDPOINT_STATES:
            self.endpoint.labels(name, known).set(known == state)
        for kind in REQUEST_KINDS:
            self.endpoint_rests.labels(name, kind).set(kind in rests)

    def observe_proposer(self, kind: str) -> None:
        """Set the kind of proposer."""
        self.proposer.info({"kind": kind})

    def observe_checks(self, checks: Iterable[HealthCheck]) -> None:
        """Set the results of the readiness checks."""
        for check in checks:
            self.ready.labels(check.name).set(check.ok)

    def relayed(self, status: str) -> None:
        """Count one status reply of the private relay."""
        self.relay_status.labels(self._bounded("relay", status)).inc()

    def start_from(self, balances: Mapping[Symbol, int]) -> None:
        """Set the balances of `equity_hold`. Default: the balances of the first cycle."""
        self._start_balances = dict(balances)

    def catch_up(self, counter: Counter, total: float) -> None:
        """Raise `counter` to a total that another part keeps. A smaller total (that part restarted) adds nothing."""
        before = self._totals.get(id(counter), 0.0)
        if total > before:
            counter.inc(total - before)
        self._totals[id(counter)] = total

    def exposition(self) -> bytes:
        return generate_latest(self.registry)

    # ------------------------------------------------------------ parts of a cycle

    def _observe_proposal(self, proposal: Proposal, simulations: tuple[Simulation, ...]) -> None:
        fates = {
            "asked": proposal.asked,
            "parsed": len(proposal.candidates),
            "discarded": len(proposal.discarded),
            "simulated": len(simulations),
            "reverted": sum(simulation.revert is not None for simulation in simulations),
        }
        for fate, count in fates.items():
            self.samples.labels(fate).inc(count)
        for item in proposal.discarded:
            where, _, why = self._bounded("discarded", f"{item.stage}/{item.reason}").partition("/")
            self.discarded.labels(where, why or where).inc()
        self.tokens.inc(sum(sample.tokens for sample in proposal.samples))
        self.steps.observe(proposal.steps)
        self.student.info({"id": proposal.source})

    def _observe_decision(self, record: CycleRecord) -> None:
        decision = record.decision
        if isinstance(decision, Act):
            self.decisions.labels("act", type(decision.simulation.candidate.action).__name__.lower()).inc()
            self.margin.set(decision.margin)
            self.spread.set(decision.spread_bps)
            self.size.set(decision.size_bps / BPS)
        else:
            self.decisions.labels("hold", self._bounded("reason", decision.reason)).inc()
            if decision.reason.startswith("model"):
                self.model_errors.labels(self._bounded("reason", decision.reason)).inc()
        if decision.asked:
            self.agreement.set(decision.votes / decision.asked)

    def _observe_wallet(self, record: CycleRecord) -> None:
        state = record.state
        assert state is not None
        if self._start_balances is None:
            self.start_from(state.balances)
        values = valuation.positions(state.balances, state.prices, self._network)
        for symbol, value in values.items():
            self.position.labels(symbol).set(value)
        self.equity.set(sum(values.values()))
        self.equity_hold.set(valuation.equity(self._start_balances or {}, state.prices, self._network))
        self.native.set(valuation.whole(state.balances.get(NATIVE, 0), NATIVE, self._network))
        for symbol, amount in state.allowances.items():
            self.allowance.labels(symbol).set(valuation.whole(amount, symbol, self._network))

    def _age(self) -> float:
        return Age.at(self._clock(), self._last_head.timestamp).seconds if self._last_head else float("nan")

    def _bounded(self, group: str, value: str) -> str:
        seen = self._seen.setdefault(group, set())
        if value in seen:
            return value
        if not PLAIN.fullmatch(value) or len(seen) >= MAX_LABEL_VALUES:
            return "other"
        seen.add(value)
        return value
