"""The choice of where simulations run: on the fork, or on the chain's own node if the fork cannot serve in time.

Final bytes are an exception: a node that can simulate is the only place for them, because whoever reaches the fork can
change its state without a trace.

Both places share one timeout. After a failure of the fork the node is asked first, until a warming in the background
has shown that the fork simulates a whole batch again.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

from sentinel.chain.rpc import JsonRpc
from sentinel.core.errors import ForkUnavailable
from sentinel.core.market_state import Head
from sentinel.core.network import Address, Network
from sentinel.core.simulation import Simulation, Where
from sentinel.dex.simulating.batch_engine import simulate
from sentinel.dex.simulating.fork import Fork
from sentinel.dex.simulating.node import NodeSimulation
from sentinel.dex.simulating.trial import Balances, Trial

FIRST_SHARE = 0.6  # of the remaining time, for the first of two places

# (endpoint at the head, network, wallet, trials, balances before or None, wei held) -> effects, in order
Engine = Callable[[JsonRpc, Network, Address, Sequence[Trial], Balances | None, int], Awaitable[list[Simulation]]]
Place = Fork | NodeSimulation


class Batch(NamedTuple):
    """The arguments of an engine after the endpoint and the network."""

    wallet: Address
    trials: Sequence[Trial]
    before: Balances | None  # the wallet's at the head; None: read inside each simulation
    funds: int  # the wallet's wei


class Simulator:
    """Runs batches on the fork or the node, whichever serves."""

    def __init__(
        self, network: Network, fork: Fork | None, node: NodeSimulation | None, engine: Engine = simulate
    ) -> None:
        """At least one of `fork` and `node` is needed. `engine` runs on the fork; the node always gets `simulate`."""
        if fork is None and node is None:
            raise ValueError("a simulator needs a fork or a node")
        self._network = network
        self.fork = fork
        self.node = node
        self._engine = engine
        self.doubted = False  # the fork failed and has not served a batch since
        self.batches: Counter[Where] = Counter()  # how many ran at each place

    @property
    def timeout(self) -> float:
        """Seconds for one batch, over both places."""
        place = self.fork or self.node
        assert place is not None
        return place.timeout

    @property
    def node_first(self) -> bool:
        """Whether the next batch goes to the node first."""
        return self._places()[0] is self.node

    async def run(self, head: Head, batch: Batch) -> list[Simulation]:
        """Simulate the batch upon `head`. Returns one Simulation per trial, in order, marked with where it ran.

        Raises ForkUnavailable within `timeout` if no place serves this head.
        """
        return await self._run(self._places(), head, batch, self._end())

    async def run_final(self, head: Head, batch: Batch) -> list[Simulation]:
        """As `run`, for the bytes that will be signed: on the node, and on the fork only if the node cannot simulate.

        A node that does not answer raises ForkUnavailable, because a tampered fork would profit from its silence.
        """
        end, places = self._end(), self._places()
        if self.node is not None and self.fork is not None:
            places = [self.fork if await self.node.unable(head, self.timeout) else self.node]
        return await self._run(places, head, batch, end)

    def _end(self) -> float:
        return asyncio.get_running_loop().time() + self.timeout

    async def _run(self, places: Sequence[Place], head: Head, batch: Batch, end: float) -> list[Simulation]:
        clock = asyncio.get_running_loop().time
        failures: list[ForkUnavailable] = []
        for place in places:
            share = 1.0 if place is places[-1] else FIRST_SHARE
            try:
                simulations = await self._on(place, head, batch, (end - clock()) * share)
            except ForkUnavailable as error:
                failures.append(error)
                self.doubted = self.doubted or place is self.fork
                continue
            self.doubted = self.doubted and place is not self.fork
            self.batches[Where.FORK if place is self.fork else Where.NODE] += 1
            return simulations
        raise ForkUnavailable("; ".join(str(error) for error in failures)) from failures[0]

    async def warm(self, head: Head, batch: Batch) -> None:
        """Simulate the batch on the fork alone. If that succeeds, the fork is trusted again. Raises ForkUnavailable."""
        if self.fork is not None:
            await self._on(self.fork, head, batch, self.timeout)
            self.doubted = self.doubted and not batch.trials

    async def ready(self, head: Head) -> str:
        """One sentence on where the next batch will run. An unhealthy fork is used once, which restarts it if needed.

        Raises ForkUnavailable if no place can serve.
        """
        if self.fork is None:
            await self._node_serves(head)
            return "the node simulates, without a fork"
        try:
            if not self.fork.healthy:
                await self.fork.follow(head)
            if not self.fork.healthy:
                raise ForkUnavailable("the fork failed at its last use")
        except ForkUnavailable as error:
            self.doubted = True
            if not self.node_first:
                raise
            await self._node_serves(head)
            return f"{error}; the node stands in for it"
        return "the fork follows the chain" + ("; the node simulates until it is warm" if self.node_first else "")

    async def _on(self, place: Place, head: Head, batch: Batch, within: float) -> list[Simulation]:
        async with place.at(head, within) as rpc:
            if isinstance(place, Fork):
                return await self._engine(rpc, self._network, *_without_hashes(batch))
            simulations = await simulate(rpc, self._network, *batch)
        return [replace(simulation, where=Where.NODE) for simulation in simulations]

    def _places(self) -> list[Place]:
        """The places to try, in order. Beside a fork, a node that is known to be unable is left out."""
        node = None if self.node is None or (self.fork is not None and self.node.able is False) else self.node
        turns = (node, self.fork) if self.doubted else (self.fork, node)
        return [place for place in turns if place is not None]

    async def _node_serves(self, head: Head) -> None:
        assert self.node is not None
        async with self.node.at(head):
            pass


def _without_hashes(batch: Batch) -> Batch:
    """Without the hashes of skipped blocks: Anvil 1.7.1 cannot read that override on its unix socket.

    BLOCKHASH of such a block is then a constant of Anvil. Final bytes meet it only if the node cannot simulate.
    """
    if not any(trial.skipped for trial in batch.trials):  # as while screening
        return batch
    trials = [
        replace(trial, skipped=tuple(block._replace(hash=None) for block in trial.skipped)) for trial in batch.trials
    ]
    return batch._replace(trials=trials)
