"""The tools of an order's program: what they answer, what they refuse, and what a program may do with them."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from sentinel.agent.order_code import ACTIONS, PRELUDE, OrderRunner, rewritten
from sentinel.agent.order_tools import OrderTools
from sentinel.agent.parse import MAX_CODE
from sentinel.agent.sandbox import Sandbox
from sentinel.core.actions import HoldAction, Stage
from sentinel.core.closes import CloseSeries
from sentinel.core.errors import ActionFault, CodeFault
from sentinel.orders.playing.situation import Fill, Position, Situation
from sentinel.orders.playing.trades import Side, Trade
from tests.orders.programs import outcome

NOW = 1_700_000_000
AT = Situation(
    NOW,
    {"WETH": Decimal(2_000), "WBTC": Decimal(40_000), "USDC": Decimal(1)},
    {"WETH": Decimal(3), "USDC": Decimal(4_000), "WBTC": Decimal(0)},
    Decimal(20),
    closes={"WETH": CloseSeries((NOW - 120, NOW - 60, NOW), (1_900.0, 1_950.0, 2_000.0))},
    positions={"WETH": Position(Decimal(1_800), Decimal(2_100))},
    set_at=NOW - 3_600,
    fills=(Fill(NOW - 600, 0),),
    bought_today=Decimal(100),
)


@pytest.fixture(scope="module")
def runner(sandbox: Sandbox) -> OrderRunner:
    return OrderRunner.on(sandbox)


async def did(runner: OrderRunner, code: str, at: Situation = AT) -> Trade | None:
    done = await outcome(runner, code, at)
    assert done.run.error is None
    return done.trade


VALUES = {
    'price("WETH")': "2000",
    'price_ago("WETH", minutes(2))': "1900.0",
    'change("WETH", seconds(120)) > pct(5)': "True",
    'entry("WETH"), high("WETH"), profit("WETH")': "1800 2100 600",
    'mean("WETH", 3, minutes(1))': "1950",
    'mean("WETH", 2, minutes(1), earlier=True)': "1925",
    'highest("WETH", 3, 60), lowest("WETH", 3, 60)': "2000 1900.0",
    'rising("WETH", 2, minutes(1)), falling("WETH", 2, minutes(1))': "True False",
    'weight("WETH"), weight("WETH/WBTC"), weight("WBTC", among="WETH/WBTC")': "0.6 0.6 0",
    'holding("WETH"), value("the largest of WETH/WBTC")': "3 6000",
    "gas_price(), since_trade(), since_set(), trades(), bought_today()": "20 600 3600 1 100",
    "pct(50), hours(1), days(2), 0.1 + 0.2 == 0.3": "0.5 3600 172800 True",
}


def plain(text: str) -> list[str]:
    """The words of a text, its numbers without trailing zeros."""
    return [word if word in ("True", "False") else f"{Decimal(word).normalize():f}" for word in text.split()]


@pytest.mark.parametrize("code", VALUES)
async def test_a_read_is_the_languages_own_value(runner: OrderRunner, code: str) -> None:
    """Exact decimals, and the helpers are those of the sandbox's prelude."""
    run = (await outcome(runner, f"print({code})", AT)).run
    assert (run.error, plain(run.observation)) == (None, plain(VALUES[code]))


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ('price("DOGE")', "unknown token DOGE"),
        ('price("WETH USDC")', "is no coin"),
        ("price(5)", "a coin is expected"),
        ('holding("WETH/WBTC")', "one coin is expected"),
        ('price_ago("WETH", 0)', "1 second to 7 days"),
        ('price_ago("WETH", 1.5)', "a whole number"),
        ('mean("WETH", 10000, hours(1))', "at most 7 days"),
        ('buy("WETH", "2 WBTC")', "not WBTC"),
        ('buy("WETH", "much")', "is no amount"),
        ('buy("WETH", -5)', "above 0"),
        ('buy("WETH", True)', "is a number"),
        ('buy("WETH", 1 << 3_000_000)', "below 10^15"),  # as a decimal it would stop the whole process for 20 s
        ('price_ago("WETH", 1 << 100_000_000)', "below 10^15"),
        ('buy("USDC", 5)', "quote token"),
        ('buy("WETH", 5, evry=60)', "unknown argument evry"),
        ('buy("WETH", 5, parts=3)', "need a time"),
        ('buy("WETH", 5, until="soon")', "until is a time"),
        ('sell("WETH", "150%")', "at most 100%"),
        ('rebalance({"WETH": 60, "USDC": 30}, 5)', "add up to 100%"),
        ('rebalance("60% WETH", 5)', "percentages by coin"),
        ('rebalance({"WETH": 60, "USDC": 40}, 5, way="far")', "the way is"),
        ("limits(keep=-1); buy(" + '"WETH", 5)', "a limit is above 0"),
        ('swap("WETH", "USDC", 1, "v2")', "not defined"),
        ("import os", "only math"),
        ("if price(", "SyntaxError"),
        ("(" * 300, "SyntaxError"),
        ("not " * 900 + "1", "Error"),
        ("x = 1\n" * MAX_CODE, "at most"),
    ],
)
async def test_what_the_language_does_not_allow_fails(runner: OrderRunner, code: str, why: str) -> None:
    """With its reason, and without a trade."""
    done = await outcome(runner, code, AT)
    assert why in (done.run.error or "")
    assert (done.trade, done.run.finals) == (None, ())


async def test_the_first_trade_ends_a_program(runner: OrderRunner) -> None:
    """What cannot be traded passes on to the next action; nothing at all is a hold with the reasons."""
    trade = await did(runner, 'sell("WBTC", "all")\nbuy("WETH", 50)\nsell("WETH", "all")')
    assert trade is not None
    assert (trade.side, trade.amount) == (Side.BUY, Decimal(50))
    held = (await outcome(runner, 'sell("WBTC", "all")\nbuy("WETH", 9000)', AT)).run.finals
    assert held == (HoldAction("no WBTC is held; 4,000.00 USDC can be spent, and 9,000.00 are needed"),)
    assert await did(runner, 'wait()\nbuy("WETH", 50)') is None
    assert await did(runner, 'only(price("WETH") < 1500)\nbuy("WETH", 50)') is None


async def test_limits_bind_all_actions(runner: OrderRunner) -> None:
    """Of the order: a reserve, the largest and the smallest trade, the day's and a coin's share."""
    for limits, amount in {
        "keep=3980": None,
        "max_trade=20": 20,
        "min_trade=60": None,
        "max_day=120": None,
        'max_share={"WETH": 60}': None,
        'max_share={"WETH": 90}': 50,
    }.items():
        trade = await did(runner, f'limits({limits})\nbuy("WETH", 50)')
        assert (trade and trade.amount) == amount, limits


async def test_a_clause_has_its_own_fills(runner: OrderRunner) -> None:
    """By its place among the actions of the program: the first one traded ten minutes ago, the second never."""
    code = 'buy("WETH", 50, every=minutes({}))\nbuy("WBTC", 60, times=1)'
    first, second = await did(runner, code.format(10)), await did(runner, code.format(11))
    assert first is not None
    assert second is not None
    assert (first.bought, second.bought) == ("WETH", "WBTC")
    assert await did(runner, 'if price("WETH") > 1: buy("WETH", 50, rearm=True)') is None
    assert await did(runner, 'buy("WETH", 50, times=1)\nbuy("WETH", 70, times=1)', replace(AT, fills=())) is not None


UNKNOWN = {
    # A is unknown: entry of WBTC. Kleene: what the rest decides is decided.
    'if entry("WBTC") > 1 and price("WETH") < 1: sell("WETH", "all")\nbuy("WETH", 50)': Side.BUY,
    'if entry("WBTC") > 1 or price("WETH") > 1: sell("WETH", "all")\nbuy("WETH", 50)': Side.SELL,
    'if not (entry("WBTC") > 1): buy("WETH", 70)\nbuy("WETH", 50)': None,
    'if entry("WBTC") > 1: wait()\nbuy("WETH", 50)\nsell("WETH", "all")': Side.SELL,
    'if entry("WBTC") > 1: buy("WETH", 70, times=1)\nbuy("WETH", 50)': Side.BUY,  # done already: it forbids nothing
    'if entry("WBTC") > 1: sell("WBTC", "all")\nbuy("WETH", 50)': Side.BUY,  # nothing is held of it: likewise
    'only(entry("WBTC") > 1)\nsell("WETH", "all")': None,
    'if since_trade() - since_trade() > 1: buy("WETH", 70)\nbuy("WETH", 50)': None,  # infinite less infinite
}


@pytest.mark.parametrize("code", UNKNOWN)
async def test_what_is_unknown_does_nothing_and_then_only_sales_are_made(runner: OrderRunner, code: str) -> None:
    """As with the player: what comes first may be what forbids the rest, and a missed exit costs money."""
    at = replace(AT, fills=()) if "since_trade" in code else AT
    trade = await did(runner, code, at)
    assert (trade and trade.side) == UNKNOWN[code]


async def test_what_is_unknown_elsewhere_ends_the_program(runner: OrderRunner) -> None:
    """No final action, so the sample abstains."""
    done = await outcome(runner, 'cost = entry("WBTC")\nbuy("WETH", 50)', AT)
    assert (done.trade, done.run.finals) == (None, ())
    assert "LookupError" in (done.run.error or "")


async def test_an_action_that_cannot_be_built_is_named_so(runner: OrderRunner) -> None:
    """The builder's own refusal, at the stage of actions."""

    def refuse(trade: Trade) -> HoldAction:
        raise ActionFault("no venue fills it")

    run = await runner.run('buy("WETH", 50)', OrderTools(AT, "USDC", frozenset(AT.prices), refuse))
    assert (run.error, run.stage, run.finals) == ("ValueError: no venue fills it", Stage.ACTION, ())


async def test_runs_share_nothing(runner: OrderRunner) -> None:
    """The same tools for two runs: what the first has traded does not end the second; both looked at the market."""
    tools = OrderTools(AT, "USDC", frozenset(AT.prices), lambda trade: HoldAction(str(trade.amount)))
    runs = [await runner.run(f'buy("WETH", {amount})', tools) for amount in (50, 60)]
    assert [run.finals for run in runs] == [(HoldAction("50"),), (HoldAction("60"),)]
    assert all(run.reads for run in runs)


def test_the_rewriting_knows_every_action() -> None:
    """An action that it did not know would be one whose unknown condition ends the program."""
    tools = OrderTools(AT, "USDC", frozenset(AT.prices), lambda trade: HoldAction(""))
    assert set(tools.finals) - {"end"} == ACTIONS
    assert not any(name in PRELUDE for name in ("open", "eval", "exec"))
    with pytest.raises(CodeFault):
        rewritten("if")
