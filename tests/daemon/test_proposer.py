"""Which proposer a setting names, and what a start does with a program that cannot be read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import pytest

from sentinel.agent.memory_interface import EMPTY_MEMORY
from sentinel.agent.operator_code import CodeTrader
from sentinel.agent.order_program_trader import OrderProgramTrader
from sentinel.agent.order_trader import OrderTrader
from sentinel.agent.sandbox import Sandbox
from sentinel.agent.trader import ModelTrader
from sentinel.config.network_file import load_network
from sentinel.config.settings import Settings, load
from sentinel.config.terms import Terms
from sentinel.core.actions import HoldAction
from sentinel.core.errors import SettingsError
from sentinel.core.market_state import MarketView, Regime
from sentinel.daemon.approved_order import read_order
from sentinel.daemon.in_force import builder
from sentinel.daemon.parts import ProposingTrader
from sentinel.daemon.proposer import Surroundings, proposer
from sentinel.journal.journal import Journal
from sentinel.observe.metrics import Metrics
from sentinel.orders.playing.player import Play
from sentinel.orders.playing.standing import NO_ORDER, StandingOrder
from tests.decide import fair_market

NETWORK = load_network("devnet")
REBALANCE = "Rebalance to 60% WETH and 40% USDC when off by more than 5%."
VIEW = MarketView({}, Regime.NONE, 1.0, 0, "settings")


@dataclass
class OpenIntents:
    """A journal with some open intents, and its halts."""

    open: list[str] = field(default_factory=list)
    halts: list[tuple[str, str]] = field(default_factory=list)

    def open_intents(self) -> list[str]:
        return self.open

    def halt(self, reason: str, *, by: str) -> None:
        self.halts.append((reason, by))


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as box:
        yield box


def settings(folder: Path, **given: Any) -> Settings:
    return load(env_file=None, state_dir=folder, **given)


def standing(reading: str) -> StandingOrder:
    held = Play(None, None, "not now", frozenset())
    return StandingOrder(read_order(reading, NETWORK), "hash", lambda state: held, lambda: held.why)


async def traders(
    sandbox: Sandbox, journal: OpenIntents, *given: Settings, order: StandingOrder | None = None
) -> list[ProposingTrader]:
    """The trader at the start with the first settings, and after a reload for each of the others."""
    around = Surroundings(sandbox, sandbox, EMPTY_MEMORY, cast(Journal, journal))
    made = []
    async with proposer(given[0], around, Metrics(NETWORK)) as proposing:
        for each in given:
            terms = Terms.of(each, NETWORK)
            made.append(proposing.make_trader(terms, builder(terms, NETWORK, {}), order))
    return made


async def test_each_form_of_the_setting_has_its_proposer(sandbox: Sandbox, tmp_path: Path) -> None:
    """The student writes programs of the order; a server at a URL is shown it, and writes any code action."""
    file = tmp_path / "wait.py"
    file.write_text("hold()")
    sources, kinds = [], []
    for given in (
        {},
        {"proposer": "oracle"},
        {"proposer": "http://127.0.0.1:9/v1"},
        {"proposer": "http://127.0.0.1:9/v1", "model": {"name": "mine"}},
        {"proposer": "code", "strategy": {"file": file}},
    ):
        (made,) = await traders(sandbox, OpenIntents(), settings(tmp_path, **given), order=standing(REBALANCE))
        sources.append(made.source)
        kinds.append(type(made))
    assert sources[:4] == ["student:sentinel-student", "oracle", "server:?", "server:mine"]
    assert sources[4].startswith("code:wait-")
    assert kinds == [OrderProgramTrader, OrderTrader, ModelTrader, ModelTrader, CodeTrader]


async def test_without_an_approved_order_every_proposer_of_orders_holds(sandbox: Sandbox, tmp_path: Path) -> None:
    """No model is asked, and the reason is that of the order that is missing."""
    none = replace(standing(REBALANCE), hash=NO_ORDER)
    for name, source in {
        "student": "student:sentinel-student",
        "oracle": "oracle",
        "http://127.0.0.1:9/v1": "server:?",
    }.items():
        (made,) = await traders(sandbox, OpenIntents(), settings(tmp_path, proposer=name), order=none)
        proposal = await made.propose(fair_market.STATE, VIEW, 8)
        assert [one.action for one in proposal.candidates] == [HoldAction("not now")]
        assert proposal.source == source


async def test_a_broken_program_starts_nothing_unless_an_open_intent_must_be_followed(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    """With one the live daemon halts and follows it (I9), with a program that holds; a reload is refused as ever."""
    file = tmp_path / "dca.py"
    file.write_text("hold(")
    dry = settings(tmp_path, proposer="code", strategy={"file": file})
    live = settings(tmp_path, proposer="code", strategy={"file": file}, execution={"mode": "live"})
    for given, journal in ((dry, OpenIntents(["a"])), (live, OpenIntents())):
        with pytest.raises(SettingsError, match="line 1: SyntaxError"):
            await traders(sandbox, journal, given)
        assert journal.halts == []
    journal = OpenIntents(["a"])
    (made,) = await traders(sandbox, journal, live)
    assert made.source.startswith("code:unreadable-")
    ((reason, by),) = journal.halts
    assert "line 1: SyntaxError" in reason
    assert by == "doctor"
    with pytest.raises(SettingsError, match="line 1: SyntaxError"):
        await traders(sandbox, journal, live, live)
