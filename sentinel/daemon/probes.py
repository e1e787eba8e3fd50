"""Probes that check every few seconds whether each part is healthy. They run outside the cycles."""

from __future__ import annotations

from sentinel.chain.rpc import quantity
from sentinel.core.network import NATIVE
from sentinel.core.units import COIN
from sentinel.daemon.loop import Probe
from sentinel.daemon.parts import Parts


def probes(parts: Parts) -> dict[str, Probe]:
    """The probes by the names of Health's parts. A probe that raises Unavailable counts as failed, for that reason."""

    async def endpoints() -> tuple[bool, str]:
        """Heads that can be trusted, and for each kind of read an endpoint that answers."""
        if (why := parts.rpc.disputed) is not None:
            return False, why
        states = parts.rpc.status()
        fit = [endpoint for endpoint in states if endpoint.state in ("current", "healthy")]
        resting = [
            f"{endpoint.name} rests for {kind} ({requests})"
            for endpoint in states
            for kind, requests in endpoint.rests.items()
        ]
        why = "; ".join([f"{len(fit)} of {len(states)} can be read from", *resting])
        unserved = parts.rpc.unserved
        return not unserved, why if not unserved else f"no endpoint answers reads of {', '.join(unserved)}: {why}"

    async def model() -> tuple[bool, str]:
        return True, await parts.can_propose()

    async def fork() -> tuple[bool, str]:
        """The fork, or the node in its place, can simulate. A fork that died is started again."""
        return True, await parts.toolkit.simulator.ready(parts.latest.value)

    async def funds() -> tuple[bool, str]:
        """The wallet holds more native coin than the gas reserve."""
        if parts.journal.paper.on:
            coin = parts.journal.paper.balances().get(NATIVE, 0)
        else:
            coin = quantity(await parts.rpc.call("eth_getBalance", parts.wallet, "latest"))
        if coin <= parts.limits.gas_reserve:
            reserve = parts.settings.limits.min_gas_reserve_eth
            return False, f"{coin / COIN:.4f} of the native coin, not above the reserve of {reserve:g}"
        return True, f"{coin / COIN:.4f} of the native coin"

    return {"endpoints": endpoints, "model": model, "fork": fork, "funds": funds}
