"""A refusal is never taken for an answer, and a success of one kind never clears the failures of another.

Real chains behind real HTTP servers that refuse or hang, and a pool with an injected clock over them.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from lab.faults import SEND, CutRequest, DelayedReply, RefusedCalls
from sentinel.chain.history import BlockCloses
from sentinel.chain.market_reader import MarketReader
from sentinel.config.settings import load
from sentinel.core.errors import RpcError
from sentinel.core.transaction import Outcome
from sentinel.daemon.doctor.doctor import examine
from sentinel.daemon.doctor.endpoint_checks import reads
from sentinel.daemon.probes import probes
from sentinel.daemon.wiring import opened
from sentinel.dex.venues.registry import READERS
from tests.attack_tally import Tries
from tests.chain.endpoints.bench import HEAD, Bench
from tests.execute.rig import network
from tests.orders.taught_sampler import TaughtSampler

REFUSALS = [
    (-32016, "over rate limit"),
    (-32029, "Rate limit exceeded"),
    (-32000, '429 Too Many Requests: {"error":{"code":-32016,"message":"over rate limit"}}'),
    (-32603, "rate limit"),
    (-32005, "daily request count exceeded, request rate limited"),
    (-32090, "Too many requests, reason: call rate limit exhausted"),
    (-32601, "the method eth_call does not exist/is not available"),
    (-32000, "method eth_call is not supported"),
    (-32602, "invalid argument 1: json: cannot unmarshal object into Go value of type string"),
    (-32000, "Unauthorized: You must authenticate your request with an API key."),
    (-32000, "missing trie node 60bb94a5 (path ) state 0x60bb94a5 is not available, not found"),
    (-32000, "header not found"),
    (-32002, "No state available for block"),
    (-32603, "Internal error"),
    (-32000, "execution aborted (timeout = 5s)"),
]
CATEGORY = "an endpoint that refuses"
refused = pytest.mark.attack(CATEGORY, "refused")
contained = pytest.mark.attack(CATEGORY, "contained")


@pytest.fixture
async def two(tmp_path: Path) -> AsyncIterator[Bench]:
    async with Bench.of(tmp_path) as bench:
        await bench.pool.look()
        yield bench


def market(bench: Bench) -> MarketReader:
    return MarketReader(bench.pool, network(), bench.rig.signer.address, READERS, BlockCloses(5))


@contained
@pytest.mark.parametrize("method", [None, "eth_call"])
async def test_a_refused_read_is_read_at_the_next_counted_and_rests(
    two: Bench, tries: Tries, method: str | None
) -> None:
    """With HTTP 200 and any wording, for the whole batch or its calls alone: the second endpoint serves each read."""
    first, second = two.proxies
    reader, head = market(two), await two.rig.mine()
    wanted = (await reader.read(head)).balances
    for code, message in REFUSALS:
        two.clock.now += 1_000.0
        await two.pool.look()  # it has shown its chain since it failed, so it is preferred again
        fault = first.add("eth_call", RefusedCalls(code, message, method))
        before = two.pool.status()[0].failures
        for _ in range(3):
            assert (await reader.read(head)).balances == wanted, message
        status = two.pool.status()
        assert status[0].failures > before, message
        assert "eth_call" in status[0].rests["state"], message
        assert two.states() == ["resting", "current"], message
        asked = first.calls["eth_call"]
        await reader.read(head)
        assert first.calls["eth_call"] == asked, message  # it rests
        first.remove(fault)
        tries.contained()
    assert second.calls[SEND] == 0


@contained
async def test_a_contract_that_reverts_with_a_providers_words_rests_nobody(two: Bench) -> None:
    """The reason of a revert is the contract's: an answer, not counted."""
    first, _ = two.proxies
    first.add("eth_call", RefusedCalls(3, "execution reverted: too many requests, rate limit, header not found"))
    for _ in range(4):
        with pytest.raises(RpcError, match="reverted"):
            await two.pool.call("eth_call", {"to": network().multicall3}, "latest")
    assert two.states() == ["current", "healthy"]
    assert [status.failures for status in two.pool.status()] == [0, 0]
    assert two.calls("eth_call") == [4, 0]


@contained
async def test_an_endpoint_whose_calls_hang_costs_its_timeout_once_per_rest(two: Bench) -> None:
    """Heads and balances answer, eth_call hangs: one read waits for it, and one more after each rest."""
    first, _ = two.proxies
    reader, head = market(two), await two.rig.mine()
    await reader.read(head)
    first.add("eth_call", DelayedReply(30.0))

    async def waits() -> int:
        """How many requests of one market read hang at the first; its heads go on answering."""
        asked = first.calls["eth_call"]
        await reader.read(head)
        for method, *params in (("eth_blockNumber",), ("eth_getBalance", two.rig.signer.address, "latest")):
            await two.pool.call(method, *params)
        await two.pool.look()
        return first.calls["eth_call"] - asked

    assert [await waits() for _ in range(4)] == [1, 0, 0, 0]
    assert set(two.pool.status()[0].rests) == {"state"}
    asked = first.calls["eth_blockNumber"]
    await two.pool.call("eth_blockNumber")
    assert first.calls["eth_blockNumber"] == asked + 1  # heads are read there still
    two.clock.now += 61.0
    assert [await waits() for _ in range(4)] == [1, 0, 0, 0]
    first.faults.clear()
    two.clock.now += 61.0
    assert [await waits() for _ in range(2)] == [1, 1]
    assert two.states()[0] == "current"


@contained
async def test_an_endpoint_that_hangs_altogether_does_not_cost_each_read(two: Bench) -> None:
    """Its chain must be checked before each read, and that hangs too: it counts for what was to be read."""
    first, _ = two.proxies
    reader, head = market(two), await two.rig.mine()
    await reader.read(head)
    first.add("*", DelayedReply(30.0))
    await reader.read(head)
    asked = first.calls.total()
    for _ in range(5):
        await reader.read(head)
    assert first.calls.total() == asked


@contained
async def test_a_send_that_fails_rests_no_read(two: Bench) -> None:
    """I6: sends are counted for themselves, are not repeated, and go to the other endpoint once the first rests."""
    first, second = two.proxies
    first.add(SEND, CutRequest())
    for tag in (1, 2, 3):
        await two.rig.trade(tag)
        assert (await two.rig.follow()).outcome is Outcome.CONFIRMED
    assert two.calls(SEND) == [3, 3]
    (status, _) = two.pool.status()
    assert (status.state, dict(status.rests)) == ("current", {"send": SEND})
    await two.rig.trade(4)
    assert two.calls(SEND) == [3, 4]
    assert (await two.rig.follow()).outcome is Outcome.CONFIRMED
    assert [len(set(proxy.offered)) == len(proxy.offered) for proxy in (first, second)] == [True, True]


@contained
async def test_a_refused_finalized_makes_nothing_final(two: Bench, tries: Tries) -> None:
    """Neither at one endpoint nor at all; once one names it the trade is final by it."""
    first, second = two.proxies
    two.clock.now = 0.0
    await two.rig.trade(1)
    await two.rig.follow()
    await two.rig.net.rpc.call("anvil_mine", hex(1_000))
    head = await two.rig.head()
    look = two.rig.executor._settled.finality.look

    for code, message in ((-32016, "over rate limit"), (-32005, "limit exceeded"), (-32603, "Internal error")):
        faults = [proxy.add(HEAD, RefusedCalls(code, message, "finalized")) for proxy in (first, second)]
        assert await look(head) == ()
        assert len(two.rig.journal.not_final()) == 1, message
        second.remove(faults[1])
        none = second.add(HEAD, RefusedCalls(-39001, "Unknown block", "finalized"))
        assert await look(head) == ()  # one has none, the other did not say
        assert len(two.rig.journal.not_final()) == 1, message
        second.remove(none)
        first.remove(faults[0])
        two.clock.now += 100.0
        tries.refused()
    for proxy in (first, second):
        proxy.add(HEAD, RefusedCalls(-32000, "finalized block not found", "finalized"))
    assert await look(await two.rig.mine()) == ()  # on a chain without finality, the depth
    assert two.rig.journal.not_final() == ()


@contained
@pytest.mark.parametrize(("code", "message"), [(-32016, "over rate limit"), (-32601, "the method is not available")])
async def test_refused_balances_leave_a_trade_open_for_its_amounts(two: Bench, code: int, message: str) -> None:
    """For more than 64 blocks: no halt, an alarm once it is overdue, and its amounts when they can be read."""
    faults = [proxy.add("eth_call", RefusedCalls(code, message)) for proxy in two.proxies]
    intent = await two.rig.trade(1)
    await two.rig.mine()
    with pytest.raises(RpcError, match="cannot be read yet"):
        await two.rig.executor.on_head(await two.rig.head())
    await two.rig.net.rpc.call("anvil_mine", hex(70))
    with pytest.raises(RpcError, match="cannot be read yet"):
        await two.rig.executor.on_head(await two.rig.head())
    assert (two.rig.executor.open_intent, two.rig.journal.halt_reason, two.rig.notes.alarms) == (intent, None, [])
    two.rig.offset = 10_000.0
    with pytest.raises(RpcError):
        await two.rig.executor.on_head(await two.rig.head())
    assert two.rig.notes.alarms == ["overdue"]
    for proxy, fault in zip(two.proxies, faults, strict=True):
        proxy.remove(fault)
    settled = await two.rig.executor.on_head(await two.rig.mine())
    assert settled is not None
    assert (settled.outcome, settled.unread, two.rig.journal.halt_reason) == (Outcome.CONFIRMED, False, None)


@refused
async def test_doctor_names_the_endpoint_and_the_method(two: Bench, tmp_path: Path, tries: Tries) -> None:
    """And sends nobody to the network file: neither decimals nor Permit2, pools nor feeds are called wrong."""
    first, second = two.proxies
    given = load(
        None,
        proposer="oracle",
        state_dir=tmp_path / "state",
        rpc={"urls": [first.url, second.url]},
        fork={"node_simulation": "always"},
    )
    for code, message in REFUSALS[:8]:
        first.add("eth_call", RefusedCalls(code, message, "eth_call"))
        (told,) = [finding async for finding in reads(given, network())]
        assert told.grade == "warn"
        assert told.what.startswith(f"0:{first.url.removeprefix('http://')} does not serve eth_call: ")
        first.faults.clear()
        tries.refused()
    for proxy in two.proxies:
        proxy.add("eth_call", RefusedCalls(-32000, "method eth_call is not supported", "eth_call"))
    findings = {finding.name: finding for finding in await examine(given) if finding.grade == "fail"}
    for name in ("tokens", "pools", "feeds"):
        assert f"0:{first.url.removeprefix('http://')}: eth_call: " in findings[name].what
        assert "network file" not in findings[name].hint
    assert {"decimals", "permit2"} & set(findings) == set()
    assert findings["reads"].what.endswith("does not serve eth_call: method eth_call is not supported")


@contained
async def test_readiness_and_status_say_who_rests_for_what(tmp_path: Path) -> None:
    """/readyz, `sentinel status` and the metric: one that refuses calls rests for state; if all do, it is not ready."""
    async with Bench.of(tmp_path) as bench:
        first, second = bench.proxies
        given = load(
            None,
            proposer="oracle",
            state_dir=tmp_path / "state",
            rpc={"urls": [first.url, second.url]},
            fork={"node_simulation": "always"},
            web={"port": 0},
            log={"level": "error"},
        )
        async with opened(given, trader_model=TaughtSampler()) as app:
            rpc = app.parts.rpc
            first.add("eth_call", RefusedCalls(-32000, "method eth_call is not supported", "eth_call"))
            await app.parts.market.read(await bench.rig.mine())
            name = rpc.status()[0].name
            ok, why = await probes(app.parts)["endpoints"]()
            assert ok
            assert f"{name} rests for state (eth_call)" in why
            assert app.operator.status()["endpoints"][0]["rests"] == {"state": "eth_call"}
            app.operator.refresh()
            told = app.parts.metrics.exposition().decode()
            assert f'sentinel_endpoint_rests{{endpoint="{name}",kind="state"}} 1.0' in told
            assert f'sentinel_endpoint_rests{{endpoint="{name}",kind="heads"}} 0.0' in told
            second.add("eth_call", RefusedCalls(-32016, "over rate limit", "eth_call"))
            for _ in range(3):
                with pytest.raises(RpcError):
                    await app.parts.market.read(await bench.rig.mine())
            ok, why = await probes(app.parts)["endpoints"]()
            assert not ok
            assert "no endpoint answers reads of state" in why
            for proxy in bench.proxies:
                proxy.faults.clear()
            await app.parts.market.read(await bench.rig.mine())
            assert (await probes(app.parts)["endpoints"]())[0]
            app.daemon.stop()
