"""Several endpoints behind one face, each a real chain behind a proxy that fails on purpose."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from lab.faults import (
    SEND,
    AlteredReply,
    CutRequest,
    DelayedReply,
    FaultProxy,
    HttpStatus,
    LostReply,
    OtherBody,
    RpcErrorReply,
    lies,
)
from sentinel.agent.oracle import OracleModel
from sentinel.chain.endpoints import EndpointPool, FailoverRules
from sentinel.chain.heads import latest_head
from sentinel.chain.rpc import at_block
from sentinel.config.settings import load
from sentinel.core.decision import Hold
from sentinel.core.errors import ChainMismatch, ForkUnavailable, RpcError, Unavailable
from sentinel.core.transaction import Outcome
from sentinel.daemon.doctor.doctor import examine
from sentinel.daemon.doctor.endpoint_checks import together
from sentinel.daemon.probes import probes
from sentinel.daemon.wiring import opened
from sentinel.dex.simulating.fork import FAILURES, Fork
from tests.execute.rig import Rig, network, until

HEAD = "eth_getBlockByNumber"


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class Bench:
    """A chain, so many proxies before it, and a pool over them whose looks are taken by hand."""

    rig: Rig
    proxies: list[FaultProxy]
    pool: EndpointPool
    clock: Clock

    @classmethod
    @contextlib.asynccontextmanager
    async def of(cls, folder: Path, count: int = 2) -> AsyncIterator[Bench]:
        bench = cls()
        async with contextlib.AsyncExitStack() as stack:
            bench.rig = await stack.enter_async_context(Rig.start(folder))
            # One node behind all of them has one pool: geth's rules would make our own copies "already known".
            proxies = [FaultProxy(bench.rig.net.rpc_url, geth=False) for _ in range(count)]
            bench.proxies = [await stack.enter_async_context(proxy) for proxy in proxies]
            bench.clock = Clock()
            urls = [proxy.url for proxy in bench.proxies]
            bench.pool = EndpointPool(urls, network(), timeout=1.0, rules=FailoverRules(), clock=bench.clock)
            stack.push_async_callback(bench.pool.close)
            bench.rig.rpc = bench.pool
            bench.rig.restart()
            yield bench

    def calls(self, method: str) -> list[int]:
        return [proxy.calls[method] for proxy in self.proxies]

    def states(self) -> list[str]:
        return [status.state for status in self.pool.status()]


@pytest.fixture
async def two(tmp_path: Path) -> AsyncIterator[Bench]:
    async with Bench.of(tmp_path) as bench:
        yield bench


@pytest.fixture
async def three(tmp_path: Path) -> AsyncIterator[Bench]:
    async with Bench.of(tmp_path, 3) as bench:
        yield bench


async def test_reads_fail_over_and_the_chain_is_checked_first(two: Bench) -> None:
    """Reads stay at one endpoint; a broken reply is asked for at the next, which shows chain id and pinned block."""
    first, _ = two.proxies
    await two.pool.call("eth_blockNumber")
    assert two.calls("eth_blockNumber") == [1, 0]
    assert two.calls("eth_chainId") == [1, 0]
    for effect in (
        CutRequest(),
        HttpStatus(429),
        HttpStatus(503),
        OtherBody(b"null"),
        RpcErrorReply(-32005, "limit exceeded"),
    ):
        first.add("eth_blockNumber", effect, times=1)
        assert int(await two.pool.call("eth_blockNumber"), 16) >= 0
        await two.pool.call("eth_blockNumber")  # it answers again, so its failures are not in a row
    assert two.calls("eth_blockNumber") == [11, 5]
    assert two.calls("eth_chainId") == [6, 5]
    assert two.states() == ["current", "healthy"]


async def test_a_nodes_own_error_is_an_answer(two: Bench) -> None:
    """A revert or an unknown method would be the same elsewhere: raised, and nobody else is asked."""
    with pytest.raises(RpcError) as raised:
        await two.pool.call("eth_nonsense")
    assert raised.value.code == -32601
    assert two.calls("eth_nonsense") == [1, 0]
    results = await two.pool.batch([("eth_nonsense", []), ("eth_chainId", [])])
    assert [isinstance(result, RpcError) for result in results] == [True, False]
    assert two.states() == ["current", "healthy"]


async def test_three_failures_drop_it_for_a_minute(two: Bench) -> None:
    """After that the other is current, with its chain checked; the first is preferred again once it answers a look."""
    two.proxies[0].add("*", CutRequest(), times=3)
    for _ in range(3):
        await two.pool.call("eth_blockNumber")
    assert two.states() == ["resting", "current"]
    await two.pool.call("eth_blockNumber")
    assert two.calls("eth_blockNumber")[0] == 0
    two.clock.now = 61.0
    assert two.states() == ["healthy", "current"]
    await two.pool.look()
    assert two.states() == ["current", "healthy"]


async def test_sends_are_no_reads(two: Bench) -> None:
    """I6: nothing that repeats may ever be given a send."""
    with pytest.raises(ValueError, match="no read"):
        await two.pool.call(SEND, "0x00")
    with pytest.raises(ValueError, match="no read"):
        await two.pool.batch([("eth_chainId", []), (SEND, ["0x00"])])
    assert two.calls(SEND) == [0, 0]


async def test_another_chain_is_refused_for_good(two: Bench) -> None:
    """I10: after a fail-over to another chain that endpoint is never used again, and the failure is raised."""
    first, second = two.proxies
    await two.pool.call("eth_blockNumber")
    second.add("eth_chainId", lies.chain_id(1), times=1)
    first.add("eth_blockNumber", CutRequest(), times=1)
    with pytest.raises(RpcError):
        await two.pool.call("eth_blockNumber")
    assert two.states() == ["current", "refused"]
    assert "chain 1" in str(two.pool.refused)
    first.add("eth_blockNumber", CutRequest(), times=1)
    with pytest.raises(RpcError):
        await two.pool.call("eth_blockNumber")
    assert two.calls("eth_blockNumber") == [3, 0]
    first.add("eth_chainId", lies.chain_id(1))
    with pytest.raises(ChainMismatch):  # it failed, so it is checked again: now there is nobody left
        await two.pool.call("eth_blockNumber")
    with pytest.raises(ChainMismatch):
        await two.pool.call("eth_blockNumber")


async def test_another_first_block_is_refused(two: Bench) -> None:
    """Where no block is pinned all endpoints must still have the first block of the one that was checked first."""
    two.proxies[1].add(HEAD, lies.other_heads(above=-1))
    await two.pool.look()
    assert two.states() == ["current", "refused"]


async def test_a_block_by_hash_is_read_where_it_is_known(two: Bench) -> None:
    """The read of a block fails over only to an endpoint that has it; else it is Unavailable, and the cycle holds."""
    first, second = two.proxies
    head = await two.rig.mine()
    read = ("eth_getBalance", [two.rig.signer.address, at_block(head.hash)])
    await two.pool.batch([read])
    first.add("eth_getBalance", CutRequest(), times=2)
    second.add("eth_getBlockByHash", lies.unknown_blocks(), times=1)
    with pytest.raises(Unavailable):
        await two.pool.batch([read])
    assert two.calls("eth_getBalance") == [2, 0]
    (balance,) = await two.pool.batch([read])
    assert int(str(balance), 16) > 0
    assert two.calls("eth_getBalance") == [3, 1]


async def test_a_block_that_the_current_endpoint_lacks_is_read_at_the_next(two: Bench) -> None:
    """ "Unknown block" is no answer where another endpoint knows the block; where none does it stays the answer."""
    first, second = two.proxies
    head = await two.rig.mine()
    read = ("eth_getBalance", [two.rig.signer.address, at_block(head.hash)])
    first.add("eth_getBalance", RpcErrorReply(-32000, "header not found"))
    first.add("eth_getBlockByHash", lies.unknown_blocks())
    (balance,) = await two.pool.batch([read])
    assert int(str(balance), 16) > 0
    assert await two.pool.call(*read[:1], *read[1]) == balance
    assert two.calls("eth_getBalance") == [2, 2]
    assert two.states() == ["current", "healthy"]
    second.add("eth_getBlockByHash", lies.unknown_blocks())
    (refused,) = await two.pool.batch([read])
    assert "header not found" in str(refused)
    with pytest.raises(RpcError, match="header not found"):
        await two.pool.call(*read[:1], *read[1])
    first.faults.clear()
    first.add("eth_getBalance", RpcErrorReply(-32000, "out of gas"))  # it knows the block: its own word
    with pytest.raises(RpcError, match="out of gas"):
        await two.pool.call(*read[:1], *read[1])
    assert two.calls("eth_getBalance") == [5, 2]


async def test_a_frozen_endpoint_is_left(two: Bench) -> None:
    """Four blocks behind it may stay, five behind the other is read from, until it has caught up."""
    frozen = two.proxies[0].add(HEAD, lies.frozen())
    await two.pool.look()
    await two.rig.mine(4)
    await two.pool.look()
    assert two.states() == ["current", "healthy"]
    await two.rig.mine(1)
    await two.pool.look()
    assert two.states() == ["behind", "current"]
    assert two.pool.disputed is None
    two.proxies[0].remove(frozen)
    await two.pool.look()
    assert two.states() == ["current", "healthy"]


async def test_heads_that_differ_for_long_are_disputed(two: Bench) -> None:
    """I11: another branch at one endpoint stands after twelve seconds, whatever the heights, and ends with it."""
    await two.pool.look()
    head = await two.rig.mine(2)
    other = two.proxies[1].add(HEAD, lies.other_heads(above=head.number - 1))
    await two.pool.look()
    two.clock.now = 11.9
    await two.rig.mine(1)
    await two.pool.look()
    assert two.pool.disputed is None
    two.clock.now = 12.0
    assert two.pool.disputed is not None
    assert f"block {head.number + 1}" in two.pool.disputed
    two.proxies[1].remove(other)
    await two.pool.look()
    assert two.pool.disputed is None


async def test_who_runs_ahead_is_compared_with_who_lags(two: Bench) -> None:
    """I11: of two, one on a branch of its own that is far ahead makes the other late, and is disputed all the same."""
    frozen = two.proxies[1].add(HEAD, lies.frozen())
    await two.pool.look()
    fork = await two.rig.head()
    await two.rig.mine(6)
    await two.pool.look()
    assert (two.states(), two.pool._heads._dispute._why) == (["current", "behind"], None)
    two.proxies[0].add(HEAD, lies.other_heads(above=fork.number))
    await two.pool.look()
    assert two.pool._heads._dispute._why is None  # they agree as far as the honest one has come
    two.proxies[1].remove(frozen)
    two.proxies[1].add(HEAD, lies.frozen())
    await two.pool.look()
    await two.rig.mine(6)
    await two.pool.look()
    two.clock.now = 12.0
    assert two.states() == ["current", "behind"]
    assert two.pool.disputed is not None
    assert f"block {fork.number + 6}" in two.pool.disputed


async def test_a_fault_in_a_look_ends_no_look(two: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Heads that nobody compares are as good as disputed, and the looks go on: once one is whole that is over."""

    def fault(*_: Any) -> str | None:
        raise KeyError("oops")

    monkeypatch.setattr(two.pool._heads, "_every", 0.02)
    async with two.pool:
        with monkeypatch.context() as broken:
            broken.setattr("sentinel.chain.endpoints.disputes.disagreement", fault)
            await until(lambda: two.pool._heads._dispute._why is not None)
            two.clock.now = 12.0
            assert two.pool.disputed is not None
        await until(lambda: two.pool.disputed is None)


async def test_the_same_bytes_go_to_all_of_them(three: Bench) -> None:
    """One that loses the reply and one that refuses do not hide that the third has it; each is asked once."""
    await three.pool.look()
    three.proxies[0].add(SEND, LostReply(), times=1)
    three.proxies[1].add(SEND, RpcErrorReply(-32000, "nonce too low"), times=1)
    intent = await three.rig.trade(1)
    assert three.calls(SEND) == [1, 1, 1]
    assert len({raw for proxy in three.proxies for raw in proxy.offered}) == 1
    assert three.rig.notes.answers in (["known"], ["sent"])  # one node behind all: one proxy's "sent" is ours too
    assert (await three.rig.follow()).outcome is Outcome.CONFIRMED
    assert await three.rig.effects(1) == 1
    assert len(three.rig.journal.attempts(intent.id)) == 1


async def test_who_never_showed_the_chain_gets_no_bytes(two: Bench) -> None:
    """An endpoint that did not say yet which chain it serves is given nothing to send; once it has, it is."""
    two.proxies[1].add("eth_chainId", CutRequest(), times=2)
    await two.rig.trade(1)
    assert two.states() == ["current", "healthy"]
    assert two.calls(SEND) == [1, 0]
    assert (await two.rig.follow()).outcome is Outcome.CONFIRMED
    await two.rig.trade(2)
    assert two.calls(SEND) == [2, 1]
    assert (await two.rig.follow()).outcome is Outcome.CONFIRMED


async def test_the_highest_nonce_counts(two: Bench) -> None:
    """I4: the current endpoint lags behind by our last transaction; the other one's count is taken."""
    await two.rig.trade(1)
    await two.rig.follow()
    two.proxies[0].add("eth_getTransactionCount", lies.stale_nonce())
    intent = await two.rig.trade(2)
    assert [attempt.nonce for attempt in two.rig.journal.attempts(intent.id)] == [1]
    assert two.rig.notes.alarms == []
    assert (await two.rig.follow()).outcome is Outcome.CONFIRMED
    assert await two.rig.effects(2) == 1


async def test_a_receipt_from_any_endpoint(two: Bench) -> None:
    """The current endpoint knows no receipts, or another's; the other one's is canonical there and settles."""
    for tag, lie in enumerate((lies.no_receipts(), lies.foreign_receipts()), 1):
        lying = two.proxies[0].add("eth_getTransactionReceipt", lie)
        await two.rig.trade(tag)
        assert (await two.rig.follow(1)).outcome is Outcome.CONFIRMED
        assert await two.rig.effects(tag) == 1
        two.proxies[0].remove(lying)


async def test_another_branch_at_the_current_endpoint(three: Bench) -> None:
    """Two endpoints' receipt outweighs the current one's, and balances are read where its block is known."""
    three.proxies[0].add("*", lies.other_heads())
    await three.rig.trade(1)
    settled = await three.rig.follow(1)
    assert (settled.outcome, settled.block_hash) == (Outcome.CONFIRMED, (await three.rig.head()).hash)
    assert await three.rig.effects(1) == 1


async def test_with_two_another_branch_holds(two: Bench) -> None:
    """Nobody can tell which of two is right: where the balances of the told block are unknown nothing is settled."""
    lying = two.proxies[0].add("*", lies.other_heads())
    intent = await two.rig.trade(1)
    with pytest.raises(Unavailable):
        await two.rig.executor.on_head(await two.rig.mine())
    assert two.rig.executor.open_intent == intent
    two.proxies[0].remove(lying)
    assert (await two.rig.follow(1)).outcome is Outcome.CONFIRMED
    assert await two.rig.effects(1) == 1


async def test_one_that_lies_about_a_foreign_transaction_halts_nothing(two: Bench) -> None:
    """A used nonce without a receipt is believed only when no endpoint denies it."""

    def ahead(call: dict[str, Any], result: Any) -> Any:
        return hex(int(result, 16) + 5)

    await two.rig.trade(1)
    two.proxies[0].add("eth_getTransactionCount", AlteredReply({"eth_getTransactionCount": ahead}))
    two.proxies[0].add("eth_getTransactionReceipt", lies.no_receipts())
    two.proxies[1].add("eth_getTransactionReceipt", lies.no_receipts())
    for _ in range(2):  # at the third block the honest endpoint would call the nonce used too
        assert await two.rig.executor.on_head(await two.rig.mine()) is None
    assert two.rig.journal.halt_reason is None
    for proxy in two.proxies:
        proxy.faults.clear()
    assert (await two.rig.follow()).outcome is Outcome.CONFIRMED


async def test_a_slow_endpoint_delays_nobody_for_long(two: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once one has answered the others have a moment; whoever is later counts as failed."""
    monkeypatch.setattr("sentinel.chain.endpoints.pool.SEND_PATIENCE", 0.2)
    await two.pool.look()
    two.proxies[1].add("eth_getTransactionCount", DelayedReply(0.9))
    assert await two.rig.executor.watch.mined_nonce() == (0, 0)
    (_, slow) = two.pool.status()
    assert slow.state == "healthy"
    for _ in range(2):
        await two.rig.executor.watch.mined_nonce()
    assert two.states() == ["current", "resting"]


async def test_all_down_is_unavailable_and_then_it_goes_on(two: Bench) -> None:
    """With no endpoint answering nothing is signed; the next head that comes through trades."""
    intent = await two.rig.accepted(1)
    down = [proxy.add("*", CutRequest()) for proxy in two.proxies]
    await two.rig.executor.execute(intent)
    assert two.rig.journal.attempts(intent.id) == ()
    assert two.rig.notes.alarms == ["unsent"]
    for proxy, fault in zip(two.proxies, down, strict=True):
        proxy.remove(fault)
    assert (await two.rig.follow()).outcome is Outcome.CONFIRMED
    assert await two.rig.effects(1) == 1


async def test_doctor_tells_of_each(three: Bench) -> None:
    """One of another chain fails, one that is down is a warning; all well is one line."""
    given = load(None, rpc={"urls": [proxy.url for proxy in three.proxies]})

    async def found() -> list[tuple[str, str]]:
        return [(finding.grade, finding.what) async for finding in together(given, network())]

    assert await found() == [("ok", "3 show the same chain")]
    three.proxies[1].add("eth_chainId", lies.chain_id(1))
    three.proxies[2].add("*", CutRequest())
    grades = [grade for grade, _ in await found()]
    assert grades == ["fail", "warn"]


async def test_doctor_examines_where_an_endpoint_answers(three: Bench, tmp_path: Path) -> None:
    """A live start asks it: the first endpoint is down, which is a warning; the others serve every other check."""
    three.proxies[0].add("*", CutRequest())
    given = load(
        None,
        proposer="oracle",
        state_dir=tmp_path / "state",
        rpc={"urls": [proxy.url for proxy in three.proxies]},
        fork={"node_simulation": "always"},
    )
    found = await examine(given)
    assert [finding.what for finding in found if finding.grade == "fail"] == []
    (told,) = [finding for finding in found if finding.name == "endpoints"]
    assert (told.grade, "does not answer" in told.what) == ("warn", True)
    for proxy in three.proxies:
        proxy.faults.clear()
        proxy.add("eth_chainId", lies.chain_id(1))
    failing = {finding.name for finding in await examine(given) if finding.grade == "fail"}
    assert {"chain", "endpoints", "contracts"} <= failing


async def test_a_daemon_over_two_endpoints(tmp_path: Path) -> None:
    """Wired from the settings: it starts over a failing endpoint, tells of both, and holds while they disagree."""
    async with Bench.of(tmp_path) as bench:
        first, second = bench.proxies
        first.add("*", CutRequest(), times=2)
        given = load(
            None,
            proposer="oracle",
            state_dir=tmp_path / "state",
            rpc={"urls": [first.url, second.url], "max_dispute_seconds": 0},
            fork={"node_simulation": "always"},
            web={"port": 0},
            log={"level": "error"},
        )
        async with opened(given, trader_model=OracleModel()) as app:
            rpc = app.parts.rpc
            assert [status.name.partition(":")[0] for status in rpc.status()] == ["0", "1"]
            app.operator.refresh()
            told = app.parts.metrics.exposition().decode()
            assert f'sentinel_rpc_errors_total{{endpoint="{rpc.status()[0].name}"}}' in told
            assert f'sentinel_rpc_requests_total{{endpoint="{rpc.status()[1].name}"}}' in told
            first.add(HEAD, lies.other_heads(above=0))
            await bench.rig.mine()
            for _ in range(2):
                await rpc.look()
            record = await app.reloader.run(await latest_head(rpc))
            assert isinstance(record.decision, Hold)
            assert record.decision.reason == "disputed"
            assert await probes(app.parts)["endpoints"]() == (False, rpc.disputed)
            app.daemon.stop()
            record = await app.reloader.run(record.head)
            assert isinstance(record.decision, Hold)
            assert record.decision.reason == "stopping"


async def test_the_fork_follows_a_fail_over(two: Bench) -> None:
    """A fork whose upstream is gone is started anew upon the endpoint that is current then."""
    await two.rig.mine()
    async with Fork(network(), lambda: two.pool.url, timeout=2.0) as fork:
        await fork.follow(await two.rig.head())
        two.proxies[0].add("*", CutRequest())
        for _ in range(3):
            await two.pool.call("eth_blockNumber")
        head = await two.rig.mine()
        for _ in range(FAILURES):
            with pytest.raises(ForkUnavailable):
                await fork.follow(head)
        asked = two.proxies[1].calls.total()
        await until(lambda: fork.healthy)
        await fork.follow(head)
        assert two.proxies[1].calls.total() > asked
