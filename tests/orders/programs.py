"""Programs of orders as tests run them: in the sandbox, with the trade caught instead of built."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from sentinel.agent.order_code import OrderRunner
from sentinel.agent.order_tools import OrderTools
from sentinel.agent.sandbox import CodeRun
from sentinel.core.actions import Action, HoldAction
from sentinel.orders.playing.situation import Situation
from sentinel.orders.playing.trades import Trade

COINS = ("WETH", "WBTC", "UNI", "USDC")


@dataclasses.dataclass(frozen=True, slots=True)
class Outcome:
    run: CodeRun
    trade: Trade | None  # that the program made


async def outcome(runner: OrderRunner, code: str, at: Situation, coins: Sequence[str] = COINS) -> Outcome:
    caught: list[Trade] = []

    def make(trade: Trade) -> Action:
        caught.append(trade)
        return HoldAction("caught")

    run = await runner.run(code, OrderTools(at, "USDC", frozenset(coins), make))
    assert len(caught) <= 1
    assert len(run.finals) == (run.error is None), run.error
    return Outcome(run, caught[0] if caught else None)
