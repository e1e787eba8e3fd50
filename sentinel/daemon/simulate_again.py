"""Simulates the candidates of a recorded cycle again, on a fork at its block, and compares the effects."""

from __future__ import annotations

import contextlib

from sentinel.chain.heads import latest_head
from sentinel.config.settings import Settings
from sentinel.core.actions import HoldAction
from sentinel.core.network import Network
from sentinel.core.record import CycleRecord
from sentinel.core.simulation import Simulation
from sentinel.daemon.connections import endpoints, simulating_fork
from sentinel.daemon.replay import StageReplay
from sentinel.dex.simulating.node import NodeSimulation
from sentinel.dex.simulating.storage_slots import PaperSlots
from sentinel.dex.toolkit import DexToolkit

COMPARED = ("tx", "deltas", "gross", "gas_used", "logs", "revert", "router_allowance")  # fields of a simulation


async def simulate_again(record: CycleRecord, settings: Settings, network: Network, paper: bool) -> StageReplay:
    """Whether each recorded simulation is what the chain of the endpoint gives at that block.

    `paper`: the cycle was decided with a paper wallet. Raises Unavailable, such as HeadGone for a block whose state
    the endpoint no longer has, and OperatorError.
    """
    state = record.state
    if state is None or not record.simulations:
        return StageReplay("at node", None, "the record has no simulation")
    async with contextlib.AsyncExitStack() as stack:
        rpc = await stack.enter_async_context(endpoints(settings, network))
        fork = simulating_fork(settings, network, rpc)
        if fork is not None:
            await stack.enter_async_context(fork)
        toolkit = DexToolkit(network, fork, node=NodeSimulation(network, rpc))
        if paper:
            toolkit.use_paper(await PaperSlots.find(rpc, network, state.wallet, await latest_head(rpc)))
        again = await toolkit.simulate_all(state, [one.candidate for one in record.simulations])
    for then, now in zip(record.simulations, again, strict=True):
        if not isinstance(then.candidate.action, HoldAction) and (name := _difference(then, now)) is not None:
            why = f"candidate {then.candidate.index}: {name} was {getattr(then, name)}, is {getattr(now, name)}"
            return StageReplay("at node", False, why[:200])
    return StageReplay("at node", True, f"{len(again)} simulations at block {state.head.number}, as recorded")


def _difference(then: Simulation, now: Simulation) -> str | None:
    """The first compared field that differs."""
    return next((name for name in COMPARED if getattr(then, name) != getattr(now, name)), None)
