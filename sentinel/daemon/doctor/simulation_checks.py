"""Is there somewhere to simulate: a fork, and the node that may stand in for it? A part of `sentinel doctor`."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator

from sentinel.chain.endpoints import EndpointPool
from sentinel.chain.heads import latest_head
from sentinel.chain.rpc import JsonRpc, Rpc
from sentinel.config.settings import Settings
from sentinel.core.errors import Unavailable
from sentinel.core.network import Network
from sentinel.daemon.doctor.findings import Finding
from sentinel.dex.simulating.fork import Fork
from sentinel.dex.simulating.node import NodeSimulation


async def fork(settings: Settings, network: Network, rpc: EndpointPool) -> AsyncIterator[Finding]:
    """A throw-away fork on a free port; or the one that SENTINEL_FORK__URL names, left where it is."""
    started, given = time.perf_counter(), settings.fork
    if given.url:
        async with Rpc(given.url, timeout=given.timeout) as attached:
            await _simulates(attached)
    else:
        async with (
            Fork(network, lambda: rpc.url, anvil=given.anvil_path or None, timeout=given.timeout) as own,
            own.at(await latest_head(rpc)) as endpoint,
        ):
            await _simulates(endpoint)
    yield Finding("fork", "ok", f"starts and simulates in {time.perf_counter() - started:.1f} s")


async def _simulates(rpc: JsonRpc) -> None:
    nobody = "0x" + "11" * 20
    call = {"from": nobody, "to": nobody, "gas": hex(50_000)}
    reply = await rpc.call("eth_simulateV1", {"blockStateCalls": [{"calls": [call]}]}, "latest")
    if not isinstance(reply, list) or not reply:
        raise Unavailable("eth_simulateV1 gives no result")


async def stand_in(settings: Settings, network: Network, rpc: JsonRpc) -> AsyncIterator[Finding]:
    """The chain's own node, asked as a cycle would ask it."""
    alone = settings.fork.node_simulation == "always"
    why = await NodeSimulation(network, rpc, timeout=settings.fork.timeout).cannot(await latest_head(rpc))
    if why is None:
        role = "it simulates, without a fork" if alone else "it stands in while the fork fails"
        yield Finding("stand in", "ok", f"the node has eth_simulateV1: {role}")
    elif alone:
        mend = "name a node that can as SENTINEL_RPC__URL, or leave SENTINEL_FORK__NODE_SIMULATION at auto"
        yield Finding("stand in", "fail", f"the node cannot simulate, and there is no fork: {why}", mend)
    else:
        mend = "name a node that can as SENTINEL_RPC__URL, or accept it: SENTINEL_FORK__NODE_SIMULATION=never"
        yield Finding("stand in", "warn", f"cycles hold while the fork fails, the node cannot simulate: {why}", mend)
