"""The chain's own node as a place of simulation: with eth_simulateV1 it can stand in for the fork.

Requests name their block by hash. One small request finds out whether the node can serve them. The answer is remembered
until another node may be behind the endpoint.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

from sentinel.chain import replies
from sentinel.chain.replies import Reply
from sentinel.chain.rpc import Call, JsonRpc, at_block, plain
from sentinel.core.errors import ForkUnavailable, RpcError
from sentinel.core.market_state import Head
from sentinel.core.network import DEVELOPMENT_CHAIN, HexHash, Network
from sentinel.core.transaction import Fees
from sentinel.dex.simulating.batch_engine import Reader
from sentinel.dex.simulating.environment import BlockEnvironments
from sentinel.dex.simulating.fork import without_addresses
from sentinel.dex.simulating.simulate_v1 import (
    SimulatedBlock,
    block_overrides,
    simulation_request,
    transaction,
    why_elsewhere,
)

_NO_BLOCK = HexHash("0x" + "5e" * 32)  # no block has this hash
_GAS = 50_000


class NodeSimulation:
    """Simulation on the endpoint's node, after a check that it simulates upon the block that a request names."""

    def __init__(
        self, network: Network, rpc: JsonRpc, *, timeout: float = 5.0, changes: Callable[[], int] | None = None
    ) -> None:
        """`timeout`: seconds for one whole use.

        `changes` returns a count that grows whenever another node may be behind the endpoint. By default it is the
        number of the endpoint's failed requests.
        """
        self._network = network
        self._rpc = rpc
        self.timeout = timeout
        self._changes = changes or (lambda: rpc.failures)
        self._cannot: str | None = "it was not asked yet"
        self._asked_at: int | None = None  # the value of `changes` when the node was asked

    @property
    def able(self) -> bool | None:
        """Whether it can simulate upon a head; None if that is unknown, or no longer known."""
        return self._cannot is None if self._asked_at == self._changes() else None

    @contextlib.asynccontextmanager
    async def at(self, head: Head, within: float | None = None) -> AsyncIterator[JsonRpc]:
        """The node's endpoint for requests that name `head`, for `within` seconds (None: the timeout).

        Raises ForkUnavailable if the node does not answer, is too slow, cannot simulate or lacks the head.
        """
        within = self.timeout if within is None else within
        async with self._answering(within):
            if (reason := await self.cannot(head)) is not None:
                raise ForkUnavailable(f"the node cannot stand in: {reason}")
            yield self._rpc

    async def unable(self, head: Head, within: float) -> bool:
        """Whether it cannot simulate. Raises ForkUnavailable if it does not say so within `within` seconds."""
        async with self._answering(within):
            return await self.cannot(head) is not None

    @contextlib.asynccontextmanager
    async def _answering(self, within: float) -> AsyncIterator[None]:
        """Raises ForkUnavailable if the node fails or takes longer than `within` seconds."""
        try:
            async with asyncio.timeout(within):
                yield
        except TimeoutError as error:
            raise ForkUnavailable(f"the node did not answer within {within:.3g} s") from error
        except RpcError as error:
            raise ForkUnavailable(f"the node failed: {without_addresses(str(error))}") from error

    async def cannot(self, head: Head) -> str | None:
        """Why it cannot simulate upon a head; None if it can. The node is asked only if the answer is unknown.

        Raises RpcError if it does not answer and ForkUnavailable if its answer decides nothing. Neither is remembered.
        """
        if self.able is None:
            now = self._changes()
            self._cannot = await self._ask(head)
            self._asked_at = now
        return self._cannot

    async def _ask(self, head: Head) -> str | None:
        fees, reader = Fees(head.base_fee, 0), Reader.of(head.hash)
        env = BlockEnvironments(self._network).next_block(head, 0, fees)
        empty_call = transaction(self._network.fees, reader.address, reader.address, b"", 0, _GAS, fees, None)
        funds = {reader.address: {"balance": hex(_GAS * env.base_fee + reader.balance)}}

        def upon(block_hash: HexHash) -> Call:
            return simulation_request([SimulatedBlock(block_overrides(env), [empty_call], funds)], at_block(block_hash))

        real, nonexistent = await self._rpc.batch([upon(head.hash), upon(_NO_BLOCK)])
        if isinstance(nonexistent, RpcError) and replies.classify(nonexistent) is Reply.RATE_LIMITED:
            raise ForkUnavailable(f"the node refused to say: {without_addresses(str(nonexistent))}")
        if isinstance(real, RpcError):
            if replies.classify(real) is Reply.UNSUPPORTED:
                return "it has no eth_simulateV1"
            raise ForkUnavailable(f"the node could not simulate: {without_addresses(str(real))}")
        try:
            reason = why_elsewhere(real[0], env)
        except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
            raise ForkUnavailable(f"the node's answer to eth_simulateV1 cannot be read: {error!r}") from error
        if reason is None and self._network.chain_id != DEVELOPMENT_CHAIN and real[0].get("parentHash") != head.hash:
            # Anvil's zeros are accepted on the development chain only.
            return "it does not show upon which block it simulated"
        if reason is None and nonexistent and not isinstance(nonexistent, RpcError):
            return "it does not look at which block it is asked for: it answers for one that does not exist"
        return None if reason is None else f"it answers for another block: {plain(reason)}"
