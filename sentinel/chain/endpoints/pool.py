"""A pool of endpoints of one chain with the interface of one endpoint, `sentinel.chain.rpc.JsonRpc`.

Reads go to the current endpoint. A read without an answer is repeated at the next healthy endpoint. A read of a block
by its hash is repeated only at an endpoint that has the block, and also if the current endpoint lacks it. So a cycle
reads the state of one chain, or gets an error. No send is repeated.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Self, TypeVar

from sentinel.chain.chain_identity import KnownBlock
from sentinel.chain.endpoints.checked_endpoints import CheckedEndpoints
from sentinel.chain.endpoints.endpoint_health import FailoverRules
from sentinel.chain.endpoints.head_comparison import HeadComparison
from sentinel.chain.endpoints.request_kinds import block_hash, only_reads
from sentinel.chain.rpc import Call, JsonRpc, Rpc, unanswered
from sentinel.core.errors import ChainMismatch, RpcError, RpcTimeout
from sentinel.core.network import HexHash, Network

T = TypeVar("T")
SEND_PATIENCE = 2.0  # seconds to wait for the other endpoints after the first answer to a request sent to all


@dataclass(frozen=True, slots=True)
class EndpointStatus:
    name: str  # place in the settings and host, without any key that the address contains
    state: str  # as EndpointHealth.state
    requests: int
    failures: int


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
    ) -> None:
        """Times are seconds: `timeout` of one request, `look_every` between two comparisons of all heads."""
        rules = rules or FailoverRules()
        self._endpoints = CheckedEndpoints(urls, network, timeout, rules, clock)
        self._health = self._endpoints.health
        self._heads = HeadComparison(self._endpoints, rules, look_every, clock)
        self._comparing: asyncio.Task[None] | None = None
        self._started = False

    # ------------------------------------------------------------ the interface of one endpoint

    @property
    def failures(self) -> int:
        """Requests without a usable reply, plus fail-overs, ever: another node may answer after each of them."""
        return sum(rpc.failures for rpc in self._endpoints.rpcs) + self._health.switches

    @property
    def url(self) -> str:
        """Address of the current endpoint, with any key in it: for a child process, never for a log."""
        return self._endpoints.rpcs[self._health.current].url

    async def call(self, method: str, *params: Any, timeout: float | None = None) -> Any:
        """As `Rpc.call`. Raises ChainMismatch if no endpoint serves our chain."""
        only_reads([(method, params)])
        return await self._read(lambda rpc: rpc.call(method, *params, timeout=timeout), block_hash([(method, params)]))

    async def batch(self, calls: Sequence[Call], timeout: float | None = None) -> list[Any | RpcError]:
        """As `Rpc.batch`; one endpoint answers the whole batch."""
        only_reads(calls)
        answers_without_block: list[Any | RpcError] = []

        async def ask(rpc: Rpc) -> list[Any | RpcError]:
            nonlocal answers_without_block
            results = await rpc.batch(calls, timeout)
            refused = [result for result in results if isinstance(result, RpcError) and unanswered(result)]
            if results and len(refused) == len(results):  # a rate limit, reported for each call
                raise refused[0]
            at_block = [result for call, result in zip(calls, results, strict=True) if block_hash([call]) is not None]
            failed = [result for result in at_block if isinstance(result, RpcError)]
            if failed and len(failed) == len(at_block):  # this endpoint may lack the block
                answers_without_block = results
                raise failed[0]
            return results

        try:
            return await self._read(ask, block_hash(calls))
        except RpcError:
            if answers_without_block:
                return answers_without_block
            raise

    async def everywhere(self, ask: Callable[[JsonRpc], Awaitable[T]]) -> list[T]:
        """The answers of all usable endpoints, the current one first, without those that come too late."""
        tasks = {i: asyncio.create_task(self._ask_one(i, ask)) for i in self._health.order}
        try:
            waiting = set(tasks.values())
            while waiting and not any(_succeeded(task) for task in tasks.values()):
                _, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            if waiting:
                await asyncio.wait(waiting, timeout=SEND_PATIENCE)
            for i, task in tasks.items():
                if not task.done():
                    name = self._endpoints.names[i]
                    self._endpoints.failed(i, RpcTimeout(f"{name}: later than the others by {SEND_PATIENCE:g} s"))
        finally:
            for task in tasks.values():
                task.cancel()
        if answers := [task.result() for task in tasks.values() if _succeeded(task)]:
            return answers
        errors = (error for task in tasks.values() if (error := task.exception()) is not None)
        raise self._unusable(next(errors, self._endpoints.none_usable()))

    def senders(self) -> Sequence[tuple[str, JsonRpc]]:
        usable = [i for i in self._health.usable if self._health.checked(i)]
        return [(self._endpoints.names[i], self._endpoints.rpcs[i]) for i in usable]

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
        return None if self._health.order else str(self._endpoints.none_usable())

    def status(self) -> list[EndpointStatus]:
        return [
            EndpointStatus(name, self._health.state(i), rpc.requests, rpc.failures)
            for i, (name, rpc) in enumerate(zip(self._endpoints.names, self._endpoints.rpcs, strict=True))
        ]

    async def look(self) -> None:
        """Compare the heads of all endpoints once, as the open pool does by itself."""
        await self._heads.compare()

    # ------------------------------------------------------------ parts

    async def _read(self, ask: Callable[[Rpc], Awaitable[T]], block: HexHash | None) -> T:
        endpoints = self._endpoints
        failure: RpcError | None = None
        for i in self._health.order:
            try:
                if failure is not None or self._health.due(i):
                    await endpoints.check(i)
                if failure is not None and block is not None and not await endpoints.knows(i, block):
                    continue
                answer = await ask(endpoints.rpcs[i])
            except ChainMismatch as error:
                endpoints.refuse(i, error)
            except RpcError as error:
                if unanswered(error):
                    endpoints.failed(i, error)
                else:
                    self._health.answered(i)
                    if block is None or not await endpoints.lacks(i, block, error):
                        raise
                failure = failure or error
            else:
                self._health.answered(i)
                return answer
        raise failure or self._unusable(endpoints.none_usable())

    async def _ask_one(self, i: int, ask: Callable[[JsonRpc], Awaitable[T]]) -> T:
        try:
            await self._endpoints.check_if_due(i)
            answer = await ask(self._endpoints.rpcs[i])
        except ChainMismatch as error:
            self._endpoints.refuse(i, error)
            raise
        except RpcError as error:
            if unanswered(error):
                self._endpoints.failed(i, error)
            raise
        self._health.answered(i)
        return answer

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
