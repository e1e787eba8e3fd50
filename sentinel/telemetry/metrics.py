"""Prometheus metrics of every stage. `observe*` read a value and change nothing but the registry.

Names are `sentinel_*`, counters end in `_total`, times in `_seconds`. Labels come from small fixed sets: a label value
that is not a short plain name, or that would make a metric's set too large, is counted as "other". Hashes, addresses,
prompts and error messages are never labels.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    Info,
    disable_created_metrics,
    generate_latest,
)

from sentinel import accounts
from sentinel.types import BPS, Act, CycleRecord, Head, Limits, Network, Proposal, Settled, Simulation, Spent, Symbol

# The times at which counters began tell nobody anything here.
disable_created_metrics()  # type: ignore[no-untyped-call]  # the library has no types there

PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.:/-]{0,47}")
MOST_VALUES = 64  # distinct label values a metric; a 65th becomes "other"
ENDPOINT_STATES = ("current", "healthy", "resting", "behind", "refused")
STAGE_BUCKETS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
CONFIRM_BUCKETS = (1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0)
DRIFT_BUCKETS = (-100.0, -50.0, -20.0, -10.0, -5.0, -1.0, 0.0, 1.0, 5.0, 10.0, 20.0, 50.0, 100.0)


class Metrics:
    """One registry of its own a daemon, so that two in one process never mix."""

    def __init__(self, network: Network, clock: Callable[[], float] = time.time) -> None:
        self.registry = CollectorRegistry()
        self._network = network
        self._clock = clock
        self._seen: dict[str, set[str]] = {}
        self._totals: dict[int, float] = {}
        self._start_balances: Mapping[Symbol, int] | None = None
        self._last_head: Head | None = None

        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(f"sentinel_{name}", text, labels, registry=self.registry)

        def gauge(name: str, text: str, *labels: str) -> Gauge:
            return Gauge(f"sentinel_{name}", text, labels, registry=self.registry)

        def histogram(name: str, text: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
            return Histogram(f"sentinel_{name}", text, labels, buckets=buckets, registry=self.registry)

        self.build = Info("sentinel_build", "version, network and mode", registry=self.registry)
        self.student = Info("sentinel_student", "who proposes", registry=self.registry)
        self.first_thought = Info("sentinel_first_thought", "playbook and kind of prefill", registry=self.registry)

        self.head_number = gauge("head_number", "newest head's block number")
        self.head_lag = gauge("head_lag_blocks", "blocks between the newest head and the last one decided on")
        self.head_age = gauge("head_age_seconds", "clock time minus the newest head's timestamp")
        self.head_age.set_function(self._age)
        self.heads = counter("heads", "heads seen")
        self.skipped = counter("heads_skipped", "heads that no cycle ran for: a newer one had come")
        self.reconnects = counter("head_reconnects", "times that the head stream failed and was opened again")
        self.backfilled = counter("heads_backfilled", "missed heads that were looked up afterwards")
        self.reorgs = counter("reorgs", "times that a block was replaced")

        self.cycle_seconds = histogram("cycle_seconds", "time by stage of a cycle", STAGE_BUCKETS, "stage")
        self.samples = counter("samples", "final actions by how far they came", "fate")
        self.discarded = counter("discarded", "final actions that fell out before simulation", "stage", "reason")
        self.sandbox_runs = counter("sandbox_runs", "code actions by fate", "fate")
        self.steps = histogram("episode_steps", "steps of an episode", (1.0, 2.0, 3.0, 4.0, 5.0, 10.0))
        self.tokens = counter("model_tokens", "tokens that the student generated")
        self.model_seconds = histogram("model_seconds", "time of one request to the student", STAGE_BUCKETS)
        self.prompt_tokens = counter("model_prompt_tokens", "tokens that the student was sent")
        self.model_errors = counter("model_errors", "cycles that held since the model failed", "reason")
        self.ballots = gauge("ballots", "candidates that reached the last vote")
        self.agreement = gauge("agreement_ratio", "winning votes over those asked, last vote")
        self.margin = gauge("vote_margin", "votes ahead of the next class, last act")
        self.spread = gauge("vote_spread_bps", "widest distance within the winning set, last act")
        self.size = gauge("size_ratio", "part of what was voted for that went on, last act")
        self.sized = counter("sized", "trades made smaller by calibration, by what was decided of them", "kind")
        self.decisions = counter("decisions", "decisions by kind and reason", "kind", "reason")
        self.refusals = counter("refusals", "what policy refused, by rule", "rule")

        self.analyses = counter("analyst_views", "analyses of the model analyst by what became of them", "fate")
        self.view_of_model = gauge("view_of_model", "1 where the last cycle followed a model's view")
        self.shadowed = counter("shadow_blocks", "blocks by how the student in shadow fared on them", "fate")

        self.transactions = counter("transactions", "intents by how they ended", "outcome")
        self.in_flight = gauge("in_flight", "1 while a transaction is not settled")
        self.bumps = counter("bumps", "replacements with higher fees")
        self.alarms = counter("alarms", "what needs a person's look, by kind", "what")
        self.confirm_seconds = histogram("confirm_seconds", "from decision to settlement", CONFIRM_BUCKETS)
        self.gas_paid = counter("gas_paid_native", "native coin paid for gas, whole coins")
        self.drift = histogram("drift_bps", "realised against simulated output", DRIFT_BUCKETS)
        self.last_drift = gauge("last_drift_bps", "the same, of the last settled swap")

        self.equity = gauge("equity", "worth of the wallet, quote tokens")
        self.equity_hold = gauge("equity_hold", "worth of the first seen balances at today's prices, quote tokens")
        self.position = gauge("position", "worth of one balance, quote tokens", "token")
        self.allowance = gauge("allowance", "ERC-20 allowance to Permit2, whole tokens", "token")
        self.daily_loss = gauge("daily_loss", "realised loss of the UTC day, quote tokens")
        self.daily_loss_limit = gauge("daily_loss_limit", "its limit")
        self.daily_volume = gauge("daily_volume", "gross amount put in on the UTC day, quote tokens")
        self.daily_volume_limit = gauge("daily_volume_limit", "its limit")
        self.latched = gauge("latched", "1 while trading is paused")

        self.ready = gauge("ready", "1 where a readiness check passes", "check")
        self.rpc_requests = counter("rpc_requests", "requests to the chain, by endpoint", "endpoint")
        self.rpc_errors = counter("rpc_errors", "those of them without a usable answer", "endpoint")
        self.endpoint = gauge("endpoint", "1 for the state that an endpoint is in", "endpoint", "state")
        self.disputed = gauge("heads_disputed", "1 while endpoints disagree on a head for too long")
        self.relay_status = counter("relay_status", "what the private relay says of our transactions", "status")
        self.simulations = counter("simulations", "batches simulated, by where: the fork, or the node itself", "where")
        self.fork_resets = counter("fork_resets", "times that the fork was moved to a new head")
        self.journal_bytes = gauge("journal_bytes", "size of the durable record")

    # ------------------------------------------------------------ what happened

    def observe_head(self, head: Head) -> None:
        self._last_head = head
        self.heads.inc()
        self.head_number.set(head.number)

    def observe(self, record: CycleRecord) -> None:
        """One cycle."""
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
        self._observe_decision(record)
        if record.view is not None:
            self.view_of_model.set(record.view.source != "settings")
        if record.state is not None:
            self._observe_wallet(record)

    def sampled(self, seconds: float, n: int, prompt_tokens: int, completion_tokens: int) -> None:
        """One request to the student; its answers are counted with the proposal that they end in."""
        self.model_seconds.observe(seconds)
        self.prompt_tokens.inc(prompt_tokens)

    def ran(self, fate: str) -> None:
        """One code action in the sandbox: "ok", or the stage at fault."""
        self.sandbox_runs.labels(self._bounded("fate", fate)).inc()

    def shadow(self, fate: str) -> None:
        """One block beside the live student: "agreed", "differed", "failed", or "skipped" for a newer one."""
        self.shadowed.labels(self._bounded("fate", fate)).inc()

    def analysed(self, fate: str) -> None:
        """One analysis: its view "taken", "bounded" or too "unsure", or it "failed"."""
        self.analyses.labels(self._bounded("fate", fate)).inc()

    def sent(self, attempt: int, cancel: bool) -> None:
        """One send of an intent's attempt number `attempt`, from 1."""
        if attempt > 1 or cancel:
            self.bumps.inc()

    def alarm(self, what: str) -> None:
        self.alarms.labels(self._bounded("alarm", what)).inc()

    def observe_settled(self, settled: Settled, drift: float | None, waited: float | None) -> None:
        """How an intent ended. `drift` in bps where one can be told, `waited` its seconds since the decision."""
        self.transactions.labels(settled.outcome.value).inc()
        self.gas_paid.inc(settled.gas_cost / 1e18)
        if waited is not None:
            self.confirm_seconds.observe(max(0.0, waited))
        if drift is not None:
            self.drift.observe(drift)
            self.last_drift.set(drift)

    def observe_spent(self, spent: Spent, limits: Limits) -> None:
        unit = 10.0 ** accounts.decimals(self._network.quote, self._network)
        self.daily_loss.set(spent.loss / unit)
        self.daily_loss_limit.set(limits.daily_loss / unit)
        self.daily_volume.set(spent.volume / unit)
        self.daily_volume_limit.set(limits.daily_volume / unit)

    def observe_endpoint(self, name: str, state: str, requests: int, failures: int) -> None:
        """Totals of one endpoint of the chain, and its state of ENDPOINT_STATES."""
        self.catch_up(self.rpc_requests.labels(name), requests)
        self.catch_up(self.rpc_errors.labels(name), failures)
        for known in ENDPOINT_STATES:
            self.endpoint.labels(name, known).set(known == state)

    def relayed(self, status: str) -> None:
        """One word of the relay's status API."""
        self.relay_status.labels(self._bounded("relay", status)).inc()

    def start_from(self, balances: Mapping[Symbol, int]) -> None:
        """The balances that doing nothing would have kept; the first ones seen where nobody says."""
        self._start_balances = dict(balances)

    def catch_up(self, counter: Counter, total: float) -> None:
        """Raise a counter to a total that another part keeps; a smaller one (that part was restarted) adds nothing."""
        before = self._totals.get(id(counter), 0.0)
        if total > before:
            counter.inc(total - before)
        self._totals[id(counter)] = total

    def exposition(self) -> bytes:
        return generate_latest(self.registry)

    # ------------------------------------------------------------ in parts

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
            self.discarded.labels(self._bounded("where", item.stage), self._bounded("why", item.reason)).inc()
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
        worth = accounts.positions(state.balances, state.prices, self._network)
        for symbol, value in worth.items():
            self.position.labels(symbol).set(value)
        self.equity.set(sum(worth.values()))
        self.equity_hold.set(accounts.equity(self._start_balances or {}, state.prices, self._network))
        for symbol, amount in state.allowances.items():
            self.allowance.labels(symbol).set(accounts.whole(amount, symbol, self._network))

    def _age(self) -> float:
        return self._clock() - self._last_head.timestamp if self._last_head else float("nan")

    def _bounded(self, group: str, value: str) -> str:
        seen = self._seen.setdefault(group, set())
        if value in seen:
            return value
        if not PLAIN.fullmatch(value) or len(seen) >= MOST_VALUES:
            return "other"
        seen.add(value)
        return value
