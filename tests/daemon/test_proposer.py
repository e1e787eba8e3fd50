"""Which proposer a setting names, and what a start does with a program that cannot be read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest

from sentinel.agent.memory_interface import EMPTY_MEMORY
from sentinel.agent.order_program_trader import OrderProgramTrader
from sentinel.agent.sandbox import Sandbox
from sentinel.agent.trader import ModelTrader
from sentinel.config.network_file import load_network
from sentinel.config.settings import Settings, load
from sentinel.config.terms import Terms
from sentinel.core.actions import HoldAction
from sentinel.core.errors import SettingsError
from sentinel.daemon.in_force import builder, first_thought
from sentinel.daemon.parts import ProposingTrader
from sentinel.daemon.proposer import NO_ORDER_YET, Surroundings, proposer
from sentinel.journal.journal import Journal
from sentinel.observe.metrics import Metrics
from tests.agent.doubles import STATE, VIEW

NETWORK = load_network("devnet")


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


async def traders(sandbox: Sandbox, journal: OpenIntents, *given: Settings) -> list[ProposingTrader]:
    """The trader at the start with the first settings, and after a reload for each of the others."""
    around = Surroundings(sandbox, sandbox, EMPTY_MEMORY, cast(Journal, journal))
    made = []
    async with proposer(given[0], around, Metrics(NETWORK)) as proposing:
        for each in given:
            terms = Terms.of(each, NETWORK)
            thought = first_thought(each, terms.mandate)
            made.append(proposing.make_trader(terms, builder(terms, NETWORK, {}), thought, None))
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
        (made,) = await traders(sandbox, OpenIntents(), settings(tmp_path, **given))
        sources.append(made.source)
        thoughts.append(isinstance(made, ModelTrader) and bool(made.first_thought))
    assert sources[:4] == ["student:sentinel-nano", "oracle", "server:?", "server:mine"]
    assert sources[4].startswith("code:wait-")
    assert thoughts == [True, True, False, False, False]


async def test_a_student_of_orders_trades_nothing_without_one(sandbox: Sandbox, tmp_path: Path) -> None:
    """It was never trained on playbooks: it is not asked, and the cycle holds. A server at a URL is given no order."""
    plain, orders = settings(tmp_path), settings(tmp_path, model={"trades": "orders"})
    before, made = await traders(sandbox, OpenIntents(), plain, orders)
    assert isinstance(before, ModelTrader)
    assert isinstance(made, OrderProgramTrader)
    proposal = await made.propose(STATE, VIEW, 8)  # nothing is served at the URL of the settings
    assert [candidate.action for candidate in proposal.candidates] == [HoldAction(NO_ORDER_YET)]
    elsewhere = settings(tmp_path, proposer="http://127.0.0.1:9/v1", model={"trades": "orders"})
    (served,) = await traders(sandbox, OpenIntents(), elsewhere)
    assert isinstance(served, ModelTrader)


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
