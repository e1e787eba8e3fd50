"""The allowance to Permit2 is bounded, journaled like a trade, and can be taken back; a dry run touches nothing."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Callable
from types import SimpleNamespace
from typing import Any

import pytest

from sentinel.chain.history import BlockCloses
from sentinel.chain.market_reader import MarketReader
from sentinel.config.limits import Limits
from sentinel.config.settings import load
from sentinel.core.errors import Refused, SignerUnavailable, Unavailable
from sentinel.core.market_state import Head
from sentinel.core.network import NATIVE
from sentinel.core.transaction import Intent, Outcome, Settled
from sentinel.core.units import GWEI
from sentinel.daemon.startup import Startup
from sentinel.decide.policy import REVOKE_RULES, Policy
from sentinel.dex.simulating.fork import Fork
from sentinel.dex.toolkit import DexToolkit
from sentinel.dex.venues.registry import READERS
from sentinel.execute.approvals import Approvals
from sentinel.execute.dry_run import DryRunExecutor
from tests.execute.rig import KEY, Rig, decision, network
from tests.journal.values import cycle

LIMITS = Limits.of(load(None).limits, network())


@pytest.fixture
async def toolkit(rig: Rig) -> AsyncIterator[DexToolkit]:
    async with Fork(rig.network, rig.net.rpc_url) as fork:
        yield DexToolkit(rig.network, fork)


def approvals(
    rig: Rig, toolkit: DexToolkit, *, disputed: Callable[[], str | None] = lambda: None, **limits: Any
) -> Approvals:
    """As the start of the daemon makes them: the real simulation and the real policy."""

    async def next_head() -> Head:
        return await rig.mine()

    market = MarketReader(rig.rpc, rig.network, rig.signer.address, READERS, BlockCloses(1), min_priority_fee=2 * GWEI)
    policy = Policy(rig.network, dataclasses.replace(LIMITS, **limits), revoke_rules=REVOKE_RULES)
    return Approvals(rig.executor, market, toolkit, policy, next_head, disputed)


async def allowance(rig: Rig) -> int:
    return (await rig.executor.watch.allowances(["USDC"]))["USDC"]


async def test_an_allowance_is_made_once(rig: Rig, toolkit: DexToolkit) -> None:
    """A missing allowance is approved up to the cap and confirmed; a sufficient one is left alone."""
    (made,) = await approvals(rig, toolkit).ensure_allowances({"USDC": 5_000}, {"USDC": 1_000})
    assert made.outcome is Outcome.CONFIRMED
    assert await allowance(rig) == 5_000
    assert await approvals(rig, toolkit).ensure_allowances({"USDC": 5_000}, {"USDC": 1_000}) == ()
    assert [(t.kind, t.state, t.token_in) for t in rig.journal.trades(5)] == [("approve", "confirmed", "USDC")]
    assert (rig.journal.summary().approvals, rig.journal.summary().confirmed) == (1, 0)
    (trade,) = rig.journal.trades(5)
    assert trade.gas_quote is not None
    assert trade.gas_quote > 0  # valued at the prices of the block that it was simulated upon
    assert trade.pnl_quote == -trade.gas_quote


async def test_a_changed_cap_goes_over_zero(rig: Rig, toolkit: DexToolkit) -> None:
    """An allowance above the cap is first taken to zero, then set: two transactions, never from value to value."""
    await rig.net.allow_permit2(rig.signer.address, {"USDC": 10**12})
    made = await approvals(rig, toolkit).ensure_allowances({"USDC": 5_000}, {"USDC": 1_000})
    assert len(made) == 2
    assert await allowance(rig) == 5_000


async def test_revoking_works_while_paused(rig: Rig, toolkit: DexToolkit) -> None:
    """Taking an allowance back lowers risk, so a pause does not stand in its way; making one waits for the operator."""
    await approvals(rig, toolkit).ensure_allowances({"USDC": 5_000}, {"USDC": 1_000})
    rig.journal.halt("a foreign transaction")
    (made,) = await approvals(rig, toolkit).revoke(["USDC"])
    assert made.outcome is Outcome.CONFIRMED
    assert await allowance(rig) == 0
    with pytest.raises(Unavailable):
        await approvals(rig, toolkit).ensure_allowances({"USDC": 5_000}, {"USDC": 1_000})
    assert await allowance(rig) == 0


async def test_what_policy_refuses_is_not_even_journaled(rig: Rig, toolkit: DexToolkit) -> None:
    """An allowance above the bound, or one more cost when the day's loss is reached; taking back is still open then."""
    await approvals(rig, toolkit).ensure_allowances({"USDC": 5_000}, {"USDC": 1_000})
    with pytest.raises(Refused, match="approval_bound"):
        await approvals(rig, toolkit, max_approval=7_000).ensure_allowances({"WETH": 10**18}, {})
    with pytest.raises(Refused, match="daily_loss"):
        await approvals(rig, toolkit, daily_loss=0).ensure_allowances({"WETH": 10**9}, {})
    assert len(rig.journal.trades(9)) == 1
    (made,) = await approvals(rig, toolkit, daily_loss=0).revoke(["USDC"])
    assert made.outcome is Outcome.CONFIRMED


async def test_nothing_is_allowed_while_the_endpoints_disagree(rig: Rig, toolkit: DexToolkit) -> None:
    """Nor where that comes up while it is prepared; once they agree again it goes on (I11)."""
    answers = iter(["a and b", "a and b", None, "a and b", "a and b", "a and b"])
    with pytest.raises(Unavailable, match="a and b"):
        await approvals(rig, toolkit, disputed=lambda: next(answers)).ensure_allowances({"USDC": 5_000}, {})
    assert rig.journal.trades(5) == ()
    answers = iter(["a and b", None, None])
    (made,) = await approvals(rig, toolkit, disputed=lambda: next(answers)).ensure_allowances({"USDC": 5_000}, {})
    assert made.outcome is Outcome.CONFIRMED


async def test_an_approval_is_followed_to_its_own_end(rig: Rig, toolkit: DexToolkit) -> None:
    """While it waits, the signer is away for a moment, and a reorg opens an earlier trade again, which ends first."""
    await rig.trade(1)
    before = await rig.follow()
    met: list[str] = []
    execute, on_head = rig.executor.execute, rig.executor.on_head

    async def disturbed(intent: Intent) -> None:
        await execute(intent)
        rig.journal.reopen([before.intent_id], "a reorg")
        rig.executor._take_up()

    async def watched(head: Head) -> Settled | None:
        if not met:
            met.append("away")
            raise SignerUnavailable("away")
        settled = await on_head(head)
        met.extend([settled.intent_id] if settled else [])
        return settled

    rig.executor.execute, rig.executor.on_head = disturbed, watched  # type: ignore[method-assign]
    (made,) = await approvals(rig, toolkit).ensure_allowances({"USDC": 5_000}, {})
    assert met == ["away", before.intent_id, made.intent_id]
    assert (made.outcome, await allowance(rig)) == (Outcome.CONFIRMED, 5_000)


async def test_a_start_follows_all_that_a_reorg_opened(rig: Rig) -> None:
    """Not only the first: an approval could not be made while another is in flight."""
    ended = []
    for tag in (1, 2):
        await rig.trade(tag)
        ended.append((await rig.follow()).intent_id)
    rig.journal.reopen(ended, "a reorg")
    rig.restart()
    told: list[str] = []
    unused: Any = SimpleNamespace(info=lambda *_, **__: None, warning=lambda *_, **__: None)
    parts: Any = SimpleNamespace(
        rpc=rig.rpc,
        latest=SimpleNamespace(put=lambda head: None),
        health=SimpleNamespace(looked=lambda: None),
        metrics=SimpleNamespace(observe_settled=lambda settled, *_: told.append(settled.intent_id)),
    )
    starting = asyncio.create_task(Startup(parts, rig.executor, unused)._settle_open())
    while not starting.done():
        await rig.mine()
        await asyncio.sleep(0.1)
    await starting
    assert told == ended
    assert rig.executor.open_intent is None
    rig.journal.verify()


async def test_a_dry_run_sends_nothing(rig: Rig) -> None:
    """A dry run journals an unsigned intent, is never in flight, and the chain does not hear of it."""
    dry = DryRunExecutor(rig.journal)
    for tag in (1, 2):
        act = decision(tag, 2**40, await rig.head())
        intent = await dry.prepare(act, None)  # type: ignore[arg-type]  # a dry run asks for no state
        assert not intent.signed
        rig.journal.accept(cycle(intent), intent)
        await dry.execute(intent)
        assert dry.open_intent is None
    assert await rig.net.rpc.call("txpool_status") == {"pending": "0x0", "queued": "0x0"}
    assert await dry.on_head(await rig.mine()) is None
    assert [trade.state for trade in rig.journal.trades(5)] == ["dry", "dry"]
    assert rig.journal.open_intents() == ()
    rig.journal.verify()


async def test_the_journal_holds_no_key(rig: Rig) -> None:
    """After a trade the canary key stands in no file of the journal and in nothing that observers were told."""
    await rig.net.fund(rig.signer.address, {NATIVE: 10**20})
    await rig.trade(1)
    settled: Settled = await rig.follow()
    assert settled.outcome is Outcome.CONFIRMED
    key = KEY.removeprefix("0x")
    for path in rig.path.parent.glob("journal.sqlite*"):
        data = path.read_bytes().lower()
        assert key.encode() not in data
        assert bytes.fromhex(key) not in data
    assert key not in repr(rig.notes) + repr(rig.executor.__dict__) + repr(rig.rpc.__dict__)
