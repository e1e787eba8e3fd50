"""The endpoints of one chain by number: their clients, their health, and the check that each serves our chain."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import structlog

from sentinel.chain import chain_identity, replies
from sentinel.chain.chain_identity import KnownBlock
from sentinel.chain.endpoints.counted_client import CountedClient, rests_at_once
from sentinel.chain.endpoints.endpoint_health import EndpointHealth, FailoverRules
from sentinel.chain.endpoints.request_kinds import Refusals
from sentinel.chain.replies import Reply
from sentinel.chain.rpc import Rpc, redact
from sentinel.chain.socket_rpc import SocketRpc
from sentinel.core.errors import ChainMismatch, RpcError, RpcTimeout
from sentinel.core.network import HexHash, Network

CHECKS = ("eth_chainId", "eth_getBlockByNumber")  # what the check of an endpoint's chain asks for

log = structlog.get_logger("sentinel.chain.endpoints")


class CheckedEndpoints:
    """Endpoints are numbers here, in the order of the settings. Their clients count in `health` what they ask for."""

    def __init__(
        self,
        urls: Sequence[str],
        network: Network,
        timeout: float,
        rules: FailoverRules,
        clock: Callable[[], float],
        socket: Path | None = None,
    ) -> None:
        """`socket`: the unix socket of the one node behind all of `urls`."""
        self.rpcs = [
            Rpc(url, timeout=timeout) if socket is None else SocketRpc(socket, timeout=timeout) for url in urls
        ]
        self.names = [f"{i}:{redact(url).partition('://')[2]}" for i, url in enumerate(urls)]
        self.health = EndpointHealth(len(urls), rules, clock)
        self.genesis: HexHash | None = None  # of the first endpoint that was checked; all must have it
        self.unanswered = Counter[int]()  # requests without an answer, by endpoint
        self.known: KnownBlock | None = None  # of the journal; all must have it
        self._network = network

    def client(self, i: int) -> CountedClient:
        """A client for one use of the endpoint."""
        return CountedClient(self.rpcs[i], self.names[i], _Tally(self, i))

    async def check(self, i: int) -> None:
        """Check chain id, pinned block and known block, before the first use and after every fail-over (I10, I30).

        Raises ChainMismatch if the endpoint serves another chain, RpcError if it does not answer.
        """
        try:
            client = self.client(i)
            genesis = await chain_identity.check_chain(client, self._network)
            if self.known is not None:
                await chain_identity.check_known(client, self.known)
        except RpcError as error:  # whatever the node answers instead, it has not shown our chain
            kind = RpcTimeout if isinstance(error, RpcTimeout) else RpcError
            raise kind(f"{self.names[i]}: {error}") from error
        self.genesis = self.genesis or genesis
        if genesis != self.genesis:
            raise ChainMismatch(f"its first block is {genesis}, the other endpoints have {self.genesis}")
        self.health.passed(i)

    async def check_if_due(self, i: int) -> None:
        if self.health.due(i):
            await self.check(i)

    async def knows(self, i: int, block: HexHash) -> bool:
        """Whether the endpoint has the block. Raises RpcError if it does not say."""
        return isinstance(await self.client(i).call("eth_getBlockByHash", block, False), dict)

    def failed(self, i: int, refused: Refusals) -> None:
        """One request to the endpoint got no answer, or not to all that it asked for."""
        self.unanswered[i] += 1
        self.unserved(i, refused)

    def unserved(self, i: int, refused: Refusals) -> None:
        """The endpoint did not serve these requests, sent or not."""
        for name, error in refused.items():
            kinds = self.health.failed(
                i,
                [name],
                same_node=replies.classify(error) is Reply.MISSING,
                at_once=rests_at_once(name, error),
                rest=replies.retry_after(error),
            )
            for kind in kinds:
                log.warning("endpoint.dropped", endpoint=self.names[i], kind=kind.value, request=name, error=str(error))

    def refuse(self, i: int, error: ChainMismatch) -> None:
        self.health.refuse(i, str(error))
        log.error("endpoint.refused", endpoint=self.names[i], why=str(error), meaning="it is not used again")

    @property
    def refused(self) -> dict[str, str]:
        """Endpoints that are never used again, by name, with the reason."""
        return {self.names[i]: reason for i, reason in self.health.refused().items()}

    def none_usable(self) -> Exception:
        """The error to raise if no endpoint gave an answer and none raised an error."""
        if self.health.members():
            return RpcError("no endpoint knows the block that is asked for")
        return ChainMismatch("; ".join(f"{name}: {reason}" for name, reason in self.refused.items()))

    async def close(self) -> None:
        for rpc in self.rpcs:
            await rpc.close()


@dataclass(frozen=True, slots=True)
class _Tally:
    """The results of one endpoint's requests, on their way to the health of all."""

    endpoints: CheckedEndpoints
    endpoint: int

    def answered(self, names: Collection[str]) -> None:
        self.endpoints.health.answered(self.endpoint, names)

    def failed(self, refused: Refusals) -> None:
        self.endpoints.failed(self.endpoint, refused)
