"""Cost of a new head for a fork of a slow upstream: reset, cold batch, warmed batch.

- `cold`: the batch directly after the reset.
- `warmed`: the last head's trials were simulated after the reset, while the model would think. The new candidates touch
  much of the same state.
- `direct`: the same candidates on the upstream itself, without a fork.
"""

from __future__ import annotations

import asyncio
import contextlib
import statistics
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

from aiohttp import ClientSession, web

from lab.bench.bench_desk import desk
from lab.bench.candidates import random_candidates
from sentinel.chain.rpc import Rpc
from sentinel.dex.simulating.fork import Fork
from sentinel.dex.simulating.node import NodeSimulation
from sentinel.dex.toolkit import DexToolkit

Progress = Callable[[int, int, str], None]


@contextlib.asynccontextmanager
async def far_away(target: str, delay: float) -> AsyncIterator[str]:
    """The URL of a proxy for `target` that delays each request by `delay` seconds."""
    async with ClientSession() as session:

        async def pass_on(request: web.Request) -> web.Response:
            body = await request.read()
            await asyncio.sleep(delay)
            headers = {"Content-Type": "application/json"}
            async with session.post(target, data=body, headers=headers) as reply:
                return web.Response(body=await reply.read(), content_type="application/json")

        app = web.Application(client_max_size=1 << 26)
        app.router.add_post("/", pass_on)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        host, port = runner.addresses[0][:2]
        try:
            yield f"http://{host}:{port}"
        finally:
            await runner.cleanup()


async def measure(
    delays_ms: list[int], *, heads: int = 4, size: int = 8, progress: Progress = lambda done, total, what: None
) -> list[dict[str, Any]]:
    """One row per delay, with medians over `heads` heads per way, in milliseconds."""
    rows = []
    for done, delay in enumerate(delays_ms):
        progress(done, len(delays_ms), f"{delay} ms away")
        rows.append(await _row(delay, heads, size))
    progress(len(delays_ms), len(delays_ms), "")
    return rows


async def _row(delay_ms: int, heads: int, size: int) -> dict[str, Any]:
    names = ("reset_ms", "warm_up_ms", "cold_ms", "warmed_ms", "again_ms", "direct_ms")
    times: dict[str, list[float]] = {name: [] for name in names}

    @contextlib.contextmanager
    def timed(name: str) -> Any:
        began = time.perf_counter()
        yield
        times[name].append((time.perf_counter() - began) * 1e3)

    async with (
        desk() as bench,
        far_away(bench.net.rpc_url, delay_ms / 1e3) as url,
        Fork(bench.net.network, url, timeout=120) as fork,
        Rpc(url, timeout=120) as rpc,
    ):
        network = bench.net.network
        kit = DexToolkit(network, fork)
        straight = DexToolkit(network, None, node=NodeSimulation(network, rpc, timeout=120))
        assert straight.simulator.node is not None
        await straight.simulator.node.cannot((await bench.state()).head)  # tested once, at the start
        for turn in range(2 * heads):
            await bench.net.market.step()
            state = await bench.state()
            with timed("reset_ms"):
                await fork.follow(state.head)
            new = random_candidates(network, state, 32, turn + 1)[-size:]
            if turn % 2:
                with timed("warm_up_ms"):
                    kit.warm(state)
                    await kit.warmed()
            with timed("warmed_ms" if turn % 2 else "cold_ms"):
                await kit.simulate_all(state, new)
            with timed("again_ms"):
                await kit.simulate_all(state, new)
            with timed("direct_ms"):
                await straight.simulate_all(state, new)
    medians = {name: round(statistics.median(values), 1) for name, values in times.items()}
    return {"delay_ms": delay_ms, "candidates": size, "heads": 2 * heads, **medians}
