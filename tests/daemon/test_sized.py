"""A trade at the size that its agreement supports: a real market, real simulations, the real policy."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from sentinel.agent.action_format import render_action
from sentinel.chain.heads import latest_head
from sentinel.config.settings import load
from sentinel.config.terms import Terms
from sentinel.core.actions import Swap
from sentinel.core.decision import Act, Decision, Hold, Sized
from sentinel.core.errors import ForkUnavailable
from sentinel.core.market_state import MarketState
from sentinel.core.spent import Spent
from sentinel.core.units import BPS
from sentinel.daemon.in_force import builder
from sentinel.daemon.replay import decide_again
from sentinel.daemon.sizer import Sizer
from sentinel.decide.calldata import RouterCall, decode_call
from sentinel.decide.sizing import Sizes
from sentinel.dex.quoting.quoter import DexQuoter
from sentinel.market import Devnet
from sentinel.observe import plain_words
from sentinel.observe.logs import cycle_fields
from sentinel.observe.metrics import Metrics
from tests.daemon.endpoint import Endpoint
from tests.daemon.running import Cli, moving
from tests.daemon.sized_desk import LITTLE, PART, Desk, calibration, opened

BUY = 'swap("USDC", "WETH", 400, best_venue("USDC", "WETH", 400))'


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with opened(tmp_path) as desk:
        yield desk


async def test_what_is_prepared_is_the_smaller_trade_as_it_was_simulated(desk: Desk) -> None:
    """Built anew for its own amount, simulated at the same head, its bytes those of the intent; the record tells it
    all, and a replay decides the same."""
    given = desk.settings(PART)
    record = await desk.run(given)
    assert isinstance(record.decision, Act)
    share = record.decision.size_bps
    assert 5000 < share < 7000
    voted, acted = record.simulations[0].candidate.action, record.decision.simulation.candidate.action
    assert isinstance(voted, Swap)
    assert isinstance(acted, Swap)
    assert acted.amount_in == voted.amount_in * share // BPS == record.decision.simulation.gross
    assert record.state is not None
    afresh = builder(Terms.of(given, desk.net.network), desk.net.network, record.state.prices).swap(
        record.state, "USDC", "WETH", acted.amount_in / 10**6, "v3-500"
    )
    assert acted == afresh
    assert acted.min_out * BPS > voted.min_out * share  # a smaller trade moves the price less
    assert record.sized == Sized(record.decision.simulation, None)
    assert record.decision.simulation.env == record.simulations[0].env
    assert record.decision.simulation.deltas["USDC"] == -acted.amount_in

    assert record.intent_id is not None
    assert record.decision.simulation.tx is not None
    call = decode_call(record.decision.simulation.tx.data)
    assert isinstance(call, RouterCall)
    assert [(swap.amount_in, swap.min_out) for swap in call.swaps] == [(acted.amount_in, acted.min_out)]
    (trade,) = desk.journal.trades(5)
    assert trade.gross == acted.amount_in

    kept = desk.journal.get_cycle(record.intent_id)
    assert kept == record
    again = decide_again(kept, given, desk.net.network)
    assert (again.same, again.decision) == (True, record.decision)
    said = plain_words.cycle(record, desk.net.network)
    assert f"sized to {share / 100:g} % by calibration (7 of 8 votes)" in said
    assert cycle_fields(record, desk.net.network)["size_bps"] == share
    metrics = Metrics(desk.net.network)
    metrics.observe(record)
    assert f"sentinel_trade_size_ratio {share / BPS}" in metrics.exposition().decode()
    assert 'sentinel_sized_trades_total{kind="act"} 1.0' in metrics.exposition().decode()


async def test_a_smaller_trade_that_policy_refuses_is_a_hold(desk: Desk) -> None:
    """Below the smallest trade: nothing goes on, the rule is named and counted, a replay says the same."""
    given = desk.settings(PART, min_trade=400.0)
    record = await desk.run(given)
    assert isinstance(record.decision, Hold)
    assert (record.decision.reason, record.decision.votes, record.decision.asked) == ("sized_out", 7, 8)
    assert "% by calibration: trade_size: puts in" in record.decision.detail
    assert record.intent_id is None
    assert desk.journal.trades(5) == ()
    assert record.sized is not None
    assert record.sized.refusal is not None
    assert decide_again(record, given, desk.net.network).same
    metrics = Metrics(desk.net.network)
    metrics.observe(record)
    found = metrics.exposition().decode()
    assert 'sentinel_refusals_total{rule="trade_size"} 1.0' in found
    assert 'sentinel_decisions_total{kind="hold",reason="sized_out"} 1.0' in found
    assert 'sentinel_sized_trades_total{kind="hold"} 1.0' in found


async def test_a_cycle_that_no_longer_pays_for_its_gas_is_a_hold(desk: Desk) -> None:
    """The whole circle pays, a ninth of it does not."""
    quoter = DexQuoter(desk.net.network)
    for _ in range(60):
        await desk.net.market.step()
        state = await desk.market.read(await latest_head(desk.net.rpc))
        best = quoter.best_cycle(state, "USDC", "WETH", 900.0)
        if best is not None and best.profit > 0.05:
            break
    else:
        pytest.fail("the market gave no opening")
    desk.make = lambda build, state: build.cycle(state, "USDC", "WETH", best.amount, best.buy, best.sell)
    whole = await desk.run(desk.settings(((8, 2000, 2000), (7, 2000, 2000))))
    assert isinstance(whole.decision, Act), whole.decision
    assert (whole.decision.size_bps, whole.sized) == (BPS, None)

    given = desk.settings(LITTLE)
    record = await desk.run(given)
    assert isinstance(record.decision, Hold)
    assert record.decision.reason == "sized_out"
    assert "does not pay for its gas" in record.decision.detail
    assert decide_again(record, given, desk.net.network).same


async def test_an_approval_is_not_scaled(desk: Desk) -> None:
    """It moves nothing, and half an allowance would only be asked for again."""
    desk.make = lambda build, state: build.approve(state, "USDC", 900)
    record = await desk.run(desk.settings(LITTLE))
    assert isinstance(record.decision, Act), record.decision
    assert (record.decision.size_bps, record.sized) == (BPS, None)


async def test_where_no_size_is_supported_nothing_is_traded(desk: Desk) -> None:
    """Held with the reason, and the fork is not asked."""

    async def nothing(act: Act, state: MarketState, spent: Spent) -> tuple[Decision, Sized | None]:
        absent: Any = None
        return await Sizer(Sizes(()), absent, absent, absent).size(act, state, spent)

    record = await desk.run(desk.settings(PART), size=nothing)
    assert isinstance(record.decision, Hold)
    assert (record.decision.reason, record.intent_id) == ("sized_out", None)
    assert record.decision.detail.endswith("no size is supported where 7 of 8 agree")


async def test_a_fork_that_fails_meanwhile_is_a_hold_that_replays(desk: Desk) -> None:
    """The votes are there, the smaller trade was never simulated: held, and nothing falls back to the larger one."""

    async def gone(*_: Any) -> Any:
        raise ForkUnavailable("the fork is away")

    record = await desk.run(desk.settings(PART), size=gone)
    assert isinstance(record.decision, Hold)
    assert (record.decision.reason, record.intent_id) == ("fork_unavailable", None)
    assert decide_again(record, desk.settings(PART), desk.net.network).same


async def test_a_replay_with_other_sizes_says_so(desk: Desk) -> None:
    """The record has the trade of its own time; today's sizes would give another one."""
    record = await desk.run(desk.settings(PART))
    other = decide_again(record, desk.settings(LITTLE), desk.net.network)
    assert (other.same, other.why) == (False, "the smaller trade that today's sizes give is not in the record")
    without = load(None, limits={"min_profit": 0.0})
    assert not decide_again(record, without, desk.net.network).same
    given = desk.settings(PART, min_trade=400.0)
    refused = await desk.run(given)
    assert not decide_again(refused, without, desk.net.network).same


async def test_a_live_trade_of_part_of_the_size_is_confirmed(devnet: Devnet, tmp_path: Path) -> None:
    """Full agreement that was often wrong: the permit, the bytes and the chain know of the smaller trade alone."""
    file = calibration(tmp_path, (8, 90, 99), (7, 2000, 2000))
    server = Endpoint(render_action("I buy.", BUY))  # an order fixes the size, so a server without one proposes
    await server.start()
    async with moving(devnet):
        cli = await Cli.on(
            devnet,
            tmp_path,
            SENTINEL_PROPOSER=server.url,
            SENTINEL_STRATEGY__ORDER="",
            SENTINEL_EXECUTION__CONFIRMATIONS="1",
            SENTINEL_VOTE__CALIBRATION_FILE=str(file),
            SENTINEL_VOTE__SIZE_BY_AGREEMENT="true",
            SENTINEL_LIMITS__MAX_COST_BPS="1000",  # a third of a trade pays the same gas
        )
        try:
            await cli.spawn("run", "--live")
            await cli.until(
                lambda found: any((t["kind"], t["state"]) == ("swap", "confirmed") for t in found), "trades", within=40
            )
            acts = [line for line in await cli.json("decisions", "-n", "100") if line["act"]]
            assert acts
            assert all("sized to 30.81 % by calibration" in line["words"] for line in acts if "swap" in line["words"])
            assert (await cli.json("replay", str(acts[-1]["id"])))["same"]
        finally:
            await cli.end()
            await server.stop()
