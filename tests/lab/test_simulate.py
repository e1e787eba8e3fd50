"""The engines agree, and the measurement of their speed tells what it should."""

from __future__ import annotations

from lab.bench import freshness
from lab.bench.engine_comparison import compare
from lab.bench.resident_memory import soak
from lab.bench.simulation_cost import measure


async def test_both_engines_agree_on_200_random_candidates() -> None:
    """Over all venues, routes, cycles and approvals, a good part of them reverts for several reasons."""
    found = await compare(200)
    assert found["differ"] == []
    assert found["identical"] == 200
    assert {"uniswap_v2", "uniswap_v3", "uniswap_v4"} <= found["legs"].keys()
    assert 40 <= found["outcomes"]["succeeded"] <= 180
    assert len(found["outcomes"]) >= 5


async def test_a_row_tells_batch_floor_snapshot_and_what_is_identical() -> None:
    """Eight of eight as on the chain; the batch is far faster than snapshot, send and revert."""
    (row,) = await measure([8], rounds=5)
    keys = ("candidates", "batch_ms", "floor_ms", "floor_ratio", "snapshot_ms", "snapshot_ratio", "identical")
    assert list(row)[:7] == list(keys)
    assert row["candidates"] == row["identical"] == 8
    assert row["snapshot_ratio"] > 3
    assert 0.5 < row["floor_ratio"] < 5


async def test_memory_and_open_files_stay_within_bounds_over_batches() -> None:
    """A short part of `make bench-memory`: neither this process nor the fork grows by more than a few MiB."""
    found = await soak(100, size=4)
    first, last = found["samples"][4], found["samples"][-1]
    assert last["own"] - first["own"] < 15
    assert last["fork"] - first["fork"] < 15
    assert found["resets"] == 5


async def test_a_new_head_is_measured_on_the_fork_and_on_the_node() -> None:
    """Every way has its time, and through a distance the one round trip of the node beats the fork's many."""
    (row,) = await freshness.measure([20], heads=1, size=4)
    assert list(row) == [
        "delay_ms", "candidates", "heads",
        "reset_ms", "warm_up_ms", "cold_ms", "warmed_ms", "again_ms", "direct_ms",
    ]  # fmt: skip
    assert 20 <= row["direct_ms"] < row["cold_ms"]
