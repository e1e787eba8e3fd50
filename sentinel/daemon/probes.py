"""Is each part there? Asked every few seconds for readiness, beside and never inside a cycle."""

from __future__ import annotations

from sentinel.agent.model import StudentModel
from sentinel.chain.rpc import quantity
from sentinel.core.units import COIN
from sentinel.daemon.loop import Probe
from sentinel.daemon.parts import Parts


def probes(parts: Parts) -> dict[str, Probe]:
    """By the names of Health's parts. What they raise (Unavailable) means no, with the reason."""

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
        if not isinstance(parts.model, StudentModel):
            return True, f"{parts.model.source} proposes, inside this process"
        await parts.model.health()
        return True, f"{parts.settings.model.name} is served"

    async def fork() -> tuple[bool, str]:
        """Somewhere to simulate: the fork, or the node in its place. A fork that died is started again by this."""
        return True, await parts.toolkit.simulator.ready(parts.latest.value)

    async def funds() -> tuple[bool, str]:
        """Coin for gas above the reserve, and something to trade."""
        coin = quantity(await parts.rpc.call("eth_getBalance", parts.wallet, "latest"))
        if coin <= parts.limits.gas_reserve:
            least = parts.settings.limits.min_gas_reserve_eth
            return False, f"{coin / COIN:.4f} of the native coin, not above the reserve of {least:g}"
        return True, f"{coin / COIN:.4f} of the native coin"

    return {"endpoints": endpoints, "model": model, "fork": fork, "funds": funds}
