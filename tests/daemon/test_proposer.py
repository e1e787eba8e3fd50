"""Which proposer a setting names, and what a start does with a program that cannot be read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import pytest

from sentinel.agent.memory_interface import EMPTY_MEMORY
from sentinel.agent.order_mandate import mandate_of
from sentinel.agent.order_trader import HoldingTrader
from sentinel.agent.sandbox import Sandbox
from sentinel.agent.trader import ModelTrader
from sentinel.config.network_file import load_network
from sentinel.config.settings import Settings, load
from sentinel.config.terms import Terms
from sentinel.core.actions import HoldAction
from sentinel.core.errors import SettingsError
from sentinel.core.mandate import Mandate
from sentinel.core.market_state import MarketView, Regime
from sentinel.daemon.approved_order import read_order
from sentinel.daemon.in_force import builder, first_thought
from sentinel.daemon.parts import ProposingTrader
from sentinel.daemon.proposer import Surroundings, proposer
from sentinel.journal.journal import Journal
from sentinel.observe.metrics import Metrics
from sentinel.orders.player import Play
from sentinel.orders.standing import NO_ORDER, StandingOrder
from tests.decide import fair_market

NETWORK = load_network("devnet")
REBALANCE = "Rebalance to 60% WETH and 40% USDC when off by more than 5%."
MANDATES = {
    REBALANCE: Mandate("rebalance", "WETH", 0.05, 0, 0.0, 700.0, 3.0),
    f"{REBALANCE} Trade at most 500 USDC at a time. Trade at least 10 USDC at a time.": Mandate(
        "rebalance", "WETH", 0.05, 0, 0.0, 499.9, 10.0
    ),
    "Arbitrage WBTC with 900 USDC for at least 2 USDC.": Mandate("arbitrage", "WBTC", 0.0, 0, 0.0, 700.0, 2.0),
    "Rebalance to 60% WETH and 40% USDC when off by at least 5%.": None,
    "Rebalance half way to 60% WETH and 40% USDC when off by more than 5%.": None,
    "Rebalance to 60% WETH and 40% USDC when off by more than 5%, every 1 hour.": None,
    f"{REBALANCE} Only while the gas price is at most 30 gwei.": None,
    f"{REBALANCE} Keep 500 USDC.": None,
    "Buy 50 USDC worth of WETH, every 1 hour.": None,
}
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
            thought = first_thought(terms, order)
            made.append(proposing.make_trader(terms, builder(terms, NETWORK, {}), thought, order))
    return made


async def test_each_form_of_the_setting_has_its_proposer(sandbox: Sandbox, tmp_path: Path) -> None:
    """No program has to inject the oracle; a server at a URL is given no first thought."""
    file = tmp_path / "wait.py"
    file.write_text("hold()")
    sources, thoughts = [], []
    for given in (
        {},
        {"proposer": "oracle"},
        {"proposer": "http://127.0.0.1:9/v1"},
        {"proposer": "http://127.0.0.1:9/v1", "model": {"name": "mine"}},
        {"proposer": "code", "strategy": {"file": file}},
    ):
        (made,) = await traders(sandbox, OpenIntents(), settings(tmp_path, **given), order=standing(REBALANCE))
        sources.append(made.source)
        thoughts.append(isinstance(made, ModelTrader) and bool(made.first_thought))
    assert sources[:4] == ["student:sentinel-student", "oracle", "server:?", "server:mine"]
    assert sources[4].startswith("code:wait-")
    assert thoughts == [True, False, False, False, False]


async def test_a_student_of_playbooks_says_which_orders_it_cannot_play(sandbox: Sandbox, tmp_path: Path) -> None:
    """It proposes a hold with what to do; without an order it says that there is none. The order's exits are made."""
    given = settings(tmp_path)
    (made,) = await traders(sandbox, OpenIntents(), given, order=standing("Buy 50 USDC worth of WETH, every 1 hour."))
    proposal = await made.propose(fair_market.STATE, VIEW, 8)
    (candidate,) = proposal.candidates
    assert "SENTINEL_PROPOSER=oracle" in str(candidate.action)
    assert proposal.source == "student:sentinel-student"
    none = replace(standing(REBALANCE), hash=NO_ORDER)
    for each in (given, settings(tmp_path, proposer="oracle")):
        (made,) = await traders(sandbox, OpenIntents(), each, order=none)
        assert isinstance(made, HoldingTrader)
        assert (await made.propose(fair_market.STATE, VIEW, 8)).candidates[0].action == HoldAction("not now")


def test_the_mandate_of_an_order_says_the_same() -> None:
    """And what a playbook has no line for has none."""
    for reading, mandate in MANDATES.items():
        assert mandate_of(read_order(reading, NETWORK), 700, 3) == mandate


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
