"""The client of one endpoint that counts every request by what was asked for. Nothing else counts.

A reply that is no answer is a failure of that request alone (`sentinel.chain.replies`). A request without any reply
counts against its heaviest kind.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Any, Protocol, TypeVar

from sentinel.chain import replies
from sentinel.chain.endpoints.request_kinds import Kind, Refusals, kind_of, name_of, refusals, unanswered
from sentinel.chain.replies import Reply
from sentinel.chain.rpc import Call, JsonRpc, Rpc, Sender
from sentinel.core.errors import RpcError, RpcTimeout

T = TypeVar("T")
PATIENCE = 2.0  # seconds to wait for the other endpoints after the first answer to a request sent to all


class Tally(Protocol):
    """Where the results of one endpoint's requests go."""

    def answered(self, names: Collection[str]) -> None: ...

    def failed(self, refused: Refusals) -> None:
        """One request that got no answer, or not to all that it asked for."""
        ...


class CountedClient:
    """One use of an endpoint. `name` is put on each error, so that a log or a person can tell the endpoints apart."""

    def __init__(self, rpc: Rpc, name: str, tally: Tally) -> None:
        self._rpc = rpc
        self._name = name
        self._tally = tally
        self._calls: list[Call] = []  # all of this use
        self._failing = False  # whether the last request was counted as a failure

    @property
    def failures(self) -> int:
        return self._rpc.failures

    async def call(self, method: str, *params: Any, timeout: float | None = None) -> Any:
        """As `Rpc.call`."""
        calls: list[Call] = [(method, params)]
        result: Any | RpcError
        try:
            result = await self._counted(calls, self._rpc.call(method, *params, timeout=timeout))
        except RpcError as error:
            result = error
        self._count(calls, [result])
        if isinstance(result, RpcError):
            raise result
        return result

    async def batch(self, calls: Sequence[Call], timeout: float | None = None) -> list[Any | RpcError]:
        """As `Rpc.batch`. What it raises is no answer to any of the calls."""
        if not calls:
            return []
        try:
            results = await self._counted(calls, self._rpc.batch(calls, timeout))
        except RpcError as error:
            error.endpoint, error.method = self._name, calls[0][0]
            self._fail(calls, error)
            if replies.is_answer(error):  # of a single call: it says nothing about all of them
                raise RpcError(str(error)) from error
            raise
        self._count(calls, results)
        return results

    async def everywhere(self, ask: Callable[[JsonRpc], Awaitable[T]]) -> list[T]:
        return [await ask(self)]

    def senders(self) -> Sequence[tuple[str, Sender]]:
        return ((self._name, self),)

    def unusable(self, error: RpcError) -> None:
        """Count this use as failed: its replies were no errors, and yet no answer."""
        if not self._failing and self._calls:
            self._fail(self._calls, error)

    async def _counted(self, calls: Sequence[Call], request: Awaitable[T]) -> T:
        """The reply. A request that its caller gives up after half of `PATIENCE` or later is a failure too."""
        self._calls += calls
        self._failing = False
        clock = asyncio.get_running_loop().time
        started = clock()
        try:
            return await request
        except asyncio.CancelledError:
            if (waited := clock() - started) >= PATIENCE / 2:
                self._fail(calls, RpcError(f"{self._name}: no reply in {waited:.1f} s"))
            raise

    def _count(self, calls: Sequence[Call], results: Sequence[Any | RpcError]) -> None:
        for (method, _), result in zip(calls, results, strict=True):
            if isinstance(result, RpcError):
                result.endpoint, result.method = self._name, method
        refused = {
            name: error
            for name, error in refusals(calls, results).items()
            if kind_of(name) is not Kind.SEND or not _took(error)
        }
        self._tally.answered({name_of(call) for call in calls} - set(refused))
        if refused:
            self._failing = True
            self._tally.failed(refused)

    def _fail(self, calls: Sequence[Call], error: RpcError) -> None:
        self._failing = True
        self._tally.failed(unanswered(calls, error))


def _took(error: RpcError) -> bool:
    """Whether the node looked at the bytes of a send; what it said of them is read by `execute.send_errors`."""
    served = replies.classify(error) not in (Reply.RATE_LIMITED, Reply.UNSUPPORTED)
    return served and error.code is not None and error.code < 100


def rests_at_once(name: str, error: RpcError) -> bool:
    """Whether one such failure is enough: a read that hangs costs its whole timeout, and a method is not served."""
    hangs_or_cannot = isinstance(error, RpcTimeout) or replies.classify(error) is Reply.UNSUPPORTED
    return hangs_or_cannot and kind_of(name) is not Kind.SEND
