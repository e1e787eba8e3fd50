"""A pool of endpoints of one chain with the interface of one endpoint, `sentinel.chain.rpc.JsonRpc`.

Reads go to the current endpoint. One that gets no answer is repeated at the next healthy endpoint, a read of a block
by its hash only where that block is known, and also where the current endpoint lacks it: what a cycle reads is one
chain's state, or an error. No send is repeated.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Self, TypeVar

import structlog

from sentinel.chain import chain_identity
from sentinel.chain.endpoints import disputes
from sentinel.chain.endpoints.endpoint_health import EndpointHealth, FailoverRules
from sentinel.chain.endpoints.request_kinds import block_hash, only_reads
from sentinel.chain.rpc import Call, JsonRpc, Rpc, quantity, redact, unanswered
from sentinel.core.errors import ChainMismatch, RpcError, RpcTimeout, Unavailable
from sentinel.core.network import HexHash, Network

log = structlog.get_logger("sentinel.chain.endpoints")

T = TypeVar("T")
REVERTED = 3  # the code of a revert, whose block is known
SEND_PATIENCE = 2.0  # seconds that the others have once one endpoint has answered what all were asked


@dataclass(frozen=True, slots=True)
class EndpointStatus:
    name: str  # place in the settings and host: never a key that stands in the address
    state: str  # as Health.state
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
        """Times are seconds: `timeout` of one request, `look_every` between two looks at all heads."""
        self._rpcs = [Rpc(url, timeout=timeout) for url in urls]
        self._names = [f"{i}:{redact(url).partition('://')[2]}" for i, url in enumerate(urls)]
        self._network = network
        self._rules = rules or FailoverRules()
        self._clock = clock
        self._health = EndpointHealth(len(urls), self._rules, clock)
        self._dispute = disputes.Dispute(self._rules.dispute_after)
        self._look_every = look_every
        self._looking: asyncio.Task[None] | None = None
        self._genesis: HexHash | None = None  # of the first endpoint that was checked; all must have it

    # ------------------------------------------------------------ the face of one endpoint

    @property
    def failures(self) -> int:
        """Requests without a usable reply and fail-overs, ever: another node may stand behind each."""
        return sum(rpc.failures for rpc in self._rpcs) + self._health.switches

    @property
    def url(self) -> str:
        """Of the current endpoint, keys and all: for a child process, never for a log."""
        return self._rpcs[self._health.current].url

    async def call(self, method: str, *params: Any, timeout: float | None = None) -> Any:
        """As `Rpc.call`. Raises ChainMismatch where no endpoint is of our chain."""
        only_reads([(method, params)])
        return await self._read(lambda rpc: rpc.call(method, *params, timeout=timeout), block_hash([(method, params)]))

    async def batch(self, calls: Sequence[Call], timeout: float | None = None) -> list[Any | RpcError]:
        """As `Rpc.batch`; all of it from one endpoint."""
        only_reads(calls)
        told: list[Any | RpcError] = []

        async def ask(rpc: Rpc) -> list[Any | RpcError]:
            nonlocal told
            results = await rpc.batch(calls, timeout)
            refused = [result for result in results if isinstance(result, RpcError) and unanswered(result)]
            if results and len(refused) == len(results):  # a rate limit, told for each call
                raise refused[0]
            at_one = [result for call, result in zip(calls, results, strict=True) if block_hash([call]) is not None]
            failed = [result for result in at_one if isinstance(result, RpcError)]
            if failed and len(failed) == len(at_one):  # the block may be unknown here
                told = results
                raise failed[0]
            return results

        try:
            return await self._read(ask, block_hash(calls))
        except RpcError:
            if told:
                return told
            raise

    async def everywhere(self, ask: Callable[[JsonRpc], Awaitable[T]]) -> list[T]:
        """What each usable endpoint says, the current one first; those that answer late are not waited for."""
        order = self._health.order
        asked = {i: asyncio.create_task(self._ask_one(i, ask)) for i in order}
        try:
            waiting = set(asked.values())
            while waiting and not any(_good(task) for task in asked.values()):
                _, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            if waiting:
                await asyncio.wait(waiting, timeout=SEND_PATIENCE)
            for i, task in asked.items():
                if not task.done():
                    self._failed(i, RpcTimeout(f"{self._names[i]}: later than the others by {SEND_PATIENCE:g} s"))
        finally:
            for task in asked.values():
                task.cancel()
        if found := [task.result() for task in asked.values() if _good(task)]:
            return found
        raise next((error for task in asked.values() if (error := task.exception()) is not None), self._nobody())

    def senders(self) -> Sequence[tuple[str, JsonRpc]]:
        usable = [i for i in self._health.usable if self._health.checked(i)]
        return [(self._names[i], self._rpcs[i]) for i in usable]

    # ------------------------------------------------------------ what is known of them

    @property
    def disputed(self) -> str | None:
        """Why no decision may be taken on a head now: endpoints have disagreed for too long (I11)."""
        return self._dispute.standing(self._clock())

    @property
    def refused(self) -> dict[str, str]:
        """Endpoints that are never used again, with the reason."""
        return {self._names[i]: why for i, why in self._health.refused().items()}

    def status(self) -> list[EndpointStatus]:
        return [
            EndpointStatus(name, self._health.state(i), rpc.requests, rpc.failures)
            for i, (name, rpc) in enumerate(zip(self._names, self._rpcs, strict=True))
        ]

    async def look(self) -> None:
        """Compare the heads of all endpoints once: who lags, and do they show one chain? Never raises Unavailable."""
        if self._genesis is None:  # what the first block is, the preferred endpoint says
            with contextlib.suppress(RpcError, ChainMismatch):
                await self._check(self._health.current)
        heads = await self._blocks(dict.fromkeys(self._health.awake, "latest"))
        if not heads:
            return
        lagging = disputes.behind({i: number for i, (number, _) in heads.items()}, self._rules.lag)
        for i in self._health.lags(lagging):
            log.warning("endpoint.lagging", endpoint=self._names[i], block=heads[i][0])
        level = {i: block for i, block in heads.items() if i not in lagging}
        lowest = min(number for number, _ in level.values())
        above = await self._blocks({i: hex(lowest) for i, (number, _) in level.items() if number > lowest})
        shown = {i: above.get(i, block) for i, block in level.items() if i in above or block[0] == lowest}
        why = self._disagreement(shown)
        if why is None and len(level) == 1:  # nobody at its height vouches for it: compare at the heights of the others
            (alone,) = level
            for i in lagging:
                below = await self._blocks({alone: hex(heads[i][0])})
                why = why or self._disagreement({i: heads[i], **below})
        before = self.disputed
        self._dispute.seen(why, self._clock())
        if (why := self.disputed) is not None and before is None:
            log.error("endpoint.disputed", why=why, meaning="nothing is decided until the endpoints agree")

    # ------------------------------------------------------------ parts

    def _disagreement(self, shown: dict[int, tuple[int, HexHash]]) -> str | None:
        return disputes.disagreement({self._names[i]: block for i, block in shown.items()})

    async def _read(self, ask: Callable[[Rpc], Awaitable[T]], block: HexHash | None) -> T:
        failure: RpcError | None = None
        for i in self._health.order:
            try:
                if failure is not None or self._health.due(i):
                    await self._check(i)
                if failure is not None and block is not None and not await self._knows(i, block):
                    continue
                found = await ask(self._rpcs[i])
            except ChainMismatch as error:
                self._refuse(i, error)
            except RpcError as error:
                if unanswered(error):
                    self._failed(i, error)
                else:
                    self._health.answered(i)
                    if block is None or not await self._lacks(i, block, error):
                        raise
                failure = failure or error
            else:
                self._health.answered(i)
                return found
        raise failure or self._nobody()

    async def _ask_one(self, i: int, ask: Callable[[JsonRpc], Awaitable[T]]) -> T:
        try:
            if self._health.due(i):
                await self._check(i)
            found = await ask(self._rpcs[i])
        except ChainMismatch as error:
            self._refuse(i, error)
            raise
        except RpcError as error:
            if unanswered(error):
                self._failed(i, error)
            raise
        self._health.answered(i)
        return found

    async def _check(self, i: int) -> None:
        """Chain id and pinned block, before first use and after every fail-over (I10). Raises ChainMismatch."""
        try:
            found = await chain_identity.check_chain(self._rpcs[i], self._network)
        except RpcError as error:  # whatever the node says in place of them: it has not shown our chain
            raise RpcError(f"{self._names[i]}: {error}") from error
        self._genesis = self._genesis or found
        if found != self._genesis:
            raise ChainMismatch(f"its first block is {found}, the other endpoints have {self._genesis}")
        self._health.passed(i)

    async def _knows(self, i: int, block: HexHash) -> bool:
        try:
            return isinstance(await self._rpcs[i].call("eth_getBlockByHash", block, False), dict)
        except RpcError as error:
            if unanswered(error):
                raise
            return False

    async def _lacks(self, i: int, block: HexHash, error: RpcError) -> bool:
        """It refused a read since it has no such block, and another endpoint may have it."""
        if error.code == REVERTED or len(self._health.usable) < 2:
            return False
        try:
            return not await self._knows(i, block)
        except RpcError:  # it says nothing of the block: what it said stands
            return False

    async def _blocks(self, wanted: dict[int, str]) -> dict[int, tuple[int, HexHash]]:
        """(number, hash) by endpoint, of those that answer."""

        async def block(i: int) -> tuple[int, HexHash]:
            if self._health.due(i):
                await self._check(i)
            raw = await self._rpcs[i].call("eth_getBlockByNumber", wanted[i], False)
            if not isinstance(raw, dict) or not isinstance(raw.get("hash"), str):
                raise RpcError(f"{self._names[i]}: no such block: {wanted[i]}")
            return quantity(raw.get("number"), 63), raw["hash"]

        found: dict[int, tuple[int, HexHash]] = {}
        for i, answer in zip(wanted, await asyncio.gather(*map(block, wanted), return_exceptions=True), strict=True):
            if isinstance(answer, ChainMismatch):
                self._refuse(i, answer)
            elif isinstance(answer, RpcError):
                self._failed(i, answer)
            elif isinstance(answer, BaseException):
                raise answer
            else:
                self._health.answered(i)
                found[i] = answer
        return found

    def _failed(self, i: int, error: RpcError) -> None:
        if self._health.failed(i):
            log.warning("endpoint.dropped", endpoint=self._names[i], seconds=self._rules.rest, error=str(error))

    def _refuse(self, i: int, error: ChainMismatch) -> None:
        self._health.refuse(i, str(error))
        log.error("endpoint.refused", endpoint=self._names[i], why=str(error), meaning="it is not used again")

    def _nobody(self) -> Exception:
        if self._health.order:
            return RpcError("no endpoint knows the block that is asked for")
        return ChainMismatch("; ".join(f"{name}: {why}" for name, why in self.refused.items()))

    async def _look_on(self) -> None:
        while True:
            try:
                await self.look()
            except Unavailable as error:
                log.warning("endpoint.check_failed", error=str(error))
            except Exception as error:  # a fault of ours: told, and nothing is decided on heads that nobody compares
                log.error("endpoint.check_failed", error=f"{type(error).__name__}: {error}", exc_info=error)
                self._dispute.seen("the endpoints' heads cannot be compared, see the log", self._clock())
            await asyncio.sleep(self._look_every)

    async def close(self) -> None:
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.wait({self._looking})
            self._looking = None
        for rpc in self._rpcs:
            await rpc.close()

    async def __aenter__(self) -> Self:
        if len(self._rpcs) > 1:
            self._looking = asyncio.create_task(self._look_on(), name="look at endpoints")
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


def _good(task: asyncio.Task[Any]) -> bool:
    return task.done() and not task.cancelled() and task.exception() is None
