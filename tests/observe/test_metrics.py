from __future__ import annotations

from typing import cast

from prometheus_client.parser import text_string_to_metric_families

from sentinel.core.decision import HoldReason
from sentinel.observe.metrics import MAX_LABEL_VALUES, Metrics
from tests.daemon import values

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def scraped(metrics: Metrics) -> Samples:
    families = text_string_to_metric_families(metrics.exposition().decode())
    return {(s.name, tuple(sorted(s.labels.items()))): s.value for family in families for s in family.samples}


def value(found: Samples, name: str, **labels: str) -> float:
    return found[(name, tuple(sorted(labels.items())))]


def test_a_cycle_is_counted_stage_by_stage() -> None:
    """One observed cycle shows in fates, decision, agreement, positions and equity."""
    metrics = Metrics(values.NETWORK)
    metrics.observe(values.record(values.act(), intent_id="a1"))
    found = scraped(metrics)
    assert value(found, "sentinel_final_actions_total", fate="asked") == 8
    assert value(found, "sentinel_final_actions_total", fate="parsed") == 6
    assert value(found, "sentinel_final_actions_total", fate="simulated") == 6
    assert value(found, "sentinel_decisions_total", kind="act", reason="swap") == 1
    assert value(found, "sentinel_refusals_total", rule="slippage") == 1
    assert value(found, "sentinel_ballots") == 5
    assert value(found, "sentinel_agreement_ratio") == 5 / 8
    assert value(found, "sentinel_equity") == 4_000
    assert value(found, "sentinel_equity_hold") == 4_000
    assert value(found, "sentinel_position_value", token="WETH") == 2_000
    assert value(found, "sentinel_model_tokens_total") == 240


def test_labels_stay_bounded_and_plain() -> None:
    """Whatever reasons a model provokes, hashes, markup and floods of values end up as one label."""
    metrics = Metrics(values.NETWORK)
    for i in range(3 * MAX_LABEL_VALUES):
        metrics.observe(values.record(values.hold(cast(HoldReason, f"reason_{i}"))))
    text = metrics.exposition().decode()
    assert "<script>" not in text
    assert "secret words" not in text
    reasons = {labels for (name, labels) in scraped(metrics) if name == "sentinel_decisions_total"}
    assert len(reasons) <= MAX_LABEL_VALUES + 1
    assert (("kind", "hold"), ("reason", "other")) in reasons


def test_a_settled_transaction_shows_its_shortfall_and_gas() -> None:
    """Outcome, gas, waiting time and shortfall of a transaction are told."""
    metrics = Metrics(values.NETWORK)
    metrics.observe_settled(values.settled(), shortfall_bps=2.5, waited=4.0)
    found = scraped(metrics)
    assert value(found, "sentinel_transactions_total", outcome="confirmed") == 1
    assert value(found, "sentinel_last_implementation_shortfall_bps") == 2.5
    assert value(found, "sentinel_gas_paid_native_total") == 3e14 / 1e18
    assert value(found, "sentinel_settlement_seconds_count") == 1


def test_two_daemons_do_not_share_a_registry() -> None:
    """What one counts, the other does not show."""
    one, other = Metrics(values.NETWORK), Metrics(values.NETWORK)
    one.observe_head(values.head(9))
    assert value(scraped(one), "sentinel_head_number") == 9
    assert value(scraped(other), "sentinel_head_number") == 0


def test_counters_catch_up_with_totals_kept_elsewhere() -> None:
    """A counter never goes down, also when the part that keeps the total starts anew."""
    metrics = Metrics(values.NETWORK)
    for total in (3, 5, 1, 2):
        metrics.catch_up(metrics.fork_resets, total)
    assert value(scraped(metrics), "sentinel_fork_resets_total") == 6
