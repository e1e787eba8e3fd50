"""The teacher's program of an order, run in the sandbox, does what the player does: any order, any situation."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from sentinel.agent.order_code import OrderRunner
from sentinel.agent.order_program import program
from sentinel.agent.parse import MAX_CODE
from sentinel.agent.sandbox import Sandbox
from sentinel.core.closes import CloseSeries
from sentinel.distill.evaluation.labelled_orders import read_orders
from sentinel.orders.language.reading_parser import parse
from sentinel.orders.playing.player import play
from sentinel.orders.playing.situation import Position, Situation
from sentinel.orders.typed.order import Order
from tests.data import data_path
from tests.orders.market_paths import Market, NearOrders
from tests.orders.programs import outcome
from tests.orders.public_readings import READINGS
from tests.orders.random_orders import RandomOrders

FEW, MANY = 100, 4_000
BLOCKS = 4
NOW = 1_700_000_000


@pytest.fixture(scope="module")
def runner() -> Iterator[OrderRunner]:
    with Sandbox() as box:
        yield OrderRunner.on(box)


@pytest.mark.parametrize("count", [FEW, pytest.param(MANY, marks=pytest.mark.proof)])
async def test_a_program_does_what_the_player_does(runner: OrderRunner, count: int) -> None:
    """The same trade to the last digit, or none: clause, side, coins, amount and the largest amount that is allowed."""
    trades: Counter[str] = Counter()
    for seed in range(count):
        market = Market(random.Random(seed))
        order = NearOrders(seed, market).order()
        code = program(order)
        for block, at in enumerate(market.blocks(BLOCKS)):
            played, done = play(order, at), await outcome(runner, code, at)
            assert done.run.error is None, (seed, block, code)
            assert done.trade == played.trade, (seed, block, code, played.why)
            trades[done.trade.side if done.trade else "hold"] += 1
            market.carry_out(played)
    assert all(trades[side] >= count // 100 for side in ("buy", "sell", "swap", "arbitrage")), trades


@pytest.mark.parametrize("name", READINGS)
async def test_a_public_order_trades_its_situations_by_its_program(runner: OrderRunner, name: str) -> None:
    """Four of four, as the player does."""
    order = parse(READINGS[name], "USDC")
    (row,) = [one for one in read_orders(data_path("orders", "public.jsonl")) if one.id == name]
    for stated in row.situations:
        if not isinstance(order, Order):  # to be asked about, or refused
            return
        at = stated.facts(order)
        assert (await outcome(runner, program(order), at)).trade == play(order, at).trade


def test_every_order_has_a_program_that_is_short_enough() -> None:
    """Of all that the language has, within what the parser of samples takes."""
    lengths = [len(program(RandomOrders(seed).order())) for seed in range(500)]
    assert max(lengths) <= MAX_CODE
    assert sorted(lengths)[250] < 400


def at_price(price: str, closes: tuple[float, ...] = (), entry: str = "2000") -> Situation:
    """WETH at this price, after closes one minute apart."""
    times = tuple(NOW - 60 * back for back in range(len(closes), 0, -1))
    return Situation(
        NOW,
        {"WETH": Decimal(price), "USDC": Decimal(1)},
        {"WETH": Decimal(2), "USDC": Decimal(1_000)},
        Decimal(30),
        closes={"WETH": CloseSeries((*times, NOW), (*closes, float(price)))},
        positions={"WETH": Position(Decimal(entry), Decimal(entry))},
    )


UP, DOWN = Decimal("1e-16"), Decimal("-1e-16")
EDGES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "a factor": ("If the price of WETH is at most 93% of the entry price of WETH", "1860.093", {"entry": "2000.1"}),
    "a fraction that no float has": ("If the price of WETH is at most 0.3 USDC", "0.3", {}),
    "a repeating mean": (
        "If the price of WETH is at most 105% of the mean of 3 earlier 1-minute closes of WETH",
        "1.4",
        {"closes": (1.0, 1.0, 2.0)},
    ),
    "a sum": (
        "If the price of WETH is at most the sum of 10% of the entry price of WETH and 0.1 USDC",
        "0.3",
        {"entry": "2"},
    ),
    "a change": ("If the change of WETH over 3 minutes is at most -7%", "27.9", {"closes": (30.0, 29.0, 28.0)}),
}


@pytest.mark.parametrize("edge", EDGES)
@pytest.mark.parametrize("strict", [False, True])
async def test_numbers_are_exact_at_a_threshold(runner: OrderRunner, edge: str, strict: bool) -> None:
    """On it, and off by less than a float can tell: the program and the player see the same."""
    condition, price, facts = EDGES[edge]
    order = parse(f"{condition.replace('at most', 'below') if strict else condition}, sell all of WETH.", "USDC")
    assert isinstance(order, Order), order
    acted = []
    on = at_price(price, **facts)
    for off in (DOWN, Decimal(0), UP):
        at = replace(on, prices={**on.prices, "WETH": Decimal(price) + off})
        done = await outcome(runner, program(order), at)
        assert done.trade == play(order, at).trade
        acted.append(done.trade is not None)
    assert acted == [True, not strict, False]


async def test_one_unit_above_a_holding_counts(runner: OrderRunner) -> None:
    """A wallet has eighteen digits after the point, and a float has no room for them."""
    order = parse("If the holding of WETH is above 1 WETH, sell all of WETH.", "USDC")
    assert isinstance(order, Order)
    at = replace(at_price("2000"), holdings={"WETH": Decimal("1.000000000000000001")})
    done = await outcome(runner, program(order), at)
    assert done.trade is not None
    assert done.trade == play(order, at).trade
