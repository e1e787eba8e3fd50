"""What a sale of everything proposes, on a real market's state, and that the real policy lets it through."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from decimal import Decimal
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sentinel.chain.heads import latest_head
from sentinel.config.limits import Limits
from sentinel.config.settings import Settings, load
from sentinel.config.terms import Terms
from sentinel.core.actions import Swap
from sentinel.core.amounts import to_base_units
from sentinel.core.decision import Act, Hold, HoldReason
from sentinel.core.market_state import MarketState
from sentinel.core.network import HexHash, Network
from sentinel.core.record import CycleRecord
from sentinel.core.spent import Spent
from sentinel.core.transaction import Outcome, Settled
from sentinel.cycle import Cycle
from sentinel.daemon.cycles import sale
from sentinel.daemon.flatten.sale_cycle import SaleCycle
from sentinel.daemon.flatten.seller import PATIENCE, TRIES, SalePlan, Seller, plain, plan_sale
from sentinel.daemon.in_force import builder
from sentinel.daemon.lifecycle import Lifecycle
from sentinel.decide.operator_controls import Purpose
from sentinel.decide.policy import Policy
from sentinel.decide.vote import vote
from sentinel.execute.dry_run import DryRunExecutor
from tests.daemon.sized_desk import WALLET, Desk, opened

SETTINGS = load(None, limits={"max_trade": 500.0})
NONE = Spent(0, 0)


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    """2 WETH, 20,000 USDC, and a little WBTC."""
    async with opened(tmp_path) as desk:
        await desk.net.fund(WALLET, {"WBTC": 10**6})
        await desk.net.allow_permit2(WALLET, {"WBTC": 10**9})
        await desk.net.market.step()
        yield desk


def selling(network: Network, clock: Callable[[], float] = time.monotonic) -> Seller:
    terms = Terms.of(SETTINGS, network)
    build = builder(terms, network, {})
    return Seller(network, lambda: build, lambda: terms.limits, lambda: NONE, clock)


async def read(desk: Desk) -> MarketState:
    return await desk.market.read(await latest_head(desk.net.rpc))


def planned(
    desk: Desk, state: MarketState, spent: Spent = NONE, settings: Settings = SETTINGS, **limits: Any
) -> SalePlan:
    network = desk.net.network
    allowed: Limits = replace(Limits.of(settings.limits, network), **limits)
    return plan_sale(network, state, builder(Terms.of(settings, network), network, state.prices), allowed, spent, {})


async def test_it_sells_the_largest_holding_in_equal_slices(desk: Desk) -> None:
    """As few as the largest trade allows, none of which leaves a crumb; then the next token; never the quote token."""
    state = await read(desk)
    sale = planned(desk, state).sale
    assert sale is not None
    assert (sale.token_in, sale.token_out) == ("WETH", "USDC")
    answer = state.reference["WETH"].answer / 1e8
    slices = -(-2 * answer // 500)
    assert sale.amount_in == -(-2 * 10**18 // int(slices))
    last = planned(desk, replace(state, balances={**state.balances, "WETH": 10**17})).sale
    assert last is not None
    assert last.token_in == "WBTC"  # worth more by then
    crumbs = planned(desk, replace(state, balances={**state.balances, "WETH": 10**12, "WBTC": 0}))
    assert crumbs.sale is None
    assert [(symbol, left.too_small, left.permanent) for symbol, left in crumbs.left.items()] == [("WETH", True, True)]


async def test_what_cannot_be_sold_is_left_with_its_reason(desk: Desk) -> None:
    """The day's volume, the allowance, a missing reference price, a pool too shallow for the slippage limit."""
    state = await read(desk)
    used = planned(desk, state, Spent(0, 50_000 * 10**6))
    assert used.sale is None
    assert {left.reason for left in used.left.values()} == {
        "SENTINEL_LIMITS__MAX_DAILY_VOLUME is used up until 00:00 UTC"
    }
    part = planned(desk, state, Spent(0, 49_900 * 10**6)).sale
    assert part is not None
    assert part.amount_in == 100 * 10**26 // state.reference["WETH"].answer  # all that is left of the day, at once
    dear_gas = planned(desk, replace(state, priority_fee=10**15))
    assert dear_gas.sale is None
    assert {left.reason for left in dear_gas.left.values()} == {"the gas of its sale costs more than it is worth now"}
    assert not any(
        left.too_small or left.permanent for left in dear_gas.left.values()
    )  # it is worth a sale at another head
    revoked = planned(desk, replace(state, allowances={}))
    assert "sentinel approve WETH" in revoked.left["WETH"].reason
    blind = planned(desk, replace(state, reference={}))
    assert blind.sale is None
    assert not any(left.permanent for left in blind.left.values())
    off = {"WETH": replace(state.reference["WETH"], answer=state.reference["WETH"].answer * 2)}
    dear = planned(desk, replace(state, reference={**state.reference, **off}))
    assert dear.left["WETH"].reason.startswith("no way keeps to the limits: the venue pays too far below the reference")
    assert dear.sale is not None  # the other token still goes
    assert dear.sale.token_in == "WBTC"


async def test_policy_lets_a_sale_through_as_any_trade(desk: Desk) -> None:
    """The whole cycle on the real chain: simulated, screened, confirmed; and a limit that the seller did not know of
    refuses it until the token is given up."""
    network, journal = desk.net.network, desk.journal
    head = await latest_head(desk.net.rpc)
    limits = Limits.of(SETTINGS.limits, network)
    clock = count(0.0, PATIENCE / (TRIES - 1))
    seller = selling(network, clock.__next__)

    async def run(allowed: Limits) -> CycleRecord:
        record = await Cycle(
            market=desk.market,
            analyst=seller,
            trader=seller,
            toolkit=desk.toolkit,
            policy=Policy(network, allowed),
            vote=lambda ballots, asked, state: vote(ballots, asked=asked, quorum_bps=0),
            executor=DryRunExecutor(journal),
            journal=journal,
            samples=1,
            newest=lambda: head,
            clock=lambda: float(head.timestamp),
            purpose=Purpose.SALE,
        ).run(head)
        seller.judged(record)
        return record

    journal.standing.flatten(by="operator")
    record = await run(limits)
    assert isinstance(record.decision, Act), record.decision
    assert record.proposal is not None
    assert (record.proposal.source, record.proposal.asked) == ("flatten", 1)
    for symbol in ("WETH", "WBTC"):
        for _ in range(TRIES):
            refused = await run(replace(limits, daily_loss=0))
            assert isinstance(refused.decision, Hold)
            assert refused.proposal is not None
            action = refused.proposal.candidates[0].action
            assert isinstance(action, Swap)
            assert action.token_in == symbol
    await run(limits)
    assert seller.finished
    assert not seller.clean
    assert "refused again and again: daily_loss: " in seller.left["WBTC"].reason
    journal.halt("enough", by="operator")
    assert (await run(limits)).decision == Hold(HoldReason.PAUSED, detail="trading is halted: enough")


async def test_nothing_is_sold_while_the_endpoints_disagree(desk: Desk) -> None:
    """Whichever of them is wrong, its head would price the sale (I11)."""
    parts: Any = SimpleNamespace(
        journal=desk.journal,
        toolkit=desk.toolkit,
        rpc=SimpleNamespace(disputed="a and b tell different blocks"),
        lifecycle=Lifecycle(),
        clock=time.time,
        board=SimpleNamespace(stage_began=lambda _: None),
    )
    network = desk.net.network
    force: Any = SimpleNamespace(policy=Policy(network, Limits.of(SETTINGS.limits, network)))
    seller, unused = selling(network), cast(Any, None)
    sell = sale(parts, force, desk.market, DryRunExecutor(desk.journal), seller)
    runs = SaleCycle(unused, sell, seller, desk.journal, unused, unused)
    desk.journal.standing.flatten(by="operator")
    record = await runs.run(await latest_head(desk.net.rpc))
    assert record.decision == Hold(HoldReason.DISPUTED, detail="a and b tell different blocks")
    assert desk.journal.trades(1) == ()


async def test_a_sale_that_fails_on_the_chain_is_tried_again_only_so_often(desk: Desk) -> None:
    """A revert counts against its token, a confirmed sale forgets the earlier ones, an outage counts for nothing."""
    network = desk.net.network
    seller = selling(network)
    state = await read(desk)

    async def ended(outcome: Outcome | None, number: int) -> None:
        proposal = await seller.propose(state, seller.view(state), 1)
        simulated = await desk.toolkit.simulate_all(state, proposal.candidates)
        decision = Act(simulated[0], 1, 1, 1, 0) if outcome else Hold(HoldReason.FORK_UNAVAILABLE)
        id_ = f"{number}" if outcome else None
        seller.judged(CycleRecord(state.head, state, None, proposal, (), (), decision, (), id_, {}))
        if outcome:
            seller.settled(Settled(f"{number}", outcome, HexHash("0x1"), 1, 1, 1, {}))

    for number in range(TRIES - 1):
        await ended(Outcome.REVERTED, number)
    await ended(Outcome.CONFIRMED, 100)
    for number in range(3 * TRIES):
        await ended(None, number)
    for number in range(TRIES):
        assert "WETH" not in seller.left
        await ended(Outcome.REVERTED, number)
    await seller.propose(state, seller.view(state), 1)
    assert seller.left["WETH"].reason == "its sale ended reverted"
    assert not seller.finished
    seller.work_on(1)
    await seller.propose(state, seller.view(state), 1)
    assert "WETH" not in seller.left


async def test_what_a_later_head_may_mend_has_a_minute(desk: Desk) -> None:
    """However fast the blocks come: five of them are ten seconds on many a chain."""
    network, now = desk.net.network, [0.0]
    seller = selling(network, lambda: now[0])
    state = await read(desk)
    for _ in range(3 * TRIES):
        proposal = await seller.propose(state, seller.view(state), 1)
        refused = Hold(HoldReason.REFUSED, detail="head_age: too old")
        seller.judged(CycleRecord(state.head, state, None, proposal, (), (), refused, (), None, {}))
        now[0] += PATIENCE / (3 * TRIES)
    assert "WETH" not in seller.left
    seller.work_on(1)
    blind = replace(state, reference={})
    for _ in range(3 * TRIES):
        await seller.propose(blind, seller.view(blind), 1)
        assert not seller.finished
        now[0] += PATIENCE / (3 * TRIES)
    await seller.propose(blind, seller.view(blind), 1)
    assert (seller.finished, seller.clean) == (True, False)


@given(st.integers(1, 2**127), st.integers(0, 30))
def test_amounts_are_written_to_the_unit(amount: int, decimals: int) -> None:
    """What is asked of the builder is exactly what is meant, for any number of decimals."""
    text = plain(amount, decimals)
    assert to_base_units(text, decimals) == amount
    assert Decimal(text).scaleb(decimals) == amount or len(str(amount)) > 28
