"""I34: a trade on a judgement passes policy only if all else of the order allows it, and replays like any other."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sentinel.core.record import PlayedOrder
from sentinel.core.simulation import Simulation
from sentinel.daemon.approved_order import read_order
from sentinel.decide.case import Case
from sentinel.decide.rules_order import order
from sentinel.journal.serialization import dumps, loads
from sentinel.orders.playing.observed import OrderFacts, observed
from sentinel.orders.playing.player import Play, play
from sentinel.orders.playing.standing import StandingOrder, restored
from tests.decide.fair_market import NETWORK, STATE
from tests.decide.world import World, buying

GOOD = 'it is judged that "the mood is good"'
BUY = f"If {GOOD}, buy 500 USDC worth of WETH, once."


def played(reading: str) -> Play:
    return play(read_order(reading, NETWORK), observed(STATE, NETWORK, OrderFacts(0, {})))


def refusal(reading: str, world: World | None = None) -> str | None:
    """What policy says to a purchase of 500 USDC of ether."""
    world = (world or buying()).but(play=played(reading))
    simulation: Simulation = world.simulation()
    _, refusals = world.policy.screen([simulation], world.state, world.spent)
    return refusals[0].detail if refusals else None


@pytest.mark.parametrize(
    "reading",
    [
        BUY,
        f"If not ({GOOD}), buy 500 USDC worth of WETH, once.",
        f"If the price of WETH is below 2,500 USDC and {GOOD}, buy 500 USDC worth of WETH, once.",
        f"If {GOOD}, buy 100 USDC worth of WETH, once. Buy 500 USDC worth of WETH, once.",
    ],
)
def test_what_some_answer_allows_passes(reading: str) -> None:
    assert refusal(reading) is None


@pytest.mark.parametrize(
    "reading",
    [
        BUY.replace("buy", "sell"),
        BUY.replace("WETH", "WBTC"),
        BUY.replace("500", "400"),
        BUY.replace("500", "5,000"),
        f"{BUY} Trade at most 100 USDC at a time.",
        f"{BUY} Keep 9,900 USDC.",
        f"If the price of WETH is below 1,500 USDC and {GOOD}, buy 500 USDC worth of WETH, once.",
        f"{BUY} Only while the gas price is below 1 gwei.",
        f"Wait. {BUY}",
    ],
)
def test_what_no_answer_allows_is_refused(reading: str) -> None:
    """Another side, coin or amount, a limit, and a typed condition that is false."""
    assert refusal(reading) is not None


def test_a_passing_trade_is_marked_as_one_of_judgement() -> None:
    world = buying()
    holds, why = order(
        Case(
            *(NETWORK, world.limits, world.state, world.head, world.spent, world.simulation()),
            play=played(BUY),
            order_tolerance_bps=200,
        )
    )
    assert holds
    assert why.endswith(f"by the student's judgement: {GOOD}: buy WETH for 500.00 USDC")


def test_the_record_has_each_possible_play_for_the_replay() -> None:
    standing = StandingOrder(read_order(BUY, NETWORK), "a1", lambda _: played(BUY), str)
    recorded = standing.recorded(STATE)
    assert (recorded.clause, [one.clause for one in recorded.possible]) == (None, [0, None])
    again = loads(PlayedOrder, dumps(recorded))
    assert again == recorded
    assert [one.trade for one in restored(again).possible] == [one.trade for one in played(BUY).possible]
    assert restored(replace(again, possible=())).possible == ()
