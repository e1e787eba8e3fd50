"""Every metric that the daemon exports, declared with its unit and meaning; `docs/metrics.md` is made of it."""

from __future__ import annotations

from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, disable_created_metrics

# The times at which counters began tell nobody anything here.
disable_created_metrics()  # type: ignore[no-untyped-call]  # the library has no types there

QUOTE, COIN = "quote tokens", "native coin"
SUFFIXES = {"_seconds": "seconds", "_bps": "bps", "_bytes": "bytes", "_blocks": "blocks", "_ratio": "ratio"}
STAGE_BUCKETS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
CONFIRM_BUCKETS = (1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0)
SHORTFALL_BUCKETS = (-100.0, -50.0, -20.0, -10.0, -5.0, -1.0, 0.0, 1.0, 5.0, 10.0, 20.0, 50.0, 100.0)


@dataclass(frozen=True, slots=True)
class MetricDescription:
    """One line of the reference."""

    name: str  # as it is scraped
    kind: str  # counter, gauge, histogram, info
    labels: tuple[str, ...]
    unit: str  # empty where it is a count or a flag
    meaning: str


class Instruments:
    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.described: list[MetricDescription] = []

        self.build = self._info("build", "what runs", "version", "network", "mode")
        self.student = self._info("student", "who proposed last", "id")
        self.first_thought = self._info("first_thought", "the prefill of step 1", "playbook", "kind")

        self.head_number = self._gauge("head_number", "newest head's block number")
        self.head_lag = self._gauge("head_lag_blocks", "blocks between the newest head and the last one decided on")
        self.head_age = self._gauge("head_age_seconds", "clock time minus the newest head's timestamp")
        self.heads = self._counter("heads", "heads seen")
        self.skipped = self._counter("heads_skipped", "heads that no cycle ran for: a newer one had come")
        self.reconnects = self._counter("head_reconnects", "times that the head stream failed and was opened again")
        self.backfilled = self._counter("heads_backfilled", "missed heads that were looked up afterwards")
        self.reorgs = self._counter("reorgs", "times that a block was replaced")

        self.cycle_seconds = self._histogram("cycle_seconds", "time by stage of a cycle", STAGE_BUCKETS, "stage")
        self.samples = self._counter("final_actions", "final actions by how far they came", "fate")
        self.discarded = self._counter(
            "discarded_samples", "final actions that fell out before simulation", "stage", "reason"
        )
        self.sandbox_runs = self._counter("sandbox_runs", "code actions by fate", "fate")
        self.steps = self._histogram("episode_steps", "steps of an episode", (1.0, 2.0, 3.0, 4.0, 5.0, 10.0))
        self.tokens = self._counter("model_tokens", "tokens that the student generated")
        self.model_seconds = self._histogram("model_seconds", "time of one request to the student", STAGE_BUCKETS)
        self.prompt_tokens = self._counter("model_prompt_tokens", "tokens that the student was sent")
        self.model_errors = self._counter("model_errors", "cycles that held since the model failed", "reason")
        self.ballots = self._gauge("ballots", "candidates that reached the last vote")
        self.agreement = self._gauge("agreement_ratio", "winning votes over those asked, last vote")
        self.margin = self._gauge("vote_margin", "votes ahead of the next class, last act")
        self.spread = self._gauge("vote_spread_bps", "widest distance within the winning set, last act")
        self.size = self._gauge("trade_size_ratio", "part of what was voted for that went on, last act")
        self.sized = self._counter(
            "sized_trades", "trades made smaller by calibration, by what was decided of them", "kind"
        )
        self.decisions = self._counter("decisions", "decisions by kind and reason", "kind", "reason")
        self.refusals = self._counter("refusals", "what policy refused, by rule", "rule")

        self.analyses = self._counter("analyst_views", "analyses of the model analyst by what became of them", "fate")
        self.view_of_model = self._gauge("model_view_followed", "1 where the last cycle followed a model's view")
        self.shadowed = self._counter("shadow_blocks", "blocks by how the student in shadow fared on them", "fate")

        self.transactions = self._counter("transactions", "intents by how they ended", "outcome")
        self.open_intent_flag = self._gauge("open_intent", "1 while a transaction is not settled")
        self.open_intent_seconds = self._gauge(
            "open_intent_age_seconds", "time since the oldest unfinished decision; 0: none"
        )
        self.open_intents_by_state = self._gauge("open_intents", "unfinished ones by how far they are", "state")
        self.nonce_gap = self._gauge("nonce_gap", "nonces of ours that the chain has not mined, with nothing in flight")
        self.bumps = self._counter("replacements", "replacements with higher fees")
        self.alarms = self._counter("alarms", "what needs a person's look, by kind", "what")
        self.confirm_seconds = self._histogram("settlement_seconds", "from decision to settlement", CONFIRM_BUCKETS)
        self.gas_paid = self._counter("gas_paid_native", "native coin paid for gas", unit=COIN)
        self.shortfall = self._histogram(
            "implementation_shortfall_bps", "realised against simulated output", SHORTFALL_BUCKETS
        )
        self.last_shortfall = self._gauge("last_implementation_shortfall_bps", "the same, of the last settled swap")

        self.mean_shortfall = self._gauge(
            "mean_implementation_shortfall_bps", "the same, mean of the last limits.shortfall_trades; 0: none yet"
        )
        self.shortfall_limit = self._gauge(
            "max_mean_implementation_shortfall_bps", "mean drift below minus this pauses trading"
        )

        self.equity = self._gauge("equity", "worth of the wallet", unit=QUOTE)
        self.equity_hold = self._gauge(
            "equity_hold", "worth of the first seen balances at today's prices: doing nothing", unit=QUOTE
        )
        self.position = self._gauge("position_value", "worth of one balance", "token", unit=QUOTE)
        self.allowance = self._gauge("permit2_allowance", "ERC-20 allowance to Permit2", "token", unit="whole tokens")
        self.daily_loss = self._gauge("daily_loss", "realised loss of the UTC day, gas included", unit=QUOTE)
        self.daily_loss_limit = self._gauge("max_daily_loss", "its limit", unit=QUOTE)
        self.daily_volume = self._gauge("daily_volume", "gross amount put in on the UTC day", unit=QUOTE)
        self.daily_volume_limit = self._gauge("max_daily_volume", "its limit", unit=QUOTE)
        self.halted = self._gauge("halted", "1 while trading is paused")
        self.selling = self._gauge("flattening", "1 while everything is being sold (`stop --flatten`)")
        self.native = self._gauge("native_balance", "what is left to pay gas with", unit=COIN)
        self.native_reserve = self._gauge(
            "min_native_balance", "below it nothing is sent: limits.min_gas_reserve_eth", unit=COIN
        )

        self.config_generation = self._gauge("config_generation", "1 at the start, one more with each reload in force")
        self.reloads = self._counter("config_reloads", "reloads of the settings by what became of them", "result")
        self.notifications = self._counter("messages", "messages to people by what became of them", "result")

        self.ready = self._gauge("readiness_check", "1 where a readiness check passes", "check")
        self.rpc_requests = self._counter("rpc_requests", "requests to the chain, by endpoint", "endpoint")
        self.rpc_errors = self._counter("rpc_errors", "those of them without a usable answer", "endpoint")
        self.endpoint = self._gauge("endpoint_state", "1 for the state that an endpoint is in", "endpoint", "state")
        self.disputed = self._gauge("heads_disputed", "1 while endpoints disagree on a head for too long")
        self.relay_status = self._counter("relay_status", "what the private relay says of our transactions", "status")
        self.simulations = self._counter(
            "simulations", "batches simulated, by where: the fork, or the node itself", "where"
        )
        self.fork_resets = self._counter("fork_resets", "times that the fork was moved to a new head")
        self.journal_bytes = self._gauge("journal_bytes", "size of the durable record", unit="bytes")

    # ------------------------------------------------------------ how one is declared

    def _counter(self, name: str, text: str, *labels: str, unit: str = "") -> Counter:
        self._describe(f"{name}_total", "counter", labels, unit, text)
        return Counter(f"sentinel_{name}", text, labels, registry=self.registry)

    def _gauge(self, name: str, text: str, *labels: str, unit: str = "") -> Gauge:
        self._describe(name, "gauge", labels, unit, text)
        return Gauge(f"sentinel_{name}", text, labels, registry=self.registry)

    def _histogram(self, name: str, text: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
        self._describe(name, "histogram", labels, "", text)
        return Histogram(f"sentinel_{name}", text, labels, buckets=buckets, registry=self.registry)

    def _info(self, name: str, text: str, *labels: str) -> Info:
        self._describe(f"{name}_info", "info", labels, "", text)
        return Info(f"sentinel_{name}", text, registry=self.registry)

    def _describe(self, name: str, kind: str, labels: tuple[str, ...], unit: str, text: str) -> None:
        unit = unit or next((unit for end, unit in SUFFIXES.items() if name.removesuffix("_total").endswith(end)), "")
        self.described.append(MetricDescription(f"sentinel_{name}", kind, labels, unit, text))
