"""Doctor's checks of the places to simulate: Anvil, the fork and who can reach it, and the node that confirms."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

from sentinel.chain.anvil import VERSION, find_anvil
from sentinel.chain.endpoints import EndpointPool
from sentinel.chain.heads import latest_head
from sentinel.chain.rpc import JsonRpc
from sentinel.chain.socket_rpc import SocketRpc
from sentinel.config.settings import Settings
from sentinel.core.errors import ForkInUse, Unavailable
from sentinel.core.host.namespaces import reachable_by_others
from sentinel.core.network import Network
from sentinel.daemon.doctor.findings import Finding
from sentinel.dex.simulating.fork import Fork
from sentinel.dex.simulating.node import NodeSimulation

_ON_FORK = "final bytes are confirmed on the fork, where only the contracts' code is compared with the node"
_ALLOW = "set SENTINEL_FORK__NODE_SIMULATION to auto if the node at SENTINEL_RPC__URL can simulate"


async def anvil(settings: Settings) -> AsyncIterator[Finding]:
    """The pinned version of Anvil. No finding if the settings use no fork. Raises OperatorError if it is missing."""
    if settings.fork.node_simulation == "always":
        return
    path = await asyncio.to_thread(find_anvil, settings.fork.anvil_path)
    yield Finding("anvil", "ok", f"{VERSION} ({path.name})")


async def fork(settings: Settings, network: Network, rpc: EndpointPool) -> AsyncIterator[Finding]:
    """One simulation on a temporary fork, or on the fork at SENTINEL_FORK__SOCKET, and who can reach that fork.

    A fork that a running daemon uses is not moved. No finding if the settings use no fork. Raises Unavailable if it
    does not start or does not simulate.
    """
    started, config = time.perf_counter(), settings.fork
    if config.node_simulation == "always":
        return
    simulating = Fork(
        network,
        lambda: rpc.url,
        socket=config.socket,
        anvil=config.anvil_path or None,
        timeout=config.timeout,
    )
    try:
        async with simulating, simulating.at(await latest_head(rpc)) as endpoint:
            await _simulate(endpoint)
            reachable = await asyncio.to_thread(lambda: simulating.reachable)
    except ForkInUse:
        assert config.socket is not None
        async with SocketRpc(config.socket, timeout=config.timeout) as attached:
            await _simulate(attached)
        reachable = await asyncio.to_thread(reachable_by_others, config.socket)
    yield Finding("fork", "ok", f"starts and simulates in {time.perf_counter() - started:.1f} s")
    if reachable:
        what = "the fork can be reached by other users of this machine, and by web pages in its browsers"
        hint = "permit user namespaces, or run the fork as a service without a network (docs/systemd.md)"
        yield Finding("fork access", "warn", what, hint)
    else:
        yield Finding("fork access", "ok", "the fork has no network: only its socket reaches it")


async def _simulate(rpc: JsonRpc) -> None:
    """Simulate an empty call. Raises Unavailable if there is no result."""
    account = "0x" + "11" * 20
    call = {"from": account, "to": account, "gas": hex(50_000)}
    reply = await rpc.call("eth_simulateV1", {"blockStateCalls": [{"calls": [call]}]}, "latest")
    if not isinstance(reply, list) or not reply:
        raise Unavailable("eth_simulateV1 gives no result")


async def stand_in(settings: Settings, network: Network, rpc: JsonRpc) -> AsyncIterator[Finding]:
    """The chain's own node as a place to simulate, asked as a cycle asks it."""
    if settings.fork.node_simulation == "never":
        yield Finding("stand in", "warn", f"{_ON_FORK}, because SENTINEL_FORK__NODE_SIMULATION=never", _ALLOW)
        return
    no_fork = settings.fork.node_simulation == "always"
    problem = await NodeSimulation(network, rpc, timeout=settings.fork.timeout).cannot(await latest_head(rpc))
    if problem is None:
        role = "simulates, without a fork" if no_fork else "confirms final bytes, and stands in while the fork fails"
        yield Finding("stand in", "ok", f"the node has eth_simulateV1: it {role}")
    elif no_fork:
        hint = (
            "set SENTINEL_RPC__URL to a node that can simulate, or SENTINEL_FORK__NODE_SIMULATION to auto to use a fork"
        )
        yield Finding("stand in", "fail", f"the node cannot simulate, and the settings use no fork: {problem}", hint)
    else:
        hint = (
            "set SENTINEL_RPC__URL to a node that can simulate, or accept this with "
            "SENTINEL_FORK__NODE_SIMULATION=never"
        )
        what = f"{_ON_FORK}, and while the fork fails every cycle holds, because the node cannot simulate: {problem}"
        yield Finding("stand in", "warn", what, hint)
