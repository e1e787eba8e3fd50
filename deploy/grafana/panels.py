"""What the dashboards show: title, meaning, unit and queries of each panel. `dashboards.py` makes Grafana's JSON of it.

`$instance` picks daemons, `$__rate_interval` is Grafana's. NOTE: every query here is run against a Prometheus that a
daemon has filled, and one without data fails the tests (tests/ops/test_dashboards.py).
"""

from __future__ import annotations

from dataclasses import dataclass

I = 'instance=~"$instance"'  # noqa: E741  # it stands in every query
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
    unit: str  # Grafana's name of it
    queries: tuple[Query, ...]
    width: int = 8  # of 24
    single: bool = False  # the newest value, large
    stacked: bool = False
    red_above: float | None = None


def one(title: str, meaning: str, unit: str, expr: str, legend: str = "{{instance}}", **more: object) -> Panel:
    return Panel(title, meaning, unit, (Query(expr, legend),), **more)  # type: ignore[arg-type]


def stage(quantile: float) -> str:
    rate = f"sum by (le, stage) (rate(sentinel_cycle_seconds_bucket{{{I}}}{R}))"
    return f"histogram_quantile({quantile}, {rate})"


TRADING = (
    one("Equity", "Worth of the wallet.", QUOTE, f"sentinel_equity{{{I}}}", width=4, single=True),
    one(
        "Against doing nothing",
        "Equity less what the first balances would be worth today.",
        QUOTE,
        f"sentinel_equity{{{I}}} - sentinel_equity_hold{{{I}}}",
        width=4,
        single=True,
    ),
    one(
        "Paused",
        "1 while the durable latch is set: `sentinel status` says why.",
        "none",
        f"sentinel_halted{{{I}}}",
        width=4,
        single=True,
        red_above=1,
    ),
    one("In flight", "1: something is not settled.", "none", f"sentinel_open_intent{{{I}}}", width=4, single=True),
    one("Gas money", "What is left of the native coin.", COIN, f"sentinel_native_balance{{{I}}}", width=4, single=True),
    one(
        "Loss of the day",
        "Part of the day's limit that is used up.",
        "percentunit",
        f"sentinel_daily_loss{{{I}}} / sentinel_max_daily_loss{{{I}}}",
        width=4,
        single=True,
        red_above=0.8,
    ),
    Panel(
        "Equity against buy-and-hold",
        "Worth of the wallet, and of the first balances at today's prices. Flows move the first alone.",
        QUOTE,
        (Query(f"sentinel_equity{{{I}}}", "equity"), Query(f"sentinel_equity_hold{{{I}}}", "doing nothing")),
        width=12,
    ),
    one("Positions", "Worth by token.", QUOTE, f"sentinel_position_value{{{I}}}", "{{token}}", width=12, stacked=True),
    one(
        "Decisions",
        "Cycles by what was decided and why, a minute.",
        "short",
        f"60 * sum by (kind, reason) (rate(sentinel_decisions_total{{{I}}}{R}))",
        "{{kind}}: {{reason}}",
        stacked=True,
    ),
    Panel(
        "Implementation shortfall",
        "Of the last trade and as a mean; above the limit trading halts.",
        BPS,
        (
            Query(f"sentinel_last_implementation_shortfall_bps{{{I}}}", "last"),
            Query(f"sentinel_mean_implementation_shortfall_bps{{{I}}}", "mean of the last"),
            Query(f"sentinel_max_mean_implementation_shortfall_bps{{{I}}}", "limit"),
        ),
    ),
    one(
        "Transactions ended",
        "By outcome, an hour.",
        "short",
        f"sum by (outcome) (increase(sentinel_transactions_total{{{I}}}[1h]))",
        "{{outcome}}",
        stacked=True,
    ),
    Panel(
        "Unfinished transactions",
        "By how far they are, and for how long the oldest has been open.",
        "short",
        (
            Query(f"sentinel_open_intents{{{I}}}", "{{state}}"),
            Query(f"sentinel_open_intent_age_seconds{{{I}}}", "oldest, seconds"),
            Query(f"sentinel_nonce_gap{{{I}}}", "nonce gap"),
        ),
    ),
    one("Gas paid", "Native coin, an hour.", COIN, f"increase(sentinel_gas_paid_native_total{{{I}}}[1h])"),
    Panel(
        "Day's loss and volume",
        "Against their limits.",
        "percentunit",
        (
            Query(f"sentinel_daily_loss{{{I}}} / sentinel_max_daily_loss{{{I}}}", "loss"),
            Query(f"sentinel_daily_volume{{{I}}} / sentinel_max_daily_volume{{{I}}}", "volume"),
        ),
        red_above=0.8,
    ),
    one(
        "From decision to settlement",
        "Median and slowest twentieth of an hour.",
        "s",
        f"histogram_quantile(0.5, sum by (le) (rate(sentinel_settlement_seconds_bucket{{{I}}}[1h])))",
        "median",
    ),
    one("Fee raises", "Replacements an hour.", "short", f"increase(sentinel_replacements_total{{{I}}}[1h])"),
    one(
        "Alarms", "An hour, by name.", "short", f"increase(sentinel_alarms_total{{{I}}}[1h])", "{{what}}", stacked=True
    ),
    one(
        "Allowances", "What Permit2 may take, whole tokens.", "short", f"sentinel_permit2_allowance{{{I}}}", "{{token}}"
    ),
)

DECISIONS = (
    Panel(
        "Agreement",
        "Winning votes over those asked; acting needs more than the quorum.",
        "percentunit",
        (
            Query(f"sentinel_agreement_ratio{{{I}}}", "last vote"),
            Query(f"avg_over_time(sentinel_agreement_ratio{{{I}}}[15m])", "mean, 15 min"),
        ),
        width=12,
    ),
    Panel(
        "Fates of candidates",
        "Asked for, parsed, simulated, discarded, reverted: a minute.",
        "short",
        (Query(f"60 * sum by (fate) (rate(sentinel_final_actions_total{{{I}}}{R}))", "{{fate}}"),),
        width=12,
    ),
    one("Spread", "Widest distance of effects within the winning set.", BPS, f"sentinel_vote_spread_bps{{{I}}}"),
    one("Margin", "Votes ahead of the next class, last act.", "short", f"sentinel_vote_margin{{{I}}}"),
    one("Ballots", "Candidates that reached the last vote.", "short", f"sentinel_ballots{{{I}}}"),
    one(
        "Discarded",
        "Final actions that fell out before simulation, a minute.",
        "short",
        f"60 * sum by (stage, reason) (rate(sentinel_discarded_samples_total{{{I}}}{R}))",
        "{{stage}}: {{reason}}",
        stacked=True,
    ),
    one(
        "Refused",
        "By the hard limit that said no, a minute.",
        "short",
        f"60 * sum by (rule) (rate(sentinel_refusals_total{{{I}}}{R}))",
        "{{rule}}",
        stacked=True,
    ),
    one(
        "Code actions",
        "Runs in the sandbox by fate, a minute.",
        "short",
        f"60 * sum by (fate) (rate(sentinel_sandbox_runs_total{{{I}}}{R}))",
        "{{fate}}",
        stacked=True,
    ),
    one(
        "Steps of an episode",
        "Mean.",
        "short",
        f"rate(sentinel_episode_steps_sum{{{I}}}{R}) / rate(sentinel_episode_steps_count{{{I}}}{R})",
    ),
    one("Student", "Who proposed last.", "none", f"sentinel_student_info{{{I}}}", "{{id}}", single=True),
    one(
        "First thought",
        "The prefill of step 1.",
        "none",
        f"sentinel_first_thought_info{{{I}}}",
        "{{playbook}}: {{kind}}",
        single=True,
    ),
)

MACHINE = (
    Panel(
        "Cycle by stage, median",
        "Seconds from the head on.",
        "s",
        (Query(stage(0.5), "{{stage}}"),),
        width=12,
    ),
    Panel("Cycle by stage, slowest twentieth", "The same.", "s", (Query(stage(0.95), "{{stage}}"),), width=12),
    Panel(
        "Heads",
        "How old the newest is, and how many blocks lie between it and the last decision.",
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
        "Seconds a request: median and slowest twentieth.",
        "s",
        (
            Query(f"histogram_quantile(0.5, sum by (le) (rate(sentinel_model_seconds_bucket{{{I}}}{R})))", "median"),
            Query(f"histogram_quantile(0.95, sum by (le) (rate(sentinel_model_seconds_bucket{{{I}}}{R})))", "95 %"),
        ),
    ),
    Panel(
        "Tokens",
        "Sent to the student and generated by it, a second.",
        "short",
        (
            Query(f"rate(sentinel_model_prompt_tokens_total{{{I}}}{R})", "sent"),
            Query(f"rate(sentinel_model_tokens_total{{{I}}}{R})", "generated"),
        ),
    ),
    Panel(
        "vLLM: requests",
        "Running and waiting.",
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
        "By endpoint, a second.",
        "reqps",
        f"sum by (endpoint) (rate(sentinel_rpc_requests_total{{{I}}}{R}))",
        "{{endpoint}}",
    ),
    one(
        "RPC errors",
        "Share without a usable answer, by endpoint.",
        "percentunit",
        f"sum by (endpoint) (rate(sentinel_rpc_errors_total{{{I}}}{R})) "
        f"/ sum by (endpoint) (rate(sentinel_rpc_requests_total{{{I}}}{R}))",
        "{{endpoint}}",
        red_above=0.2,
    ),
    one(
        "Fork resets",
        "Times that the fork was moved to a new head, a minute.",
        "short",
        f"60 * rate(sentinel_fork_resets_total{{{I}}}{R})",
    ),
    one(
        "Simulated on",
        "Batches a minute: the fork, or the node in its place.",
        "short",
        f"60 * sum by (where) (rate(sentinel_simulations_total{{{I}}}{R}))",
        "{{where}}",
    ),
    one("Journal", "Size of the durable record.", "bytes", f"sentinel_journal_bytes{{{I}}}"),
    Panel(
        "Head stream",
        "Reconnections, reorgs and skipped heads, an hour.",
        "short",
        (
            Query(f"increase(sentinel_head_reconnects_total{{{I}}}[1h])", "reconnections"),
            Query(f"increase(sentinel_reorgs_total{{{I}}}[1h])", "reorgs"),
            Query(f"increase(sentinel_heads_skipped_total{{{I}}}[1h])", "skipped"),
        ),
    ),
    one("Settings", "Generation in force.", "none", f"sentinel_config_generation{{{I}}}", single=True),
    one(
        "Messages",
        "To people, an hour.",
        "short",
        f"sum by (result) (increase(sentinel_messages_total{{{I}}}[1h]))",
        "{{result}}",
    ),
    one("Build", "What runs.", "none", f"sentinel_build_info{{{I}}}", "{{version}} {{network}} {{mode}}", single=True),
)

BOARDS = {
    "trading": ("Trading", TRADING),
    "decisions": ("Decision quality", DECISIONS),
    "machine": ("Machine", MACHINE),
}
