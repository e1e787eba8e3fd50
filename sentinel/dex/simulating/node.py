"""The chain's own node as a place to simulate upon a head: where it has eth_simulateV1, it can stand in for the fork.

It is asked by block hash. Whether it can do so is found out with one tiny request and remembered, until what stands
behind the endpoint may have changed.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

from sentinel.chain.rpc import Call, JsonRpc, at_block, plain
from sentinel.core.errors import ForkUnavailable, RpcError
from sentinel.core.market_state import Head
from sentinel.core.network import DEVELOPMENT_CHAIN, HexHash, Network
from sentinel.core.transaction import Fees
from sentinel.core.units import COIN
from sentinel.dex.simulating.batch_engine import READER
from sentinel.dex.simulating.environment import next_block
from sentinel.dex.simulating.fork import without_addresses
from sentinel.dex.simulating.simulate_v1 import (
    SimulatedBlock,
    block_overrides,
    simulation_request,
    transaction,
    why_elsewhere,
)

_NO_SUCH_METHOD = (-32601, -32004)  # JSON-RPC's code, and EIP-1474's
_NO_BLOCK = HexHash("0x" + "5e" * 32)  # no block has this hash
_GAS = 50_000


class NodeSimulation:
    def __init__(
        self, network: Network, rpc: JsonRpc, *, timeout: float = 5.0, changes: Callable[[], int] | None = None
    ) -> None:
        """`timeout` (seconds) bounds one whole use. `changes` grows whenever another node may stand behind the
        endpoint; if not given, with each of its requests that failed."""
        self._network = network
        self._rpc = rpc
        self.timeout = timeout
        self._changes = changes or (lambda: rpc.failures)
        self._cannot: str | None = "it was not asked yet"
        self._asked_at: int | None = None  # what `changes` gave when it was asked

    @property
    def able(self) -> bool | None:
        """Whether it can simulate upon a head; None where that is not known, or not any more."""
        return self._cannot is None if self._asked_at == self._changes() else None

    @contextlib.asynccontextmanager
    async def at(self, head: Head, within: float | None = None) -> AsyncIterator[JsonRpc]:
        """The node's endpoint for requests that name `head`, for so many seconds, or the timeout.

        Raises ForkUnavailable when the node does not answer, is too slow, cannot simulate or lacks the head.
        """
        within = self.timeout if within is None else within
        try:
            async with asyncio.timeout(within):
                if (why := await self.cannot(head)) is not None:
                    raise ForkUnavailable(f"the node cannot stand in: {why}")
                yield self._rpc
        except TimeoutError as error:
            raise ForkUnavailable(f"the node did not answer within {within:.3g} s") from error
        except RpcError as error:
            raise ForkUnavailable(f"the node failed: {without_addresses(str(error))}") from error

    async def cannot(self, head: Head) -> str | None:
        """Why it cannot simulate upon a head; None where it can. The node is asked only where that is not known.

        Raises RpcError where it does not answer, ForkUnavailable where it cannot say: neither is remembered.
        """
        if self.able is None:
            now = self._changes()
            self._cannot = await self._ask(head)
            self._asked_at = now
        return self._cannot

    async def _ask(self, head: Head) -> str | None:
        env = next_block(self._network, head, 0, Fees(head.base_fee, 0))
        fees = Fees(env.base_fee, 0)
        nothing = transaction(self._network.fees, READER, READER, b"", 0, _GAS, fees, None)
        funds = {READER: {"balance": hex(_GAS * env.base_fee + COIN)}}

        def upon(block_hash: HexHash) -> Call:
            return simulation_request([SimulatedBlock(block_overrides(env), [nothing], funds)], at_block(block_hash))

        real, impossible = await self._rpc.batch([upon(head.hash), upon(_NO_BLOCK)])
        if isinstance(real, RpcError):
            if real.code in _NO_SUCH_METHOD:
                return "it has no eth_simulateV1"
            raise ForkUnavailable(f"the node could not simulate: {without_addresses(str(real))}")
        try:
            why = why_elsewhere(real[0], env)
        except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
            raise ForkUnavailable(f"the node's answer to eth_simulateV1 cannot be read: {error!r}") from error
        if why is None and self._network.chain_id != DEVELOPMENT_CHAIN and real[0].get("parentHash") != head.hash:
            return "it does not show upon which block it simulated"  # Anvil's zeros are believed on its own chain alone
        if why is None and impossible and not isinstance(impossible, RpcError):
            return "it does not look at which block it is asked for: it answers for one that does not exist"
        return None if why is None else f"it answers for another block: {plain(why)}"
