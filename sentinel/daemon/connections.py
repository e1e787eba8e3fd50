"""The daemon's connections: the chain's endpoints, and the fork or node that simulates."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

from sentinel.chain.endpoints import EndpointPool, FailoverRules
from sentinel.config.settings import Settings
from sentinel.core.errors import SettingsError, Unavailable
from sentinel.core.market_state import Head
from sentinel.core.network import Network
from sentinel.dex.simulating.fork import Fork
from sentinel.dex.simulating.node import NodeSimulation


def endpoints(settings: Settings, network: Network, socket: Path | None = None) -> EndpointPool:
    """The pool of the configured endpoints. It compares their heads every half block, between 0.2 s and 6 s.

    `socket`: the unix socket of their node, which is then asked there.
    """
    return EndpointPool(
        settings.rpc.endpoints,
        network,
        timeout=settings.rpc.read_timeout,
        look_every=min(6.0, max(0.2, network.block_time / 2)),
        rules=FailoverRules(lag=lag_blocks(network.block_time), dispute_after=settings.rpc.max_dispute_seconds),
        socket=socket,
    )


def lag_blocks(block_time: float) -> int:
    """Blocks behind the best head at which an endpoint is dropped: 5, and at least 6 s of them."""
    blocks = FailoverRules().lag
    return max(blocks, math.ceil(6.0 / block_time)) if block_time > 0 else blocks


def simulating_fork(settings: Settings, network: Network, rpc: EndpointPool) -> Fork | None:
    """A fork that is not started yet; None if the node runs every simulation."""
    fork_settings = settings.fork
    if fork_settings.node_simulation == "always":
        return None
    return Fork(
        network,
        lambda: rpc.url,
        socket=fork_settings.socket,
        port=fork_settings.port,
        anvil=fork_settings.anvil_path or None,
        timeout=fork_settings.timeout,
        log=settings.state_dir.expanduser() / "fork.log",
    )


async def simulating_node(
    settings: Settings, network: Network, rpc: EndpointPool, changes: Callable[[], int], head: Head
) -> NodeSimulation | None:
    """The node as a simulator; None if it cannot simulate or the settings do not use it.

    `changes` counts the events after which another node may answer at the same address. Raises SettingsError if the
    settings require the node and it cannot simulate, Unavailable if they require it and it does not answer.
    """
    fork_settings = settings.fork
    if fork_settings.node_simulation == "never":
        return None
    node = NodeSimulation(network, rpc, timeout=fork_settings.timeout, changes=changes)
    try:
        why = await node.cannot(head)
    except Unavailable:
        if fork_settings.node_simulation == "always":
            raise
        return node  # it is checked again before its first use
    if why is not None and fork_settings.node_simulation == "always":
        raise SettingsError(
            f"SENTINEL_FORK__NODE_SIMULATION=always: the node at SENTINEL_RPC__URL cannot simulate: {why}"
        )
    return node
