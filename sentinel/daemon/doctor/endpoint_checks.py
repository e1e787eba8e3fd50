"""Are the further endpoints of the chain any good, and do they show the same chain? A part of `sentinel doctor`."""

from __future__ import annotations

from collections.abc import AsyncIterator

from sentinel.chain.endpoints import EndpointPool, FailoverRules
from sentinel.config.settings import Settings
from sentinel.core.network import Network
from sentinel.daemon.doctor.findings import Finding

_SAID = {
    "resting": ("does not answer", "see that it is up, or take it out of SENTINEL_RPC__URLS"),
    "behind": ("lags behind the others", "wait until it has caught up, or take it out of SENTINEL_RPC__URLS"),
}


async def together(settings: Settings, network: Network) -> AsyncIterator[Finding]:
    """One look at all of them, as the daemon takes it; nothing where there is only one."""
    if len(settings.rpc.endpoints) < 2:
        return
    # One failure and one disagreement are enough to be told of here.
    rules = FailoverRules(failures=1, dispute_after=0.0)
    pool = EndpointPool(settings.rpc.endpoints, network, timeout=settings.rpc.read_timeout, rules=rules)
    try:
        await pool.look()
        refused, disputed, states = pool.refused, pool.disputed, pool.status()
    finally:
        await pool.close()
    for found in states:
        if found.name in refused:
            yield Finding("endpoints", "fail", f"{found.name}: {refused[found.name]}", "take it out of the settings")
        elif found.state in _SAID:
            told, mend = _SAID[found.state]
            yield Finding("endpoints", "warn", f"{found.name} {told}", mend)
    if disputed is not None:
        yield Finding("endpoints", "warn", disputed, "ask again; where it stays, find out which endpoint is wrong")
    elif all(found.state in ("current", "healthy") for found in states):
        yield Finding("endpoints", "ok", f"{len(states)} show the same chain")
