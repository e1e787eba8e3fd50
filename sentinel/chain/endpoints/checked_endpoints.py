"""The endpoints of one chain by number: their clients, their health, and the check that each serves our chain."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import structlog

from sentinel.chain import chain_identity
from sentinel.chain.chain_identity import KnownBlock
from sentinel.chain.endpoints.endpoint_health import EndpointHealth, FailoverRules
from sentinel.chain.rpc import Rpc, redact, unanswered
from sentinel.core.errors import ChainMismatch, RpcError
from sentinel.core.network import HexHash, Network

log = structlog.get_logger("sentinel.chain.endpoints")

REVERTED = 3  # error code of a revert: the endpoint has the block


class CheckedEndpoints:
    """Endpoints are numbers here, in the order of the settings. Each failure is noted in `health` and logged."""

    def __init__(
        self,
        urls: Sequence[str],
        network: Network,
        timeout: float,
        rules: FailoverRules,
        clock: Callable[[], float],
    ) -> None:
        self.rpcs = [Rpc(url, timeout=timeout) for url in urls]
        self.names = [f"{i}:{redact(url).partition('://')[2]}" for i, url in enumerate(urls)]
        self.health = EndpointHealth(len(urls), rules, clock)
        self.genesis: HexHash | None = None  # of the first endpoint that was checked; all must have it
        self.known: KnownBlock | None = None  # of the journal; all must have it
        self._network = network
        self._rules = rules

    async def check(self, i: int) -> None:
        """Check chain id, pinned block and known block, before the first use and after every fail-over (I10, I30).

        Raises ChainMismatch if the endpoint serves another chain, RpcError if it does not answer.
        """
        try:
            genesis = await chain_identity.check_chain(self.rpcs[i], self._network)
            if self.known is not None:
                await chain_identity.check_known(self.rpcs[i], self.known)
        except RpcError as error:  # whatever the node answers instead, it has not shown our chain
            raise RpcError(f"{self.names[i]}: {error}") from error
        self.genesis = self.genesis or genesis
        if genesis != self.genesis:
            raise ChainMismatch(f"its first block is {genesis}, the other endpoints have {self.genesis}")
        self.health.passed(i)

    async def check_if_due(self, i: int) -> None:
        if self.health.due(i):
            await self.check(i)

    async def knows(self, i: int, block: HexHash) -> bool:
        """Whether the endpoint has the block. Raises RpcError if it does not answer."""
        try:
            return isinstance(await self.rpcs[i].call("eth_getBlockByHash", block, False), dict)
        except RpcError as error:
            if unanswered(error):
                raise
            return False

    async def lacks(self, i: int, block: HexHash, error: RpcError) -> bool:
        """Whether `error` means that the endpoint does not have the block, while another endpoint may have it."""
        if error.code == REVERTED or len(self.health.usable) < 2:
            return False
        try:
            return not await self.knows(i, block)
        except RpcError:  # the block is unknown either way, so the first error stands
            return False

    def failed(self, i: int, error: RpcError) -> None:
        if self.health.failed(i):
            log.warning("endpoint.dropped", endpoint=self.names[i], seconds=self._rules.rest, error=str(error))

    def refuse(self, i: int, error: ChainMismatch) -> None:
        self.health.refuse(i, str(error))
        log.error("endpoint.refused", endpoint=self.names[i], why=str(error), meaning="it is not used again")

    @property
    def refused(self) -> dict[str, str]:
        """Endpoints that are never used again, by name, with the reason."""
        return {self.names[i]: reason for i, reason in self.health.refused().items()}

    def none_usable(self) -> Exception:
        """The error to raise if no endpoint gave an answer and none raised an error."""
        if self.health.order:
            return RpcError("no endpoint knows the block that is asked for")
        return ChainMismatch("; ".join(f"{name}: {reason}" for name, reason in self.refused.items()))

    async def close(self) -> None:
        for rpc in self.rpcs:
            await rpc.close()
