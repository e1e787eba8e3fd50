"""Two roles of one served base: the shipped student trades, and the shipped analyst looks beside its cycles."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab import CHECKOUT
from sentinel.agent.analyst_tools import REGIMES
from sentinel.agent.vllm_server import served
from sentinel.core.market_state import MarketView
from sentinel.market import Devnet

from .conftest import Run, running

pytestmark = pytest.mark.asyncio(loop_scope="session")

ROLE = "student:analyst"
STANDING, STEP = {"WETH": 5000, "USDC": 5000}, 300


def views(run: Run) -> list[MarketView]:
    return [record.view for record in run.records if record.view is not None]


def ends(run: Run) -> set[int]:
    """The blocks until which its views were valid."""
    return {view.valid_until for view in views(run) if view.source == ROLE}


@pytest.mark.proof
async def test_the_analysts_view_comes_from_beside_the_cycles_and_is_followed_within_bounds(
    devnet: Devnet, tmp_path: Path
) -> None:
    """The first cycle follows the settings; later ones a view of the adapter, named in the record that is journaled,
    no further than a step a view from where the weights stood. The trader is the base, as ever."""
    analyst = {
        "source": "model",
        "valid_blocks": 4,
        "max_step_bps": STEP,
        "min_confidence": 0.0,
        "trend_threshold": 0.0001,
    }
    models = CHECKOUT / "models"
    async with (
        served(models / "nano", log=tmp_path / "vllm.log", adapters=models) as student,
        running(devnet, student, tmp_path, mode="dry", analyst=analyst) as run,
    ):
        await run.until(
            lambda: len({view.valid_until for view in views(run) if view.source == ROLE}) >= 3, 200.0, between=3.0
        )
        assert views(run)[0].source == "settings"
        assert {view.source for view in views(run)} <= {"settings", ROLE}
        before = STANDING
        for record in run.records:
            view = record.view
            assert view is not None
            assert sum(view.target_weights.values()) == 10_000
            assert all(abs(view.target_weights[name] - before[name]) <= STEP for name in STANDING)
            assert record.head.number <= view.valid_until
            if view.source == ROLE:
                assert view.regime in REGIMES
                before = dict(view.target_weights)
            assert record.proposal is None or record.proposal.source == "student:sentinel-nano"
        journal = run.app.parts.journal
        kept = [journal.get_cycle(line.id).view for line in journal.cycles(100)]
        assert ROLE in {view.source for view in kept if view is not None}
        text = run.app.parts.metrics.exposition().decode()
        assert "sentinel_model_view_followed 1.0" in text
