"""Where signed bytes are sent: to all endpoints, or to the private relay that the settings name."""

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
    """The broadcaster of the settings, with a connection to the relay if they name one."""
    rpc = parts.settings.rpc

    def relayed(tx_hash: HexHash, status: str) -> None:
        parts.metrics.relayed(status)
        log.info("relay.status", tx=tx_hash, status=status, meaning="reported by the relay; only the chain is proof")

    if not rpc.relay_url:
        yield Broadcaster(parts.rpc, timeout=rpc.send_timeout)
        return
    async with Relay(rpc.relay_url, rpc.relay_status_url, relayed, timeout=rpc.send_timeout) as relay:
        log.info("relay.used", relay=relay.name, meaning="new transactions are sent to this relay only")
        yield Broadcaster(parts.rpc, relay, timeout=rpc.send_timeout)
