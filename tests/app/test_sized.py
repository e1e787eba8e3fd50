"""A trade at the size that its agreement supports: a real market, real simulations, the real policy."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from eth_utils.address import to_checksum_address

from sentinel import terms
from sentinel.app.replay import decide_again
from sentinel.assemble import builder
from sentinel.calibrated import quorum_bps, sizes
from sentinel.chain.heads import latest_head
from sentinel.chain.history import PriceHistory
from sentinel.chain.market import MarketReader
from sentinel.cycle import Cycle, Size
from sentinel.decide.calldata import RouterCall, decode_call
from sentinel.decide.policy import Policy
from sentinel.decide.sizing import Sizes, resized
from sentinel.decide.vote import vote
from sentinel.devnet import Devnet
from sentinel.devnet.crowd import Behaviour
from sentinel.dex.build import Builder
from sentinel.dex.fork import Fork
from sentinel.dex.quoter import Quoter
from sentinel.dex.toolkit import DexToolkit
from sentinel.dex.venues import READERS
from sentinel.errors import ForkUnavailable
from sentinel.execute.dryrun import DryRun
from sentinel.journal.journal import Journal
from sentinel.settings import Settings, load
from sentinel.sizer import Sizer
from sentinel.telemetry import words
from sentinel.telemetry.logs import cycle_fields
from sentinel.telemetry.metrics import Metrics
from sentinel.types import (
    BPS,
    NATIVE,
    Act,
    Action,
    Candidate,
    CycleRecord,
    Decision,
    Hold,
    HoldAction,
    MarketState,
    MarketView,
    Proposal,
    Simulation,
    Sized,
    Spent,
    Swap,
)
from tests.app.running import Cli, moving

WALLET = to_checksum_address("0x" + "c5" * 20)
PURSE = {"WETH": 2 * 10**18, "USDC": 20_000 * 10**6, NATIVE: 10**18}
VIEW = MarketView({"WETH": 5000, "USDC": 5000}, "", 1.0, 0, "settings")

Make = Callable[[Builder, MarketState], Action]  # what seven of eight want


def calibration(folder: Path, *levels: tuple[int, int, int]) -> Path:
    """A file of its own for these `levels`: (votes of 8, right, total)."""
    path = folder / f"{abs(hash(levels))}.json"
    acts = [{"votes": votes, "asked": 8, "right": right, "total": total} for votes, right, total in levels]
    path.write_text(json.dumps({"format": 1, "vote": {"agreement_bps": 500}, "acts": acts}))
    return path


PART = ((8, 2000, 2000), (7, 191, 200))  # at 5 % risk: about 60 % of the size where seven of eight agree
LITTLE = ((8, 2000, 2000), (7, 15, 20))  # about 11 %


@dataclass
class Desk:
    """Seven of eight candidates want what a test says, one holds."""

    net: Devnet
    market: MarketReader
    toolkit: DexToolkit
    journal: Journal
    folder: Path
    make: Make = lambda build, state: build.swap(state, "USDC", "WETH", 500, "v3-500")

    def view(self, state: MarketState) -> MarketView:
        return VIEW

    async def propose(self, state: MarketState, view: MarketView, n: int) -> Proposal:
        build = builder(self.settings(PART), self.net.network, state.prices)
        actions = [self.make(build, state)] * 7 + [HoldAction("wait")]
        candidates = tuple(Candidate(i, action, "") for i, action in enumerate(actions))
        return Proposal(n, candidates, (), (), (), 1, "written")

    def settings(self, levels: Sequence[tuple[int, int, int]], **limits: float) -> Settings:
        vote = {"calibration_file": calibration(self.folder, *levels), "size_by_agreement": True}
        return load(None, vote=vote, limits={"min_profit": 0.0, **limits})

    async def run(self, given: Settings, size: Size | None = None) -> CycleRecord:
        network = self.net.network
        head = await latest_head(self.net.rpc)
        policy = Policy(network, terms.limits(given, network))
        build = builder(given, network, (await self.market.read(head)).prices)
        supported = sizes(given)
        assert supported is not None

        def voted(ballots: Sequence[Simulation], asked: int, state: MarketState) -> Decision:
            dust = terms.dust(given, network, state.prices)
            return vote(ballots, asked=asked, quorum_bps=quorum_bps(given), dust=dust)

        us: Any = self
        return await Cycle(
            market=self.market,
            analyst=us,
            trader=us,
            toolkit=self.toolkit,
            policy=policy,
            vote=voted,
            executor=DryRun(self.journal),
            journal=self.journal,
            samples=lambda: 8,
            newest=lambda: head,
            clock=lambda: float(head.timestamp),
            size=size or Sizer(supported, build.scaled, self.toolkit, policy).size,
        ).run(head)


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with Devnet.start(behaviour=Behaviour(opening_every=3)) as net:
        await net.fund(WALLET, PURSE)
        await net.allow_permit2(WALLET, {"WETH": 10**19, "USDC": 10**12})
        await net.market.step()
        market = MarketReader(net.rpc, net.network, WALLET, READERS, PriceHistory(9), min_priority_fee=10**9)
        journal = Journal.open(tmp_path / "journal", net.network, "0x" + "00" * 32, WALLET)
        async with Fork(net.network, net.rpc_url) as fork:
            yield Desk(net, market, DexToolkit(net.network, fork), journal, tmp_path)
        journal.close()


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
    afresh = builder(given, desk.net.network, record.state.prices).swap(
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
    said = words.cycle(record, desk.net.network)
    assert f"sized to {share / 100:g} % by calibration (7 of 8 votes)" in said
    assert cycle_fields(record, desk.net.network)["size_bps"] == share
    metrics = Metrics(desk.net.network)
    metrics.observe(record)
    assert f"sentinel_size_ratio {share / BPS}" in metrics.exposition().decode()
    assert 'sentinel_sized_total{kind="act"} 1.0' in metrics.exposition().decode()


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
    assert 'sentinel_sized_total{kind="hold"} 1.0' in found


async def test_a_cycle_that_no_longer_pays_for_its_gas_is_a_hold(desk: Desk) -> None:
    """The whole circle pays, a ninth of it does not."""
    quoter = Quoter(desk.net.network)
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


# ---------------------------------------------------------------- mutants: scaling what was already simulated


def shrunk(simulation: Simulation, size_bps: int) -> Simulation:
    """The larger trade's simulation and bytes under the smaller trade's name."""
    swap = simulation.candidate.action
    assert isinstance(swap, Swap)
    routes = tuple(replace(route, amount_in=route.amount_in * size_bps // BPS) for route in swap.routes)
    smaller = replace(swap, routes=routes, min_out=swap.min_out * size_bps // BPS)
    return replace(simulation, candidate=replace(simulation.candidate, action=smaller))


async def test_scaling_after_the_simulation_is_caught_by_the_sizer(desk: Desk) -> None:
    """Bytes of the larger trade under the smaller one's name put in more than their part."""

    async def mutant(act: Act, state: MarketState, spent: Spent) -> tuple[Decision, Sized | None]:
        sized = Sized(shrunk(act.simulation, 6000), None)
        return resized(act, 6000, sized), sized

    record = await desk.run(desk.settings(PART), size=mutant)
    assert isinstance(record.decision, Hold)
    assert record.decision.detail.endswith("what was simulated is not the smaller trade")


async def test_scaling_after_the_simulation_is_caught_by_policy(desk: Desk) -> None:
    """Were there no such guard: the final check reads the bytes, and they put in something else than the action."""

    async def mutant(act: Act, state: MarketState, spent: Spent) -> tuple[Decision, Sized | None]:
        return replace(act, simulation=shrunk(act.simulation, 6000), size_bps=6000), None

    record = await desk.run(desk.settings(PART), size=mutant)
    assert isinstance(record.decision, Hold)
    assert (record.decision.reason, record.intent_id) == ("refused", None)
    assert "route: the bytes put in" in record.decision.detail
    assert desk.journal.trades(5) == ()


# ---------------------------------------------------------------- as a service


async def test_a_live_trade_of_part_of_the_size_is_confirmed(devnet: Devnet, tmp_path: Path) -> None:
    """Full agreement that was often wrong: the permit, the bytes and the chain know of the smaller trade alone."""
    file = calibration(tmp_path, (8, 90, 99), (7, 2000, 2000))
    async with moving(devnet):
        cli = await Cli.on(
            devnet,
            tmp_path,
            SENTINEL_EXECUTION__CONFIRMATIONS="1",
            SENTINEL_VOTE__CALIBRATION_FILE=str(file),
            SENTINEL_VOTE__SIZE_BY_AGREEMENT="true",
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
