"""Mutants of the sizer that scale what was already simulated; and the two guards that each hold them alone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from sentinel.core.actions import Swap
from sentinel.core.decision import Act, Decision, Hold, Sized
from sentinel.core.market_state import MarketState
from sentinel.core.simulation import Simulation
from sentinel.core.spent import Spent
from sentinel.core.units import BPS
from sentinel.decide.sizing import resized
from tests.daemon.sized_desk import PART, Desk, opened

pytestmark = pytest.mark.attack("a trade changed after its simulation", "refused")


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with opened(tmp_path) as desk:
        yield desk


def shrunk(simulation: Simulation, size_bps: int) -> Simulation:
    """The larger trade's simulation and bytes under the smaller trade's name."""
    swap = simulation.candidate.action
    assert isinstance(swap, Swap)
    routes = tuple(replace(route, amount_in=route.amount_in * size_bps // BPS) for route in swap.routes)
    smaller = replace(swap, routes=routes, min_out=swap.min_out * size_bps // BPS)
    return replace(simulation, candidate=replace(simulation.candidate, action=smaller))


async def test_scaling_after_the_simulation_is_caught_by_the_sizer(desk: Desk) -> None:
    """Bytes of the larger trade under the smaller one's name put in more than their part."""

    async def mutant(act: Act, state: MarketState, spent: Spent) -> tuple[Decision, Sized | None]:
        sized = Sized(shrunk(act.simulation, 6000), None)
        return resized(act, 6000, sized), sized

    record = await desk.run(desk.settings(PART), size=mutant)
    assert isinstance(record.decision, Hold)
    assert record.decision.detail.endswith("what was simulated is not the smaller trade")


async def test_scaling_after_the_simulation_is_caught_by_policy(desk: Desk) -> None:
    """Were there no such guard: the final check reads the bytes, and they put in something else than the action."""

    async def mutant(act: Act, state: MarketState, spent: Spent) -> tuple[Decision, Sized | None]:
        return replace(act, simulation=shrunk(act.simulation, 6000), size_bps=6000), None

    record = await desk.run(desk.settings(PART), size=mutant)
    assert isinstance(record.decision, Hold)
    assert (record.decision.reason, record.intent_id) == ("refused", None)
    assert "route: the bytes put in" in record.decision.detail
    assert desk.journal.trades(5) == ()
