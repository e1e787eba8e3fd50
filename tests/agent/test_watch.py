"""The analyst's seat: views come from beside the cycles, within the operator's bounds, and go when their time is up."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from sentinel.agent.analyst import SettingsAnalyst
from sentinel.agent.analyst_service import AnalystService, analyst_model
from sentinel.agent.view_bounds import ViewBounds
from sentinel.config.settings import load
from sentinel.core.decision import Hold, HoldReason
from sentinel.core.errors import ModelUnavailable, NoView, SettingsError
from sentinel.core.market_state import MarketState, MarketView, Regime
from sentinel.core.record import CycleRecord
from tests.agent.doubles import STATE

STANDING = SettingsAnalyst({"WETH": 5000, "USDC": 5000})
LEANED = {"WETH": 1000, "USDC": 9000}


def at(block: int) -> MarketState:
    return replace(STATE, head=replace(STATE.head, number=block))


def record(block: int, *, read: bool = True) -> CycleRecord:
    state = at(block)
    return CycleRecord(state.head, state if read else None, None, None, (), (), Hold(HoldReason.TIE), (), None, {})


@dataclass
class Model:
    """Looks when it is let; raises what it is given."""

    valid_for: int = 8
    confidence: float = 0.8
    error: Exception | None = None
    let: asyncio.Event = field(default_factory=asyncio.Event)
    looked: list[int] = field(default_factory=list)

    async def look(self, state: MarketState) -> MarketView:
        self.looked.append(state.head.number)
        await self.let.wait()
        if self.error is not None:
            raise self.error
        until = state.head.number + self.valid_for
        return MarketView(LEANED, Regime.STRESS, self.confidence, until, "student:analyst")


def seat(model: Model | None = None, **given: object) -> tuple[AnalystService, Model, list[str]]:
    model, fates = model or Model(), list[str]()
    model.let.set()
    watch = AnalystService(model.look, STANDING, ViewBounds(), 8, observer=fates.append)
    for name, value in given.items():
        setattr(watch, name, value)
    return watch, model, fates


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_a_cycle_never_waits_for_the_model() -> None:
    """A view comes at once from what there is; an analysis that is still under way is given up, and begun again when
    the cycle is done."""
    watch, model, fates = seat()
    model.let.clear()
    watch.cycle_done(record(100))
    await settle()
    watch.cycle_done(record(100))  # one is under way
    await settle()
    assert model.looked == [100]
    assert watch.view(at(101)).source == "settings"
    await settle()
    watch.cycle_done(record(101))
    await settle()
    assert model.looked == [100, 101]
    model.let.set()
    await settle()
    view = watch.view(at(102))
    assert (view.source, view.valid_until, view.target_weights) == ("student:analyst", 109, LEANED)
    assert fates == ["taken"]
    await watch.stop()


async def test_a_view_is_asked_for_anew_before_it_ends_and_not_sooner() -> None:
    """A quarter of its time before: of 8 blocks, after the sixth."""
    watch, model, _ = seat()
    for block in range(100, 112):
        watch.cycle_done(record(block))
        await settle()
    assert model.looked == [100, 106]
    assert watch.view(at(109)).valid_until == 114


async def test_a_view_that_ended_is_not_used() -> None:
    """The operator's own weights stand in from the block after its last; so they do before the first one."""
    watch, _, _ = seat()
    assert watch.view(at(100)).source == "settings"
    watch.cycle_done(record(100))
    await settle()
    assert watch.view(at(108)).source == "student:analyst"
    ended = watch.view(at(109))
    assert (ended.source, ended.target_weights) == ("settings", STANDING.target_weights)


async def test_where_the_operator_says_so_there_is_no_trading_without_a_view() -> None:
    """Before the first one and after the last one's end: NoView, which a cycle turns into a hold."""
    watch, _, _ = seat(hold_without=True)
    with pytest.raises(NoView, match="none was given yet"):
        watch.view(at(100))
    watch.cycle_done(record(100))
    await settle()
    assert watch.view(at(108)).source == "student:analyst"
    with pytest.raises(NoView, match="valid until block 108"):
        watch.view(at(109))


@pytest.mark.parametrize("error", [ModelUnavailable("down"), NoView("they differ"), RuntimeError("a fault of ours")])
async def test_a_failed_look_leaves_the_last_view_as_long_as_it_said_and_is_tried_again(error: Exception) -> None:
    """Whatever it raises, nothing else stops; each block asks once more."""
    watch, model, fates = seat()
    watch.cycle_done(record(100))
    await settle()
    model.error = error
    for block in (106, 107):
        watch.cycle_done(record(block))
        await settle()
    assert model.looked == [100, 106, 107]
    assert fates == ["taken", "failed", "failed"]
    assert watch.view(at(108)).source == "student:analyst"
    assert watch.view(at(109)).source == "settings"


async def test_a_view_goes_no_further_than_a_step_from_the_one_before() -> None:
    """From the standing weights first, then from the view in force; what was bounded is counted so."""
    watch, _, fates = seat(bounds=ViewBounds(max_step_bps=1500))
    watch.cycle_done(record(100))
    await settle()
    assert watch.view(at(101)).target_weights == {"WETH": 3500, "USDC": 6500}
    watch.cycle_done(record(106))
    await settle()
    assert watch.view(at(107)).target_weights == {"WETH": 2000, "USDC": 8000}
    assert fates == ["bounded", "bounded"]


async def test_a_view_that_is_not_sure_enough_is_not_taken() -> None:
    """It is counted, and the weights before it stay."""
    watch, _, fates = seat(Model(confidence=0.4), min_confidence=0.5)
    watch.cycle_done(record(100))
    await settle()
    assert watch.view(at(101)).source == "settings"
    assert fates == ["unsure"]


async def test_no_look_begins_without_a_state_or_after_the_end() -> None:
    """A cycle that held before it read has nothing to look at."""
    watch, model, _ = seat()
    watch.cycle_done(record(100, read=False))
    await watch.stop()
    watch.cycle_done(record(101))
    await settle()
    assert model.looked == []


async def test_the_end_cuts_a_look_short() -> None:
    """Stopping waits for no model."""
    watch, model, fates = seat()
    model.let.clear()
    watch.cycle_done(record(100))
    await settle()
    await watch.stop()
    assert fates == []


def test_live_trading_has_no_model_for_an_analyst() -> None:
    """An adapter in the server was seen to change the base's answers; the settings that are refused are named."""
    explicit: dict[str, Any] = {"analyst": {"source": "model"}, "execution": {"mode": "live"}}
    with pytest.raises(SettingsError, match="SENTINEL_ANALYST__SOURCE=model works only in dry runs"):
        analyst_model(load(None, **explicit))
    analyst_model(load(None, analyst={"source": "model"}))
