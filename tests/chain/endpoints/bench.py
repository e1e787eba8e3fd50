"""A chain, proxies before it that fail on purpose, and a pool over them."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from lab.faults import FaultProxy
from sentinel.chain.endpoints import EndpointPool, FailoverRules
from tests.execute.rig import Rig, network

HEAD = "eth_getBlockByNumber"


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class Bench:
    """A chain, so many proxies before it, and a pool over them whose looks are taken by hand."""

    rig: Rig
    proxies: list[FaultProxy]
    pool: EndpointPool
    clock: Clock

    @classmethod
    @contextlib.asynccontextmanager
    async def of(cls, folder: Path, count: int = 2) -> AsyncIterator[Bench]:
        bench = cls()
        async with contextlib.AsyncExitStack() as stack:
            bench.rig = await stack.enter_async_context(Rig.start(folder))
            # One node behind all of them has one pool: geth's rules would make our own copies "already known".
            proxies = [FaultProxy(bench.rig.net.rpc_url, geth=False) for _ in range(count)]
            bench.proxies = [await stack.enter_async_context(proxy) for proxy in proxies]
            bench.clock = Clock()
            urls = [proxy.url for proxy in bench.proxies]
            bench.pool = EndpointPool(urls, network(), timeout=1.0, rules=FailoverRules(), clock=bench.clock)
            stack.push_async_callback(bench.pool.close)
            bench.rig.rpc = bench.pool
            bench.rig.restart()
            yield bench

    def calls(self, method: str) -> list[int]:
        return [proxy.calls[method] for proxy in self.proxies]

    def states(self) -> list[str]:
        return [status.state for status in self.pool.status()]
