"""Doctor, daemon and fork over several endpoints, each a real chain behind a proxy that fails on purpose."""

from __future__ import annotations

from pathlib import Path

from lab.faults import CutRequest, lies
from sentinel.chain.heads import latest_head
from sentinel.config.settings import load
from sentinel.core.decision import Hold
from sentinel.daemon.doctor.doctor import examine
from sentinel.daemon.doctor.endpoint_checks import together
from sentinel.daemon.probes import probes
from sentinel.daemon.wiring import opened
from sentinel.dex.simulating.fork import Fork
from tests.chain.endpoints.bench import HEAD, Bench
from tests.execute.rig import network
from tests.orders.taught_sampler import TaughtSampler


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
        async with opened(given, trader_model=TaughtSampler()) as app:
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
    """A fork whose upstream is gone reads from the endpoint that is current when it moves to the next head."""
    await two.rig.mine()
    async with Fork(network(), lambda: two.pool.url, timeout=2.0) as fork:
        await fork.follow(await two.rig.head())
        two.proxies[0].add("*", CutRequest())
        for _ in range(3):
            await two.pool.call("eth_blockNumber")
        head = await two.rig.mine()
        asked, pid = two.proxies[1].calls.total(), fork.pid
        await fork.follow(head)
        assert two.proxies[1].calls.total() > asked
        assert fork.pid == pid
