"""A wallet's journal over a made-up chain, for the memory's tests: cycles that read prices, trades that settle."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from sentinel.agent.memory import JournalMemory
from sentinel.core.decision import Hold, HoldReason
from sentinel.core.market_state import Head, MarketState
from sentinel.core.network import HexHash
from sentinel.core.transaction import Intent, Outcome
from sentinel.journal.journal import Journal
from tests.journal.values import GENESIS, HEAD, NETWORK, WALLET, act, cycle, end, intent, settled, state

BARS = 60


def price(number: int, branch: int = 0) -> float:
    """A close that no other block has."""
    return 2000 + 50 * math.sin(number / 5 + branch) + 10 * math.sin(number * number + 7 * branch)


def block_hash(number: int, branch: int = 0) -> str:
    return f"0x{branch:08x}{number:056x}"


@dataclass
class Chronicle:
    """Writes a journal block by block. `branch` marks the blocks after a reorg."""

    path: Path
    genesis: str = GENESIS
    closes: list[float] = field(default_factory=list)
    journal: Journal = field(init=False)

    def __post_init__(self) -> None:
        self.journal = Journal.open(self.path, NETWORK, self.genesis, WALLET)

    def state(self, number: int, branch: int = 0, parent_branch: int | None = None) -> MarketState:
        """The market at a block whose past is `BARS` closes of the same branch."""
        before = branch if parent_branch is None else parent_branch
        head = replace(
            HEAD,
            number=number,
            hash=HexHash(block_hash(number, branch)),
            parent_hash=HexHash(block_hash(number - 1, before)),
        )
        closes = tuple(price(at, branch) for at in range(number - BARS + 1, number + 1))
        return replace(state(), head=head, history={"WETH": closes, "USDC": (1.0,) * BARS})

    def live(self, numbers: Iterable[int], branch: int = 0) -> None:
        """A cycle a block that held."""
        for number in numbers:
            self.cycle(self.state(number, branch))

    def cycle(self, at: MarketState | None, head: Head | None = None) -> None:
        record = cycle(decision=Hold(HoldReason.NO_MAJORITY, 3, 8))
        self.journal.record(replace(record, head=head or (at.head if at else HEAD), state=at))

    def accept(self, at: MarketState) -> Intent:
        """A trade that the cycle at this block decided on."""
        decision = act()
        env = replace(decision.simulation.env, number=at.head.number + 1)
        one = intent(replace(decision, simulation=replace(decision.simulation, env=env)))
        record = cycle(one)
        self.journal.accept(replace(record, head=at.head, state=at), one)
        return one

    def settle(self, one: Intent, number: int, outcome: Outcome = Outcome.CONFIRMED) -> None:
        end(self.journal, replace(settled(one, outcome), block_number=number))

    def trade(self, number: int, outcome: Outcome = Outcome.CONFIRMED) -> Intent:
        """Decided at the block, mined in the next one."""
        one = self.accept(self.state(number))
        self.settle(one, number + 1, outcome)
        return one


def ended(state: MarketState, memory: JournalMemory) -> list[int]:
    """The blocks that the windows similar to now ended at."""
    return [state.head.number - int(item["age"]) for item in memory.at(state).similar("WETH", 16)]
