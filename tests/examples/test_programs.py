"""The programs of examples/programs/, in the real sandbox with the real tools, on a fixed market: 2,000 USDC a WETH."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from sentinel.agent import operator_code
from sentinel.agent.memory_interface import EmptyMemory
from sentinel.agent.operator_code import CodeTrader
from sentinel.agent.sandbox import Sandbox
from sentinel.core.actions import HoldAction, Swap
from sentinel.core.market_state import MarketState
from sentinel.dex.building.action_builder import ActionBuilder
from tests.agent.doubles import VIEW
from tests.agent.test_with_dex import MARKET, NET, QUOTER

PROGRAMS = Path(__file__).resolve().parents[2] / "examples" / "programs"


@dataclass
class Traded(EmptyMemory):
    """A memory whose last trade was decided at this second of chain time."""

    second: int | None = None

    def last_trade(self) -> int | None:
        return self.second

    def at(self, state: MarketState) -> Traded:
        return self


@dataclass(frozen=True)
class Case:
    """A wallet on the fixed market, and what the program must do: a swap (token, amount paid) or words of a hold."""

    name: str
    weth: float
    usdc: float
    expected: tuple[str, float] | str
    gas: float = 11.0  # gwei
    waited: int | None = None  # seconds since the last trade
    constants: dict[str, str] = field(default_factory=dict)


CASES = (
    Case("dca", 0, 4000, ("USDC", 400)),
    Case("dca", 0, 4000, ("USDC", 400), waited=3600),
    Case("dca", 0, 4000, "next buy in 12 min", waited=2881),
    Case("dca", 0, 4000, "gas at 30.1 gwei is over 30", gas=30.1),
    Case("dca", 0, 4000, ("USDC", 400), gas=30.0),
    Case("dca", 0, 899, "899.00 USDC: a purchase would leave less than 500"),
    Case("dca", 0, 900, ("USDC", 400)),
    Case("stop_and_target", 2, 0, "2,000.00 is between the stop at 1,500 and the target at 2,500"),
    Case("stop_and_target", 0.3, 0, ("WETH", 0.3), constants={"STOP": "2000"}),
    Case("stop_and_target", 2, 0, ("WETH", 0.45), constants={"STOP": "2000"}),
    Case("stop_and_target", 0.3, 0, ("WETH", 0.3), constants={"TARGET": "1999"}),
    Case("stop_and_target", 0, 4000, "no WETH to sell", constants={"STOP": "2000"}),
    Case("limit", 0, 4000, "it would cost 2,006", constants={"LIMIT": "2000", "WANTED": "0.1"}),
    Case("limit", 0, 4000, ("USDC", 200), constants={"LIMIT": "2010", "WANTED": "0.1"}),
    Case("limit", 0, 4000, ("USDC", 900), constants={"LIMIT": "2010"}),
    Case("limit", 0.4, 50, ("USDC", 50), constants={"LIMIT": "2010"}),
    Case("limit", 0.5, 4000, "filled: 0.5000 WETH", constants={"LIMIT": "2010"}),
    Case("limit", 0, 5, "no USDC to buy with", constants={"LIMIT": "2010"}),
    Case("sixty_forty_gas", 1.2, 1600, "60.0% is within 5% of 60%"),
    Case("sixty_forty_gas", 1.4, 1200, ("WETH", 0.2)),
    Case("sixty_forty_gas", 1, 2000, ("USDC", 400)),
    Case("sixty_forty_gas", 0, 4000, ("USDC", 900)),
    Case("sixty_forty_gas", 0, 4000, "0.0% is off, but gas at 31.0 gwei is over 30", gas=31.0),
    Case("grid", 1, 2000, "2,000.00: 50.0% WETH, less than a step from 50.0%"),
    Case("grid", 1.08, 1840, "less than a step from 50.0%"),
    Case("grid", 1.2, 1600, ("WETH", 0.2)),
    Case("grid", 0.5, 400, ("USDC", 400), constants={"LOW, HIGH": "2000, 2500"}),
    Case("grid", 0.5, 1000, ("WETH", 0.45), constants={"LOW, HIGH": "1000, 2000"}),
)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as box:
        yield box


def written(case: Case, folder: Path) -> Path:
    """The shipped program, with other values for some of its constants."""
    text = (PROGRAMS / f"{case.name}.py").read_text()
    for name, value in case.constants.items():
        lines = [line for line in text.splitlines() if line.startswith(f"{name} = ")]
        assert len(lines) == 1, name
        text = text.replace(lines[0], f"{name} = {value}")
    file = folder / f"{case.name}.py"
    file.write_text(text)
    return file


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.name}-{case.expected}")
async def test_a_program_does_what_its_first_line_says(sandbox: Sandbox, tmp_path: Path, case: Case) -> None:
    """On both sides of each of its conditions: it trades the amount it should, or holds and says why."""
    balances = {**MARKET.balances, "WETH": int(case.weth * 10**18), "USDC": int(case.usdc * 10**6)}
    head = replace(MARKET.head, base_fee=round((case.gas - 1) * 10**9))
    state = replace(MARKET, balances=balances, head=head)
    memory = Traded(None if case.waited is None else head.timestamp - case.waited)
    program = operator_code.read(written(case, tmp_path), sandbox)
    trader = CodeTrader(program, sandbox, NET, QUOTER, ActionBuilder(NET), memory)
    proposal = await trader.propose(state, VIEW, 1)
    assert not proposal.discarded
    (candidate,) = proposal.candidates
    if isinstance(case.expected, str):
        assert isinstance(candidate.action, HoldAction)
        assert case.expected in candidate.action.reason
    else:
        token, amount = case.expected
        assert isinstance(candidate.action, Swap)
        assert candidate.action.token_in == token
        decimals = NET.tokens[token].decimals
        assert candidate.action.amount_in == pytest.approx(amount * 10**decimals, rel=1e-6)


def test_every_program_is_tried_and_begins_with_what_it_does() -> None:
    """A comment for the operator, then the constants."""
    assert {path.stem for path in PROGRAMS.iterdir()} == {case.name for case in CASES}
    for path in PROGRAMS.iterdir():
        first, second, *_ = path.read_text().splitlines()
        assert first.startswith("# ")
        assert second.startswith("TOKEN, QUOTE = ")
