"""A pool of endpoints of one chain with the interface of one endpoint, `sentinel.chain.rpc.JsonRpc`.

Each kind of read goes to the endpoint that is current for it. A read without an answer is repeated at the next healthy
endpoint; only a judgement of the call is an answer (`sentinel.chain.replies`). A read of a block by its hash is
repeated only at an endpoint that has the block. So a cycle reads the state of one chain, or gets an error. No send is
repeated.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TypeVar

from sentinel.chain import replies
from sentinel.chain.chain_identity import KnownBlock
from sentinel.chain.endpoints import counted_client
from sentinel.chain.endpoints.checked_endpoints import CHECKS, CheckedEndpoints
from sentinel.chain.endpoints.counted_client import CountedClient
from sentinel.chain.endpoints.endpoint_health import FailoverRules
from sentinel.chain.endpoints.head_comparison import HeadComparison
from sentinel.chain.endpoints.request_kinds import READS, Kind, block_hash, heaviest, only_reads, refusals, unanswered
from sentinel.chain.rpc import Call, JsonRpc, Sender
from sentinel.core.errors import ChainMismatch, RpcError
from sentinel.core.network import Network

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class EndpointStatus:
    name: str  # place in the settings and host, without any key that the address contains
    state: str  # as EndpointHealth.state
    requests: int
    failures: int  # requests without an answer
    rests: Mapping[str, str]  # kinds of requests that it rests for, with the requests that failed


class EndpointPool:
    """Use as an async context manager: with two or more endpoints their heads are compared while it is open."""

    def __init__(
        self,
        urls: Sequence[str],
        network: Network,
        *,
        timeout: float = 10.0,
        look_every: float = 6.0,
        rules: FailoverRules | None = None,
        clock: Callable[[], float] = time.monotonic,
        socket: Path | None = None,
    ) -> None:
        """Times are seconds: `timeout` of one request, `look_every` between two comparisons of all heads.

        `socket`: the unix socket of the node at `urls`, which is asked there in a sixth of HTTP's time.
        """
        rules = rules or FailoverRules()
        self._endpoints = CheckedEndpoints(urls, network, timeout, rules, clock, socket)
        self._health = self._endpoints.health
        self._heads = HeadComparison(self._endpoints, rules, look_every, clock)
        self._comparing: asyncio.Task[None] | None = None
        self._started = False

    # ------------------------------------------------------------ the interface of one endpoint

    @property
    def failures(self) -> int:
        """Requests without a reply, plus fail-overs, ever: another node may answer after each of them."""
        return sum(rpc.failures for rpc in self._endpoints.rpcs) + self._health.switches

    @property
    def url(self) -> str:
        """Address of the endpoint that state is read from, with any key in it: for a child process, never for a log."""
        return self._endpoints.rpcs[self._health.current(Kind.STATE)].url

    async def call(self, method: str, *params: Any, timeout: float | None = None) -> Any:
        """As `Rpc.call`. Raises ChainMismatch if no endpoint serves our chain."""
        calls: list[Call] = [(method, params)]
        only_reads(calls)
        return await self._read(lambda client: client.call(method, *params, timeout=timeout), calls)

    async def batch(self, calls: Sequence[Call], timeout: float | None = None) -> list[Any | RpcError]:
        """As `Rpc.batch`; one endpoint answers the whole batch.

        If no endpoint answers all of it, the answers of the one that refused least are returned.
        """
        if not calls:
            return []
        only_reads(calls)
        best: tuple[int, list[Any | RpcError]] | None = None

        async def ask(client: CountedClient) -> list[Any | RpcError]:
            nonlocal best
            results = await client.batch(calls, timeout)
            if refused := refusals(calls, results):
                if best is None or len(refused) < best[0]:
                    best = len(refused), results
                raise next(iter(refused.values()))
            return results

        try:
            return await self._read(ask, calls)
        except RpcError:
            if best is not None:
                return best[1]
            raise

    async def everywhere(self, ask: Callable[[JsonRpc], Awaitable[T]]) -> list[T]:
        """The answers of all endpoints that state can be read from, the current one first, without late ones.

        One that is late counts as failed once its client is cancelled.
        """
        tasks = {i: asyncio.create_task(self._ask_one(i, ask)) for i in self._health.order(Kind.STATE)}
        try:
            waiting = set(tasks.values())
            while waiting and not any(_succeeded(task) for task in tasks.values()):
                _, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            if waiting:
                await asyncio.wait(waiting, timeout=counted_client.PATIENCE)
        finally:
            if late := {task for task in tasks.values() if task.cancel()}:
                await asyncio.wait(late)  # their clients count them
        if answers := [task.result() for task in tasks.values() if _succeeded(task)]:
            return answers
        errors = (error for task in tasks.values() if (error := task.exception()) is not None)
        raise self._unusable(next(errors, self._endpoints.none_usable()))

    def senders(self) -> Sequence[tuple[str, Sender]]:
        usable = [i for i in self._health.usable(Kind.SEND) if self._health.checked(i)]
        return [(self._endpoints.names[i], self._endpoints.client(i)) for i in usable]

    # ------------------------------------------------------------ the state of the endpoints

    @property
    def disputed(self) -> str | None:
        """The reason why no decision may be taken on a head now: endpoints have disagreed for too long (I11), or all of
        them serve another chain (I30)."""
        return self._heads.disputed or self.another_chain

    @property
    def refused(self) -> dict[str, str]:
        """Endpoints that are never used again, with the reason."""
        return self._endpoints.refused

    @property
    def unserved(self) -> list[str]:
        """The kinds of reads for which no endpoint is healthy. They are asked of all endpoints all the same."""
        return [kind.value for kind in READS if not self._health.healthy(kind)]

    @property
    def members(self) -> int:
        """The number of endpoints that are not of another chain."""
        return len(self._health.members())

    def expect(self, known: KnownBlock) -> None:
        """From now on an endpoint must have this block too when it is checked (I30)."""
        self._endpoints.known = known

    def recheck(self) -> None:
        """Check each endpoint again before its next use, as after a reconnect."""
        self._health.recheck()

    def started(self) -> None:
        """From now on a chain that turns out to be another one raises RpcError: the daemon holds and goes on."""
        self._started = True

    @property
    def another_chain(self) -> str | None:
        """Why no endpoint may be used any more; None while one may."""
        return None if self.members else str(self._endpoints.none_usable())

    def status(self) -> list[EndpointStatus]:
        return [
            EndpointStatus(
                name,
                self._health.state(i),
                rpc.requests,
                self._endpoints.unanswered[i],
                {kind.value: ", ".join(names) for kind, names in self._health.rests(i).items()},
            )
            for i, (name, rpc) in enumerate(zip(self._endpoints.names, self._endpoints.rpcs, strict=True))
        ]

    async def look(self) -> None:
        """Compare the heads of all endpoints once, as the open pool does by itself."""
        await self._heads.compare()

    # ------------------------------------------------------------ parts

    async def _read(self, ask: Callable[[CountedClient], Awaitable[T]], calls: Sequence[Call]) -> T:
        endpoints, block = self._endpoints, block_hash(calls)
        failure: RpcError | None = None
        for i in self._health.order(heaviest(calls)):
            try:
                if failure is not None or self._health.due(i):
                    await self._check_for(i, calls)
                if failure is not None and block is not None and not await endpoints.knows(i, block):
                    continue
                return await ask(endpoints.client(i))
            except ChainMismatch as error:
                endpoints.refuse(i, error)
            except RpcError as error:
                if replies.is_answer(error):
                    raise
                failure = failure or error
        raise failure or self._unusable(endpoints.none_usable())

    async def _check_for(self, i: int, calls: Sequence[Call]) -> None:
        """Check the endpoint's chain. One that does not show it has failed at these calls too."""
        try:
            await self._endpoints.check(i)
        except RpcError as error:
            refused = unanswered(calls, error)
            self._endpoints.unserved(i, {name: refused[name] for name in refused if name not in CHECKS})
            raise

    async def _ask_one(self, i: int, ask: Callable[[JsonRpc], Awaitable[T]]) -> T:
        client = self._endpoints.client(i)
        try:
            await self._endpoints.check_if_due(i)
            return await ask(client)
        except ChainMismatch as error:
            self._endpoints.refuse(i, error)
            raise
        except RpcError as error:
            if error.code is None:  # not an error of the node, but a reply of the wrong form
                client.unusable(error)
            raise

    def _unusable(self, error: BaseException) -> BaseException:
        return RpcError(str(error)) if self._started and isinstance(error, ChainMismatch) else error

    async def close(self) -> None:
        if self._comparing is not None:
            self._comparing.cancel()
            await asyncio.wait({self._comparing})
            self._comparing = None
        await self._endpoints.close()

    async def __aenter__(self) -> Self:
        if len(self._endpoints.rpcs) > 1:
            self._comparing = asyncio.create_task(self._heads.run(), name="compare heads of endpoints")
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


def _succeeded(task: asyncio.Task[Any]) -> bool:
    return task.done() and not task.cancelled() and task.exception() is None
