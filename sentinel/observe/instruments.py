"""Every metric that the daemon exports, with its unit and meaning; `docs/metrics.md` is generated from it."""

from __future__ import annotations

from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, disable_created_metrics

# No alert and no dashboard uses the times at which counters began.
disable_created_metrics()  # type: ignore[no-untyped-call]  # the library has no types there

QUOTE, COIN = "quote tokens", "native coin"
SUFFIXES = {"_seconds": "seconds", "_bps": "bps", "_bytes": "bytes", "_blocks": "blocks", "_ratio": "ratio"}
STAGE_BUCKETS = (0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
CONFIRM_BUCKETS = (1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0)
SHORTFALL_BUCKETS = (-100.0, -50.0, -20.0, -10.0, -5.0, -1.0, 0.0, 1.0, 5.0, 10.0, 20.0, 50.0, 100.0)


@dataclass(frozen=True, slots=True)
class MetricDescription:
    """One row of `docs/metrics.md`."""

    name: str  # as Prometheus scrapes it
    kind: str  # counter, gauge, histogram, info
    labels: tuple[str, ...]
    unit: str  # empty for a count or a flag
    meaning: str


class Instruments:
    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.described: list[MetricDescription] = []

        self.build = self._info(
            "build", "version, network and mode of the running daemon", "version", "network", "mode"
        )
        self.student = self._info("student", "student that made the last proposal", "id")
        self.proposer = self._info(
            "proposer", "kind of proposer: programs (of the order), order (its player), code, model or own", "kind"
        )

        self.head_number = self._gauge("head_number", "block number of the newest head")
        self.head_lag = self._gauge(
            "head_lag_blocks", "newest head's number minus that of the last decided head, in blocks"
        )
        self.head_age = self._gauge(
            "head_age_seconds",
            "our clock minus the newest head's timestamp, in seconds; negative: the head is ahead",
        )
        self.heads = self._counter("heads", "heads received")
        self.skipped = self._counter("heads_skipped", "heads without a cycle, because a newer head had arrived")
        self.reconnects = self._counter("head_reconnects", "reconnections of the head stream after a failure")
        self.backfilled = self._counter("heads_backfilled", "missed heads that were fetched later")
        self.reorgs = self._counter("reorgs", "reorgs: times that known blocks were replaced")

        self.cycle_seconds = self._histogram(
            "cycle_seconds", "duration of each stage of a cycle, in seconds", STAGE_BUCKETS, "stage"
        )
        self.samples = self._counter("final_actions", "final actions by the stage that they reached", "fate")
        self.discarded = self._counter(
            "discarded_samples", "final actions discarded before simulation", "stage", "reason"
        )
        self.sandbox_runs = self._counter("sandbox_runs", "code actions run in the sandbox, by result", "fate")
        self.steps = self._histogram("episode_steps", "steps per episode", (1.0, 2.0, 3.0, 4.0, 5.0, 10.0))
        self.tokens = self._counter("model_tokens", "tokens that the student generated")
        self.model_seconds = self._histogram(
            "model_seconds", "duration of one request to the student, in seconds", STAGE_BUCKETS
        )
        self.prompt_tokens = self._counter("model_prompt_tokens", "prompt tokens sent to the student")
        self.model_errors = self._counter("model_errors", "holds because the model failed, by reason", "reason")
        self.ballots = self._gauge("ballots", "ballots in the last vote")
        self.agreement = self._gauge(
            "agreement_ratio", "agreement of the last vote: winning votes divided by the samples asked"
        )
        self.margin = self._gauge("vote_margin", "votes by which the winning class led the next one, at the last act")
        self.spread = self._gauge(
            "vote_spread_bps", "spread of the amounts in the winning class, in bps, at the last act"
        )
        self.size = self._gauge("trade_size_ratio", "size of the last act divided by the voted size")
        self.sized = self._counter(
            "sized_trades", "trades scaled down by agreement, by the decision (act or hold)", "kind"
        )
        self.decisions = self._counter("decisions", "decisions by kind and reason", "kind", "reason")
        self.refusals = self._counter("refusals", "refusals by policy, by rule", "rule")

        self.order_deviations = self._counter(
            "order_deviations", "cycles that differ from what the player of the approved order did, by kind", "kind"
        )
        self.shadowed = self._counter("shadow_blocks", "blocks seen by the shadow student, by result", "fate")

        self.transactions = self._counter("transactions", "settled intents by outcome", "outcome")
        self.open_intent_flag = self._gauge("open_intent", "1 while an intent is open, else 0")
        self.open_intent_seconds = self._gauge(
            "open_intent_age_seconds", "seconds since the oldest open intent was accepted; 0 if no intent is open"
        )
        self.open_intents_by_state = self._gauge("open_intents", "open intents by state", "state")
        self.nonce_gap = self._gauge(
            "nonce_gap", "signed nonces that the chain has not mined although no intent is open"
        )
        self.bumps = self._counter("replacements", "replacements and cancels sent")
        self.alarms = self._counter("alarms", "alarms, by kind", "what")
        self.confirm_seconds = self._histogram(
            "settlement_seconds", "time from decision to settlement, in seconds", CONFIRM_BUCKETS
        )
        self.gas_paid = self._counter("gas_paid_native", "gas paid, in the native coin", unit=COIN)
        self.shortfall = self._histogram(
            "implementation_shortfall_bps",
            "implementation shortfall of each settled swap, in bps: positive if it realised less",
            SHORTFALL_BUCKETS,
        )
        self.last_shortfall = self._gauge("last_implementation_shortfall_bps", "the same of the last settled swap")

        self.mean_shortfall = self._gauge(
            "mean_implementation_shortfall_bps",
            "its mean over the last limits.shortfall_trades swaps, a swap that realised more as 0; 0 without a swap",
        )
        self.shortfall_limit = self._gauge(
            "max_mean_implementation_shortfall_bps",
            "a mean above this halts trading, in bps",
        )

        self.equity = self._gauge("equity", "value of all of the wallet's balances", unit=QUOTE)
        self.equity_hold = self._gauge(
            "equity_hold",
            "value of the first seen balances at the current prices: the equity without any trade",
            unit=QUOTE,
        )
        self.position = self._gauge("position_value", "value of one balance", "token", unit=QUOTE)
        self.allowance = self._gauge(
            "permit2_allowance", "ERC-20 allowance from the wallet to Permit2", "token", unit="whole tokens"
        )
        self.daily_loss = self._gauge(
            "daily_loss", "losses of the UTC day, including gas; gains are not subtracted", unit=QUOTE
        )
        self.daily_loss_limit = self._gauge("max_daily_loss", "limit of the daily loss", unit=QUOTE)
        self.daily_volume = self._gauge("daily_volume", "gross input of the trades of the UTC day", unit=QUOTE)
        self.daily_volume_limit = self._gauge("max_daily_volume", "limit of the daily volume", unit=QUOTE)
        self.halted = self._gauge("halted", "1 while trading is halted, else 0")
        self.selling = self._gauge(
            "flattening", "1 while all tokens are being sold (`sentinel stop --flatten`), else 0"
        )
        self.native = self._gauge("native_balance", "balance of the native coin, which pays for gas", unit=COIN)
        self.native_reserve = self._gauge(
            "min_native_balance", "gas reserve (limits.min_gas_reserve_eth): below it no trade is sent", unit=COIN
        )

        self.config_generation = self._gauge("config_generation", "1 at the start, plus 1 for each applied reload")
        self.reloads = self._counter("config_reloads", "reloads of the settings, by result", "result")
        self.internal_errors = self._counter(
            "internal_errors", "exceptions that nothing expected and after which the daemon went on", "edge"
        )
        self.notifications = self._counter("messages", "messages to the operator, by result", "result")

        self.ready = self._gauge("readiness_check", "1 if a readiness check passes, else 0", "check")
        self.rpc_requests = self._counter("rpc_requests", "requests to each endpoint", "endpoint")
        self.rpc_errors = self._counter(
            "rpc_errors", "requests to each endpoint that returned no usable answer", "endpoint"
        )
        self.endpoint = self._gauge(
            "endpoint_state",
            "1 for the current state of each endpoint, 0 for the other states",
            "endpoint",
            "state",
        )
        self.endpoint_rests = self._gauge(
            "endpoint_rests",
            "1 while an endpoint is not asked for a kind of request because such requests failed, else 0",
            "endpoint",
            "kind",
        )
        self.disputed = self._gauge(
            "heads_disputed", "1 while the endpoints have disagreed on a head for too long, else 0"
        )
        self.relay_status = self._counter("relay_status", "status replies of the private relay, by status", "status")
        self.simulations = self._counter("simulations", "simulated batches, by place: the fork or the node", "where")
        self.fork_resets = self._counter("fork_resets", "resets of the fork to a new head")
        self.journal_bytes = self._gauge("journal_bytes", "size of the journal with its write-ahead log", unit="bytes")

    # ------------------------------------------------------------ declarations

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
