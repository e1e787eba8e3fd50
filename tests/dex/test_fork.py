"""The fork follows the heads, says in time that it cannot, and comes back by itself."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from lab import CHECKOUT
from sentinel.chain.heads import latest_head
from sentinel.core.errors import ChainMismatch, ForkInUse, ForkUnavailable
from sentinel.core.host.places import cache_dir
from sentinel.core.network import HexHash
from sentinel.dex.simulating import fork as fork_module
from sentinel.dex.simulating.fork import SOCKET, Fork, without_addresses

from .conftest import Desk, candidates


async def within(seconds: float, probe: Callable[[], Awaitable[bool]]) -> None:
    """Fails when `probe` does not become true in time."""
    end = time.monotonic() + seconds
    while not await probe():
        assert time.monotonic() < end, f"not within {seconds} s"
        await asyncio.sleep(0.05)


async def latest_hash(fork: Fork, desk: Desk) -> str:
    head = await latest_head(desk.net.rpc)
    async with fork.at(head) as rpc:
        block = await rpc.call("eth_getBlockByNumber", "latest", False)
        return str(block["hash"])


async def test_the_fork_stands_on_each_head_in_turn(desk: Desk) -> None:
    """Its latest block is the head itself, also when it is asked for an older one again."""
    first = await latest_head(desk.net.rpc)
    await desk.net.market.step()
    second = await latest_head(desk.net.rpc)
    for head in (first, second, first):
        async with desk.fork.at(head) as rpc:
            block = await rpc.call("eth_getBlockByNumber", "latest", False)
            assert (block["hash"], int(block["number"], 16)) == (head.hash, head.number)
    assert desk.fork.healthy


async def test_a_head_that_the_upstream_does_not_have_is_unavailable(desk: Desk) -> None:
    """One of another branch, and one that the upstream has not reached yet; the next good head works again."""
    head = await latest_head(desk.net.rpc)
    for wrong in (
        replace(head, hash=HexHash("0x" + "ab" * 32)),
        replace(head, number=head.number + 5, hash=HexHash("0x" + "cd" * 32)),
    ):
        with pytest.raises(ForkUnavailable):
            await desk.fork.follow(wrong)
        assert not desk.fork.healthy
    await desk.fork.follow(head)
    assert desk.fork.healthy


async def test_a_replaced_block_of_the_same_number_is_followed(desk: Desk) -> None:
    """After a reorg the fork holds the new branch, not what it fetched of the old one."""
    before = await desk.net.rpc.call("evm_snapshot")
    await desk.net.market.step()
    old = await latest_head(desk.net.rpc)
    await desk.fork.follow(old)
    await desk.net.rpc.call("evm_revert", before)
    await desk.net.market.resync()
    await desk.net.market.step()
    new = await latest_head(desk.net.rpc)
    assert (new.number, new.hash != old.hash) == (old.number, True)
    await desk.fork.follow(new)
    assert await latest_hash(desk.fork, desk) == new.hash
    with pytest.raises(ForkUnavailable):
        await desk.fork.follow(old)


async def test_a_killed_fork_holds_the_cycle_and_comes_back(desk: Desk) -> None:
    """SIGKILL in the middle: ForkUnavailable at once, and within seconds the same toolkit simulates again."""
    state = await desk.state()
    swap = candidates(desk.build.swap(state, "WETH", "USDC", 0.5, "v2"))
    (before,) = await desk.kit.simulate_all(state, swap)
    killed = desk.fork.pid
    assert killed is not None
    os.kill(killed, signal.SIGKILL)
    started = time.monotonic()
    with pytest.raises(ForkUnavailable):
        await desk.kit.simulate_all(state, swap)
    assert time.monotonic() - started < 1
    assert not desk.fork.healthy

    async def back() -> bool:
        try:
            return await desk.kit.simulate_all(state, swap) == (before,)
        except ForkUnavailable:
            return False

    await within(10, back)
    assert desk.fork.healthy
    assert desk.fork.pid not in (None, killed)


async def test_a_frozen_fork_is_given_up_on_and_replaced(desk: Desk) -> None:
    """It neither answers nor dies: each use ends within the timeout, and after three a fresh one takes its place."""
    head = await latest_head(desk.net.rpc)
    async with Fork(desk.network, desk.net.rpc_url, timeout=0.3) as fork:
        await fork.follow(head)
        frozen = fork.pid
        assert frozen is not None
        os.kill(frozen, signal.SIGSTOP)
        await asyncio.sleep(0.2)  # until all of its threads have stopped
        for _ in range(3):
            started = time.monotonic()
            with pytest.raises(ForkUnavailable):
                async with fork.at(head) as rpc:
                    await rpc.call("eth_blockNumber")
            assert time.monotonic() - started < 1

        async def back() -> bool:
            try:
                await fork.follow(head)
            except ForkUnavailable:
                return False
            return True

        await within(10, back)
        assert fork.pid not in (None, frozen)


async def test_a_dead_upstream_is_unavailable_and_no_revert(desk: Desk) -> None:
    """Neither before the fork moved nor while it fetches state: a fault of the node is never a candidate's."""
    state = await desk.state()
    await desk.fork.follow(state.head)
    swap = candidates(desk.build.swap(state, "WETH", "USDC", 0.5, "v2"))
    await desk.net.process.kill()
    for _ in range(2):  # the first one finds the fork on its head but without state, the second one must move it
        started = time.monotonic()
        with pytest.raises(ForkUnavailable) as caught:
            await desk.kit.simulate_all(state, swap)
        assert time.monotonic() - started < 6
        assert "revert" not in str(caught.value)


async def test_an_attached_fork_is_moved_but_not_owned(desk: Desk) -> None:
    """A service's Anvil follows our heads for one Sentinel at a time, and is still there afterwards."""
    head = await latest_head(desk.net.rpc)
    async with service() as socket:
        for _ in range(2):  # as a daemon that starts again
            async with Fork(desk.network, desk.net.rpc_url, socket=socket, timeout=20) as attached:
                await attached.follow(head)
                assert attached.healthy
                assert attached.pid is None
                assert await latest_hash(attached, desk) == head.hash
                with pytest.raises(ForkInUse):
                    await Fork(desk.network, desk.net.rpc_url, socket=socket).start()
                await attached.follow(head)
        assert socket.is_socket()


@contextlib.asynccontextmanager
async def service() -> AsyncIterator[Path]:
    """An Anvil that belongs to nobody here, as deploy/systemd/fork.sh starts it; its socket."""
    folder = Path(tempfile.mkdtemp(prefix="sentinel-service-"))
    process = await asyncio.create_subprocess_exec(
        CHECKOUT / "deploy/systemd/fork.sh",
        folder,
        env={"PATH": "/usr/bin:/bin", "SENTINEL_CACHE_DIR": str(cache_dir())},
    )
    try:
        yield folder / SOCKET
    finally:
        process.terminate()
        await process.wait()
        shutil.rmtree(folder)


async def test_the_wrong_chain_or_nobody_at_all_is_refused_at_the_start(
    desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before anything is simulated."""
    async with service() as socket:
        async with Fork(desk.network, desk.net.rpc_url, socket=socket):
            pass
        with pytest.raises(ChainMismatch):
            await Fork(replace(desk.network, chain_id=1), desk.net.rpc_url, socket=socket).start()
    monkeypatch.setattr(fork_module, "_ATTACH", 0.5)
    for nobody in (tmp_path / SOCKET, tmp_path / "no" / SOCKET):
        with pytest.raises(ForkUnavailable):
            await Fork(desk.network, desk.net.rpc_url, socket=nobody, timeout=1).start()


@pytest.mark.skipif(not os.path.exists("/proc/self/cmdline"), reason="no /proc on this system")
async def test_the_upstreams_address_is_on_no_command_line(desk: Desk) -> None:
    """Hosted endpoints carry a key in it; every user of the machine can read arguments."""
    shown = command_line(desk.fork)
    assert b"--fork-url" in shown
    assert desk.net.rpc_url.encode() not in shown


def command_line(fork: Fork) -> bytes:
    return Path(f"/proc/{fork.pid}/cmdline").read_bytes()


def test_errors_name_the_host_alone() -> None:
    """Path, query and user part of any address in Anvil's complaints are left out."""
    said = 'reqwest::Error { url: "https://user:pw@eth.example/v2/KEY?x=KEY", source: refused } wss://a.example/KEY'
    kept = without_addresses(said)
    assert "KEY" not in kept
    assert "pw" not in kept
    assert "https://eth.example" in kept


async def test_closing_leaves_no_process_and_no_file(desk: Desk) -> None:
    """Also twice, and in the middle of being started again."""
    fork = await Fork(desk.network, desk.net.rpc_url).start()
    pid = fork.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    with pytest.raises(ForkUnavailable):
        await fork.follow(await latest_head(desk.net.rpc))
    await fork.close()
    await fork.close()
    assert fork.socket is None
    assert fork.pid is None
