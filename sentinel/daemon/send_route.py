"""By which way signed bytes leave: to all endpoints, or to the private relay that the settings name."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from sentinel.core.network import HexHash
from sentinel.daemon.parts import Parts
from sentinel.execute.broadcast import Broadcaster
from sentinel.execute.relay import Relay
from sentinel.observe.logs import Log


@contextlib.asynccontextmanager
async def broadcaster(parts: Parts, log: Log) -> AsyncIterator[Broadcaster]:
    given = parts.settings.rpc

    def told(tx_hash: HexHash, status: str) -> None:
        parts.metrics.relayed(status)
        log.info("relay.status", tx=tx_hash, status=status, meaning="said by the relay; the chain decides")

    if not given.relay_url:
        yield Broadcaster(parts.rpc, timeout=given.send_timeout)
        return
    async with Relay(given.relay_url, given.relay_status_url, told, timeout=given.send_timeout) as relay:
        log.info("relay.used", relay=relay.name, meaning="new transactions go there alone")
        yield Broadcaster(parts.rpc, relay, timeout=given.send_timeout)
