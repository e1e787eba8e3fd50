"""I35: the allowance that an order lacks: what the student's programs and the order's own approval propose, and what
policy lets through. The sampler is a double.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

import pytest

from sentinel.agent.action_format import render_action
from sentinel.agent.allowance_trader import AllowanceTrader
from sentinel.agent.approve_prompt import SYSTEM, approve_program
from sentinel.agent.kept_programs import KeptPrograms
from sentinel.agent.order_code import OrderRunner
from sentinel.agent.sandbox import Sandbox
from sentinel.core.actions import Approve, Candidate, Finish, HoldAction, Sample
from sentinel.core.errors import ModelUnavailable
from sentinel.core.market_state import MarketState
from sentinel.decide.case import Case
from sentinel.decide.rules_order import approval_order
from sentinel.dex.building.action_builder import ActionBuilder
from sentinel.orders.playing.spending import spending
from sentinel.orders.playing.standing import StandingOrder
from tests.agent.test_order_program_trader import World
from tests.agent.test_order_trader import MARKET, NET
from tests.decide.fair_market import USD
from tests.decide.world import buying
from tests.orders.taught_sampler import TaughtSampler

BUY = "Buy 500 USDC worth of WETH, 4 times. If the price of WETH is above 9,000 USDC, sell all of WETH."
CAPS = {"USDC": 6_000 * USD, "WETH": 3 * 10**18, "WBTC": 10**7}
NONE = replace(MARKET, allowances={"USDC": 0, "WETH": 0, "WBTC": 0})


@dataclass
class Approver:
    """Writes these programs."""

    programs: Sequence[str]
    source: str = "double:approver"
    asked: list[tuple[Sequence[Mapping[str, str]], str, int]] = field(default_factory=list)

    async def sample(
        self, messages: Sequence[Mapping[str, str]], n: int, prefill: str, *, after: int = 0
    ) -> list[Sample]:
        self.asked.append((messages, prefill, after))
        texts = [render_action("x", code) for code in self.programs]
        return [Sample(0, index, text, 1, Finish.STOP) for index, text in enumerate(texts[:n])]


def trader(reading: str, sandbox: Sandbox | None = None, *programs: str) -> AllowanceTrader:
    world = World(reading, TaughtSampler())
    builder = ActionBuilder(NET, max_approval=CAPS)
    found = AllowanceTrader(_standing(world), NET, builder, CAPS)
    if sandbox is None:
        return found
    return replace(found, programs=KeptPrograms(Approver(programs), 1), runner=OrderRunner.on(sandbox))


def _standing(world: World) -> StandingOrder:
    return StandingOrder(world.order, "a1", world.play, str, situation=world.situation, text="buy a bit of ether")


@pytest.mark.parametrize(
    ("reading", "bounds"),
    [
        (BUY, {"USDC": "2000", "WETH": None}),
        ("Buy 500 USDC worth of WETH, once. Buy 100 USDC worth of WBTC, in 5 parts over 1 hour.", {"USDC": "600"}),
        ("Buy 500 USDC worth of WETH, once. Trade at most 200 USDC at a time.", {"USDC": "200"}),
        ("Buy 500 USDC worth of WETH, every 1 hour.", {"USDC": None}),
        ("Buy 500 USDC worth of WETH, once. Buy WETH with 5% of the USDC, once.", {"USDC": None}),
        ("Sell 0.5 WETH, 3 times.", {"WETH": "1.5"}),
        ("Rebalance to 50% WETH and 50% USDC when off by more than 5%.", {"USDC": None, "WETH": None}),
        ("Wait.", {}),
    ],
)
def test_what_an_order_can_take(reading: str, bounds: dict[str, str | None]) -> None:
    found = spending(World(reading, TaughtSampler()).order)
    assert found == {token: None if most is None else Decimal(most) for token, most in bounds.items()}


def test_an_allowance_is_lacking_only_where_the_next_trade_takes_more() -> None:
    """By its exact amount; nothing is lacking while the order waits."""
    for allowed, lacks in ((0, "USDC"), (500 * USD - 1, "USDC"), (500 * USD, None)):
        state = replace(NONE, allowances={**NONE.allowances, "USDC": allowed})
        assert trader(BUY).lacking(state) == lacks
    assert trader("If the price of WETH is below 10 USDC, buy 500 USDC worth of WETH, once.").lacking(NONE) is None
    judged = 'If it is judged that "it looks weak", sell 2 WETH, once.'
    assert trader(judged).lacking(NONE) == "WETH"  # before the student has judged: an allowance trades nothing


async def test_the_student_proposes_in_the_words_of_the_orders_sizes(sandbox: Sandbox) -> None:
    """Each sample by itself. What is no approval of the token that is lacking, or too small, is no candidate."""
    programs = (
        'approve("USDC", 2000)',
        'approve("USDC", "10%")',
        'approve("USDC", "all")',
        'approve("WETH", "0.5 WETH")',
        'approve("DOGE", 5)',
        'approve("USDC", 9000)',
        'buy("WETH", 500)',
        "x = 1",
    )
    asking = trader(BUY, sandbox, *programs)
    proposal = await asking.propose(NONE, "USDC", 8)
    actions = {one.index: one.action for one in proposal.candidates}
    amounts = {index: (one.token, one.amount) for index, one in actions.items() if isinstance(one, Approve)}
    held = NONE.balances["USDC"]
    assert amounts == {
        0: ("USDC", 2_000 * USD),
        2: ("USDC", min(held, CAPS["USDC"])),
        5: ("USDC", CAPS["USDC"]),
    }
    assert [index for index, one in actions.items() if isinstance(one, HoldAction)] == []
    assert asking.programs is not None
    assert isinstance(asking.programs.sampler, Approver)
    ((messages, prefill, _),) = asking.programs.sampler.asked
    assert [one["content"] for one in messages] == [SYSTEM, "buy a bit of ether\nNeeded: USDC"]
    assert prefill.startswith("Thought: Buy 500 USDC worth of WETH, 4 times.")
    with pytest.raises(ModelUnavailable):
        await trader(BUY).propose(NONE, "USDC", 8)


@pytest.mark.parametrize(
    ("reading", "token", "code", "amount"),
    [
        (BUY, "USDC", 'approve("USDC", 2000)', 2_000 * USD),
        ("Sell 0.5 WETH, 3 times.", "WETH", 'approve("WETH", "1.5 WETH")', 15 * 10**17),
        ("Buy 500 USDC worth of WETH, every 1 hour.", "USDC", 'approve("USDC", "all")', 4_000 * USD),  # what is held
        ("Buy 5,000 USDC worth of WETH, 4 times.", "USDC", 'approve("USDC", 20000)', CAPS["USDC"]),
    ],
)
async def test_the_orders_own_approval_is_what_the_teacher_writes(
    sandbox: Sandbox, reading: str, token: str, code: str, amount: int
) -> None:
    """The sandbox makes the same approval of that program."""
    mine = trader(reading, sandbox, code)
    assert approve_program(mine.order.order, token) == code
    (own,), theirs = mine.own(NONE, token), await mine.propose(NONE, token, 1)
    assert [one.action for one in own.candidates] == [one.action for one in theirs.candidates]
    (action,) = (one.action for one in own.candidates)
    assert isinstance(action, Approve)
    assert (action.token, action.spender, action.amount) == (token, "permit2", amount)


@pytest.mark.parametrize(
    ("token", "amount", "passes"),
    [
        ("USDC", 2_000 * USD, True),
        ("USDC", 2_040 * USD, True),  # as far as the trades themselves may be off
        ("USDC", 2_041 * USD, False),
        ("USDC", 499 * USD, False),  # the trade that lacks it would lack it still
        ("USDC", 0, True),
        ("WETH", 10**18, True),  # the order sells all of it: only the settings' cap binds
        ("WBTC", 1, False),
    ],
)
def test_policy_allows_what_the_order_can_take(token: str, amount: int, passes: bool) -> None:
    asking, world = trader(BUY), buying()
    simulation = replace(world.simulation(), candidate=_approving(token, amount))
    case = Case(
        *(NET, world.limits, world.state, world.head, world.spent, simulation),
        play=asking.order.play(NONE),
        order_tolerance_bps=200,
        order_spending=spending(asking.order.order),
    )
    assert approval_order(case)[0] is passes
    assert approval_order(replace(case, order_spending=None))[0]


def _approving(token: str, amount: int) -> Candidate:
    return Candidate(0, Approve(token, "permit2", amount, 1), "x")


ALL = "Sell all of WETH, once."
ODD = 1_234_567_890_123_456_789  # more digits than a float has


def needing(state_changes: Mapping[str, int], **balances: int) -> MarketState:
    """The market with these allowances and balances, in base units."""
    return replace(NONE, allowances={**NONE.allowances, **state_changes}, balances={**NONE.balances, **balances})


def test_the_allowance_of_an_exit_covers_the_last_base_unit() -> None:
    """A float would fall short of every other odd balance, and the exit would wait for an allowance for ever."""
    state, mine = needing({}, WETH=ODD), trader(ALL)
    assert mine.lacking(state) == "WETH"
    (own,) = mine.own(state, "WETH")
    (candidate,) = own.candidates
    assert isinstance(candidate.action, Approve)
    assert candidate.action.amount == ODD
    assert policy_lets(mine, state, candidate)
    assert mine.lacking(needing({"WETH": ODD}, WETH=ODD)) is None


def test_a_balance_of_more_digits_than_a_decimal_usually_has_is_allowed_too() -> None:
    many = 10**11 * 10**18 + 1
    mine = replace(trader(ALL), builder=ActionBuilder(NET, max_approval={"WETH": many}), caps={"WETH": many})
    state = needing({}, WETH=many)
    (own,) = mine.own(state, "WETH")
    (amount,) = (one.action.amount for one in own.candidates if isinstance(one.action, Approve))
    assert amount == 10**11 * 10**18  # what the player sells: amounts of 28 digits
    assert mine.lacking(needing({"WETH": amount}, WETH=many)) is None


async def test_the_student_approves_what_is_lacking_or_nothing(sandbox: Sandbox) -> None:
    """Zero, another token or less than the trade takes would be paid for at every block and help nothing."""
    programs = ('approve("USDC", 0)', 'approve("WETH", "1 WETH")', 'approve("USDC", 499)', 'approve("USDC", 500)')
    proposal = await trader(BUY, sandbox, *programs).propose(NONE, "USDC", 4)
    assert [one.index for one in proposal.candidates] == [3]


def test_nothing_is_lacking_that_no_allowance_can_cover() -> None:
    """Above the cap the trade is left to be refused: approving the cap again and again would burn gas."""
    both = 'If it is judged that "it is weak", sell 2 WETH, once. If it is judged that "it is bad", sell 5 WETH, once.'
    held = 10 * 10**18
    assert trader(both).lacking(needing({}, WETH=held)) == "WETH"
    assert trader(both).lacking(needing({"WETH": 3 * 10**18}, WETH=held)) is None  # the cap: 5 WETH cannot be had
    assert trader("Sell 5 WETH, once.").lacking(needing({}, WETH=held)) is None


def test_a_remainder_is_set_to_zero_if_the_token_demands_it() -> None:
    """After the order's own approval: the vote tries the next one only if that is refused."""
    state = needing({"WETH": 5}, WETH=ODD)
    own, zero = trader(ALL).own(state, "WETH")
    assert [proposal.asked for proposal in (own, zero)] == [1, 1]
    (candidate,) = zero.candidates
    assert isinstance(candidate.action, Approve)
    assert candidate.action.amount == 0
    assert policy_lets(trader(ALL), state, candidate)


def policy_lets(mine: AllowanceTrader, state: MarketState, candidate: Candidate) -> bool:
    world = buying()
    case = Case(
        *(NET, world.limits, state, state.head, world.spent, replace(world.simulation(), candidate=candidate)),
        play=mine.order.play(state),
        order_spending=spending(mine.order.order),
    )
    return approval_order(case)[0]
