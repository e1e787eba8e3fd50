"""The dashboards' panels: title, meaning, unit and queries. `dashboards.py` writes Grafana's JSON from them.

`$instance` selects daemons, `$__rate_interval` is Grafana's. NOTE: tests/ops/test_dashboards.py runs every query on a
Prometheus that a daemon has filled, and fails if one returns no data.
"""

from __future__ import annotations

from dataclasses import dataclass

I = 'instance=~"$instance"'  # noqa: E741  # short, because every query contains it
R = "[$__rate_interval]"
BPS, QUOTE, COIN = "suffix: bps", "short", "short"


@dataclass(frozen=True, slots=True)
class Query:
    expr: str
    legend: str = "{{instance}}"


@dataclass(frozen=True, slots=True)
class Panel:
    title: str
    meaning: str
    unit: str  # Grafana's name of the unit
    queries: tuple[Query, ...]
    width: int = 8  # columns of 24
    single: bool = False  # the newest value, large
    stacked: bool = False
    red_above: float | None = None


def one(title: str, meaning: str, unit: str, expr: str, legend: str = "{{instance}}", **more: object) -> Panel:
    return Panel(title, meaning, unit, (Query(expr, legend),), **more)  # type: ignore[arg-type]


def stage(quantile: float) -> str:
    rate = f"sum by (le, stage) (rate(sentinel_cycle_seconds_bucket{{{I}}}{R}))"
    return f"histogram_quantile({quantile}, {rate})"


TRADING = (
    one("Equity", "Value of the wallet in the quote token.", QUOTE, f"sentinel_equity{{{I}}}", width=4, single=True),
    one(
        "Against doing nothing",
        "Equity minus the value of the first balances at today's prices.",
        QUOTE,
        f"sentinel_equity{{{I}}} - sentinel_equity_hold{{{I}}}",
        width=4,
        single=True,
    ),
    one(
        "Halted",
        "1 while trading is halted: `sentinel status` says why.",
        "none",
        f"sentinel_halted{{{I}}}",
        width=4,
        single=True,
        red_above=1,
    ),
    one(
        "Open intent",
        "1 while an intent is open, else 0.",
        "none",
        f"sentinel_open_intent{{{I}}}",
        width=4,
        single=True,
    ),
    one("Gas money", "Balance of the native coin.", COIN, f"sentinel_native_balance{{{I}}}", width=4, single=True),
    one(
        "Daily loss",
        "Part of the daily loss limit that is used up.",
        "percentunit",
        f"sentinel_daily_loss{{{I}}} / sentinel_max_daily_loss{{{I}}}",
        width=4,
        single=True,
        red_above=0.8,
    ),
    Panel(
        "Equity against buy-and-hold",
        "Value of the wallet, and of the first balances at today's prices. Only equity includes flows.",
        QUOTE,
        (Query(f"sentinel_equity{{{I}}}", "equity"), Query(f"sentinel_equity_hold{{{I}}}", "doing nothing")),
        width=12,
    ),
    one("Positions", "Value by token.", QUOTE, f"sentinel_position_value{{{I}}}", "{{token}}", width=12, stacked=True),
    one(
        "Decisions",
        "Cycles per minute, by decision and reason.",
        "short",
        f"60 * sum by (kind, reason) (rate(sentinel_decisions_total{{{I}}}{R}))",
        "{{kind}}: {{reason}}",
        stacked=True,
    ),
    Panel(
        "Implementation shortfall",
        "Of the last trade, and the mean of the last trades; above the limit trading halts.",
        BPS,
        (
            Query(f"sentinel_last_implementation_shortfall_bps{{{I}}}", "last"),
            Query(f"sentinel_mean_implementation_shortfall_bps{{{I}}}", "mean of the last"),
            Query(f"sentinel_max_mean_implementation_shortfall_bps{{{I}}}", "limit"),
        ),
    ),
    one(
        "Transactions ended",
        "Per hour, by outcome.",
        "short",
        f"sum by (outcome) (increase(sentinel_transactions_total{{{I}}}[1h]))",
        "{{outcome}}",
        stacked=True,
    ),
    Panel(
        "Open intents",
        "By state, with the age of the oldest.",
        "short",
        (
            Query(f"sentinel_open_intents{{{I}}}", "{{state}}"),
            Query(f"sentinel_open_intent_age_seconds{{{I}}}", "oldest, seconds"),
            Query(f"sentinel_nonce_gap{{{I}}}", "nonce gap"),
        ),
    ),
    one("Gas paid", "Native coin per hour.", COIN, f"increase(sentinel_gas_paid_native_total{{{I}}}[1h])"),
    Panel(
        "Daily loss and volume",
        "As parts of their limits.",
        "percentunit",
        (
            Query(f"sentinel_daily_loss{{{I}}} / sentinel_max_daily_loss{{{I}}}", "loss"),
            Query(f"sentinel_daily_volume{{{I}}} / sentinel_max_daily_volume{{{I}}}", "volume"),
        ),
        red_above=0.8,
    ),
    one(
        "From decision to settlement",
        "Median of the last hour.",
        "s",
        f"histogram_quantile(0.5, sum by (le) (rate(sentinel_settlement_seconds_bucket{{{I}}}[1h])))",
        "median",
    ),
    one("Replacements", "Per hour.", "short", f"increase(sentinel_replacements_total{{{I}}}[1h])"),
    one(
        "Alarms", "Per hour, by name.", "short", f"increase(sentinel_alarms_total{{{I}}}[1h])", "{{what}}", stacked=True
    ),
    one(
        "Allowances",
        "Amounts that Permit2 may take, in whole tokens.",
        "short",
        f"sentinel_permit2_allowance{{{I}}}",
        "{{token}}",
    ),
)

DECISIONS = (
    Panel(
        "Agreement",
        "Share of the samples that voted for the winning class; an act needs more than the quorum.",
        "percentunit",
        (
            Query(f"sentinel_agreement_ratio{{{I}}}", "last vote"),
            Query(f"avg_over_time(sentinel_agreement_ratio{{{I}}}[15m])", "mean, 15 min"),
        ),
        width=12,
    ),
    Panel(
        "Final actions",
        "Per minute: requested, parsed, simulated, discarded, reverted.",
        "short",
        (Query(f"60 * sum by (fate) (rate(sentinel_final_actions_total{{{I}}}{R}))", "{{fate}}"),),
        width=12,
    ),
    one("Spread", "Largest distance of the effects within the winning class.", BPS, f"sentinel_vote_spread_bps{{{I}}}"),
    one("Margin", "Votes by which the last act was ahead of the next class.", "short", f"sentinel_vote_margin{{{I}}}"),
    one("Ballots", "Candidates that reached the last vote.", "short", f"sentinel_ballots{{{I}}}"),
    one(
        "Discarded",
        "Final actions per minute that were discarded before simulation.",
        "short",
        f"60 * sum by (stage, reason) (rate(sentinel_discarded_samples_total{{{I}}}{R}))",
        "{{stage}}: {{reason}}",
        stacked=True,
    ),
    one(
        "Refused",
        "Refusals per minute, by rule.",
        "short",
        f"60 * sum by (rule) (rate(sentinel_refusals_total{{{I}}}{R}))",
        "{{rule}}",
        stacked=True,
    ),
    one(
        "Code actions",
        "Runs in the sandbox per minute, by result.",
        "short",
        f"60 * sum by (fate) (rate(sentinel_sandbox_runs_total{{{I}}}{R}))",
        "{{fate}}",
        stacked=True,
    ),
    one(
        "Steps of an episode",
        "Mean number.",
        "short",
        f"rate(sentinel_episode_steps_sum{{{I}}}{R}) / rate(sentinel_episode_steps_count{{{I}}}{R})",
    ),
    one("Student", "The student that proposed last.", "none", f"sentinel_student_info{{{I}}}", "{{id}}", single=True),
    one(
        "Proposer",
        "The kind of proposer.",
        "none",
        f"sentinel_proposer_info{{{I}}}",
        "{{kind}}",
        single=True,
    ),
)

MACHINE = (
    Panel(
        "Cycle by stage, median",
        "Seconds of each stage.",
        "s",
        (Query(stage(0.5), "{{stage}}"),),
        width=12,
    ),
    Panel(
        "Cycle by stage, 95th percentile", "Seconds of each stage.", "s", (Query(stage(0.95), "{{stage}}"),), width=12
    ),
    Panel(
        "Heads",
        "Age of the newest head, and the blocks between it and the last decision.",
        "short",
        (
            Query(f"sentinel_head_age_seconds{{{I}}}", "age, seconds"),
            Query(f"sentinel_head_lag_blocks{{{I}}}", "lag, blocks"),
        ),
        red_above=60,
    ),
    one("Ready", "Each check of /readyz.", "none", f"sentinel_readiness_check{{{I}}}", "{{check}}"),
    Panel(
        "The student's answers",
        "Seconds per request: median and 95th percentile.",
        "s",
        (
            Query(f"histogram_quantile(0.5, sum by (le) (rate(sentinel_model_seconds_bucket{{{I}}}{R})))", "median"),
            Query(f"histogram_quantile(0.95, sum by (le) (rate(sentinel_model_seconds_bucket{{{I}}}{R})))", "95 %"),
        ),
    ),
    Panel(
        "Tokens",
        "Per second, sent to the student and generated by it.",
        "short",
        (
            Query(f"rate(sentinel_model_prompt_tokens_total{{{I}}}{R})", "sent"),
            Query(f"rate(sentinel_model_tokens_total{{{I}}}{R})", "generated"),
        ),
    ),
    Panel(
        "vLLM: requests",
        "Requests that run and that wait.",
        "short",
        (
            Query("sum(vllm:num_requests_running)", "running"),
            Query("sum(vllm:num_requests_waiting)", "waiting"),
        ),
    ),
    one(
        "vLLM: cache",
        "Share of the KV cache that is in use.",
        "percentunit",
        "max(vllm:kv_cache_usage_perc)",
        "in use",
    ),
    one(
        "RPC requests",
        "Per second, by endpoint.",
        "reqps",
        f"sum by (endpoint) (rate(sentinel_rpc_requests_total{{{I}}}{R}))",
        "{{endpoint}}",
    ),
    one(
        "RPC errors",
        "Share of requests without a usable answer, by endpoint.",
        "percentunit",
        f"sum by (endpoint) (rate(sentinel_rpc_errors_total{{{I}}}{R})) "
        f"/ sum by (endpoint) (rate(sentinel_rpc_requests_total{{{I}}}{R}))",
        "{{endpoint}}",
        red_above=0.2,
    ),
    one(
        "Fork resets",
        "Moves of the fork to a new head, per minute.",
        "short",
        f"60 * rate(sentinel_fork_resets_total{{{I}}}{R})",
    ),
    one(
        "Simulated on",
        "Batches per minute on the fork, or on the node in its place.",
        "short",
        f"60 * sum by (where) (rate(sentinel_simulations_total{{{I}}}{R}))",
        "{{where}}",
    ),
    one("Journal", "Size on disk.", "bytes", f"sentinel_journal_bytes{{{I}}}"),
    Panel(
        "Head stream",
        "Reconnections, reorgs and skipped heads per hour.",
        "short",
        (
            Query(f"increase(sentinel_head_reconnects_total{{{I}}}[1h])", "reconnections"),
            Query(f"increase(sentinel_reorgs_total{{{I}}}[1h])", "reorgs"),
            Query(f"increase(sentinel_heads_skipped_total{{{I}}}[1h])", "skipped"),
        ),
    ),
    one("Settings", "Generation of the settings in force.", "none", f"sentinel_config_generation{{{I}}}", single=True),
    one(
        "Messages",
        "Messages to people per hour, by result.",
        "short",
        f"sum by (result) (increase(sentinel_messages_total{{{I}}}[1h]))",
        "{{result}}",
    ),
    one(
        "Build",
        "Version, network and mode of the daemon.",
        "none",
        f"sentinel_build_info{{{I}}}",
        "{{version}} {{network}} {{mode}}",
        single=True,
    ),
)

BOARDS = {
    "trading": ("Trading", TRADING),
    "decisions": ("Decision quality", DECISIONS),
    "machine": ("Machine", MACHINE),
}
