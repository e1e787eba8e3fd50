"""What the daemon connects to: the chain's endpoints, a place to simulate, the student's server."""

from __future__ import annotations

import math
from collections.abc import Callable

from sentinel.agent.model import ModelObserver, Sampling, StudentModel
from sentinel.chain.endpoints import EndpointPool, FailoverRules
from sentinel.config.settings import Settings
from sentinel.core.errors import SettingsError, Unavailable
from sentinel.core.market_state import Head
from sentinel.core.network import Network
from sentinel.dex.simulating.fork import Fork
from sentinel.dex.simulating.node import NodeSimulation


def endpoints(settings: Settings, network: Network) -> EndpointPool:
    """Their heads are compared twice a block, and not more often than every 0.2 s."""
    return EndpointPool(
        settings.rpc.endpoints,
        network,
        timeout=settings.rpc.read_timeout,
        look_every=min(6.0, max(0.2, network.block_time / 2)),
        rules=FailoverRules(lag=lag_blocks(network.block_time), dispute_after=settings.rpc.max_dispute_seconds),
    )


def lag_blocks(block_time: float) -> int:
    """Blocks behind the best head at which an endpoint is dropped: 5, and at least 6 s of them."""
    blocks = FailoverRules().lag
    return max(blocks, math.ceil(6.0 / block_time)) if block_time > 0 else blocks


def simulating_fork(settings: Settings, network: Network, rpc: EndpointPool) -> Fork | None:
    given = settings.fork
    if given.node_simulation == "always":
        return None
    return Fork(
        network,
        lambda: rpc.url,
        url=given.url,
        port=given.port,
        anvil=given.anvil_path or None,
        timeout=given.timeout,
        log=settings.state_dir.expanduser() / "fork.log",
    )


async def simulating_node(
    settings: Settings, network: Network, rpc: EndpointPool, changes: Callable[[], int], head: Head
) -> NodeSimulation | None:
    """The node as a place to simulate, asked whether it can. `changes` counts what may have put another node at its
    address. Raises SettingsError where it must and cannot."""
    given = settings.fork
    if given.node_simulation == "never":
        return None
    node = NodeSimulation(network, rpc, timeout=given.timeout, changes=changes)
    try:
        why = await node.cannot(head)
    except Unavailable:
        if given.node_simulation == "always":
            raise
        return node  # asked again when it is needed
    if why is not None and given.node_simulation == "always":
        raise SettingsError(
            f"SENTINEL_FORK__NODE_SIMULATION=always: the node at SENTINEL_RPC__URL cannot simulate: {why}"
        )
    return node


def student(settings: Settings, observer: ModelObserver) -> StudentModel:
    """Raises SettingsError where the oracle is to propose instead."""
    given = settings.model
    if settings.proposer != "student":
        raise SettingsError("SENTINEL_PROPOSER=oracle needs the solver, which this program was not given")
    sampling = Sampling(given.temperature, given.top_p, given.max_tokens, given.seed)
    return StudentModel(
        given.url, given.name, sampling, timeout=given.timeout, api_key_file=given.api_key_file, observer=observer
    )
