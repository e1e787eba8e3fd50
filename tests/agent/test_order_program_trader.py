"""Programs of an approved order over the real sandbox, quoter and builder: what they propose, and how long one is kept.

The sampler is a double that returns the teacher's programs.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal

import pytest

from sentinel.agent.action_format import render_action
from sentinel.agent.kept_programs import SEEDS, KeptPrograms
from sentinel.agent.order_build import best_gap
from sentinel.agent.order_code import OrderRunner
from sentinel.agent.order_program_trader import OrderProgramTrader
from sentinel.agent.order_trader import OrderTrader
from sentinel.agent.sandbox import Sandbox
from sentinel.core.actions import DiscardReason, HoldAction, Swap
from sentinel.core.errors import ModelUnavailable
from sentinel.core.market_state import MarketState
from sentinel.dex.building.action_builder import ActionBuilder
from sentinel.orders.language.reading_parser import parse
from sentinel.orders.playing.observed import OrderFacts, observed
from sentinel.orders.playing.player import Play, play
from sentinel.orders.playing.situation import Situation
from sentinel.orders.playing.standing import StandingOrder
from sentinel.orders.typed.order import Order
from tests.agent.doubles import VIEW
from tests.agent.test_order_trader import MARKET, NET, QUOTER
from tests.orders.taught_sampler import TaughtSampler

OVER = Play(None, None, "the order is complete", frozenset())
DCA = "Buy 500 USDC worth of WETH, every 1 hour."


@dataclass
class World:
    """One approved order on the market of the oracle's tests."""

    reading: str
    sampler: TaughtSampler
    over: bool = False

    def situation(self, state: MarketState) -> Situation | None:
        facts = OrderFacts(state.head.timestamp, {})

        def gap(coin: str, size: Decimal) -> object:
            return best_gap(QUOTER, state, "USDC", coin, size)

        return None if self.over else observed(state, NET, facts, gap)  # type: ignore[arg-type]

    def play(self, state: MarketState) -> Play:
        situation = self.situation(state)
        return OVER if situation is None else play(self.order, situation)

    @property
    def order(self) -> Order:
        order = parse(self.reading, "USDC")
        assert isinstance(order, Order), order
        return order

    def trader(self, sandbox: Sandbox, every: int = 1) -> OrderProgramTrader:
        standing = StandingOrder(self.order, "a1", self.play, lambda: "", situation=self.situation, text="my own words")
        kept = KeptPrograms(self.sampler, every)
        return OrderProgramTrader(standing, kept, OrderRunner.on(sandbox), NET, QUOTER, ActionBuilder(NET))


def at(block: int, price: float = 2_000.0) -> MarketState:
    head = replace(MARKET.head, number=block, hash=type(MARKET.head.hash)(f"0x{block:064x}"))
    return replace(MARKET, head=head, prices={**MARKET.prices, "WETH": price})


@pytest.mark.parametrize(
    "reading",
    [
        DCA,
        "Sell all of WETH, once.",
        "Swap 50% of WETH for WBTC, once.",
        "Arbitrage WETH with 1,500 USDC for at least 2 USDC, once.",
        "Rebalance half way to 40% WETH and 60% USDC when off by more than 5%.",
    ],
)
async def test_programs_make_the_oracles_own_action(sandbox: Sandbox, reading: str) -> None:
    """Over the same venues with the same amounts and least outputs; each of the samples is a candidate."""
    world = World(reading, TaughtSampler())
    proposal = await world.trader(sandbox).propose(MARKET, VIEW, 8)
    oracle = await OrderTrader(world.play, QUOTER, ActionBuilder(NET)).propose(MARKET, VIEW, 8)
    (wanted,) = oracle.candidates
    assert isinstance(wanted.action, Swap)
    assert [candidate.action for candidate in proposal.candidates] == [wanted.action] * 8
    assert (proposal.asked, proposal.steps, proposal.source) == (8, 1, "double:teacher")
    assert proposal.sampled_at == MARKET.head.number


async def test_what_the_order_waits_for_is_a_hold(sandbox: Sandbox) -> None:
    """Of each sample, with a reason; and one hold without asking anyone once the order is complete."""
    world = World("If the price of WETH is below 1,500 USDC, sell all of WETH, once.", TaughtSampler())
    proposal = await world.trader(sandbox).propose(MARKET, VIEW, 3)
    assert [type(candidate.action) for candidate in proposal.candidates] == [HoldAction] * 3
    world.over = True
    proposal = await world.trader(sandbox).propose(MARKET, VIEW, 3)
    assert [candidate.action for candidate in proposal.candidates] == [HoldAction("the order is complete")]
    assert len(world.sampler.asked) == 1


async def test_the_student_is_asked_in_the_operators_words_with_the_reading_as_first_thought(sandbox: Sandbox) -> None:
    """And nothing of the market, so that the answer can be kept."""
    world = World(DCA, TaughtSampler())
    await world.trader(sandbox).propose(MARKET, VIEW, 2)
    ((messages, n, prefill, _),) = world.sampler.asked
    assert [message["content"] for message in messages] == ["Trade by the order.", "my own words"]
    assert (n, prefill) == (2, f"Thought: {DCA}")


async def test_a_wrong_program_is_one_sample_that_fails(sandbox: Sandbox) -> None:
    """Code that fails, text without code, and a trade that the builder refuses are discarded by their own reasons."""
    others = (
        render_action("x", 'buy("DOGE", 5)'),
        "Thought: I forgot",
        render_action("x", 'buy("WETH", 0.0000001)'),
        render_action("x", 'print(price("WETH"))'),
    )
    proposal = await World(DCA, TaughtSampler(others=others)).trader(sandbox).propose(MARKET, VIEW, 6)
    assert [one.reason for one in proposal.discarded] == [
        DiscardReason.UNBUILDABLE,
        DiscardReason.NO_CODE,
        DiscardReason.UNBUILDABLE,
    ]
    assert [type(one.action) for one in proposal.candidates] == [HoldAction, Swap, Swap]


async def test_kept_programs_do_what_live_ones_do(sandbox: Sandbox) -> None:
    """Block by block, on prices that reach the level: the same actions, from one request in place of six."""
    reading = "If the price of WETH is at least 2,010 USDC, sell 0.5 WETH, every 1 hour."
    worlds = [World(reading, TaughtSampler()) for _ in range(2)]
    live, kept = worlds[0].trader(sandbox, every=1), worlds[1].trader(sandbox, every=6)
    acted = []
    for block in range(100, 106):
        state = at(block, 2_000.0 + 3 * (block - 100))
        first, second = await live.propose(state, VIEW, 2), await kept.propose(state, VIEW, 2)
        assert [one.action for one in first.candidates] == [one.action for one in second.candidates]
        assert (first.sampled_at, second.sampled_at) == (block, 100)
        acted.append(isinstance(first.candidates[0].action, Swap))
    assert acted == [False] * 4 + [True] * 2
    assert [len(world.sampler.asked) for world in worlds] == [6, 1]


async def test_programs_are_sampled_afresh_with_new_seeds_when_their_time_is_over(sandbox: Sandbox) -> None:
    """Every three blocks, however many were skipped; a step back in a reorg asks again too."""
    world = World(DCA, TaughtSampler())
    trader = world.trader(sandbox, every=3)
    drawn = [(await trader.propose(at(block), VIEW, 2)).sampled_at for block in (10, 11, 12, 13, 17, 18, 12)]
    assert drawn == [10, 10, 10, 13, 17, 17, 12]
    assert [after for *_, after in world.sampler.asked] == [SEEDS * block for block in (10, 13, 17, 12)]


async def test_more_samples_are_kept_beside_the_first(sandbox: Sandbox) -> None:
    """With the seeds that follow, and once for all blocks."""
    world = World(DCA, TaughtSampler())
    trader = world.trader(sandbox, every=5)
    for block in (10, 11):
        proposal = await trader.propose(at(block), VIEW, 2)
        proposal = await trader.more(at(block), VIEW, proposal, 3)
        assert (proposal.asked, len(proposal.candidates), proposal.sampled_at) == (5, 5, 10)
    assert [(n, after - 10 * SEEDS) for _, n, _, after in world.sampler.asked] == [(2, 0), (3, 2)]


async def test_another_model_or_order_is_asked_at_once(sandbox: Sandbox) -> None:
    """What is kept belongs to one model and one order."""
    sampler = TaughtSampler()
    trader = World(DCA, sampler).trader(sandbox, every=100)
    await trader.propose(at(10), VIEW, 2)
    sampler.source = "double:another"
    proposal = await trader.propose(at(11), VIEW, 2)
    assert (proposal.source, proposal.sampled_at, len(sampler.asked)) == ("double:another", 11, 2)
    changed = replace(trader, order=replace(trader.order, order=World("Sell all of WETH, once.", sampler).order))
    (candidate, _) = (await changed.propose(at(12), VIEW, 2)).candidates
    assert isinstance(candidate.action, Swap)
    assert (candidate.action.token_in, len(sampler.asked)) == ("WETH", 3)


async def test_nothing_is_kept_of_a_request_that_fails(sandbox: Sandbox) -> None:
    """The next block asks again."""

    class Down(TaughtSampler):
        async def sample(self, *args: object, **more: object) -> list:  # type: ignore[type-arg]
            raise ModelUnavailable("down")

    trader = World(DCA, Down()).trader(sandbox, every=100)
    with pytest.raises(ModelUnavailable):
        await trader.propose(at(10), VIEW, 2)
    up = replace(trader, programs=KeptPrograms(TaughtSampler(), 100))
    assert (await up.propose(at(11), VIEW, 2)).sampled_at == 11
