"""Is each part there? Asked every few seconds for readiness, beside and never inside a cycle."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from sentinel import terms
from sentinel.agent.model import StudentModel
from sentinel.assemble import Parts
from sentinel.errors import ForkUnavailable
from sentinel.rpc import quantity

Probe = Callable[[], Awaitable[tuple[bool, str]]]  # is it there, and one sentence


def probes(parts: Parts) -> dict[str, Probe]:
    """By the names of Health's parts. What they raise (Unavailable) means no, with the reason."""

    async def model() -> tuple[bool, str]:
        if not isinstance(parts.model, StudentModel):
            return True, f"{parts.model.source} proposes, inside this process"
        await parts.model.health()
        return True, f"{parts.settings.model.name} is served"

    async def fork() -> tuple[bool, str]:
        """An idle fork that died is put on the newest head, which starts it again."""
        if not parts.fork.healthy:
            await parts.fork.follow(parts.latest.value)
        if not parts.fork.healthy:
            raise ForkUnavailable("the fork failed at its last use")
        return True, "the fork follows the chain"

    async def funds() -> tuple[bool, str]:
        """Coin for gas above the reserve, and something to trade."""
        coin = quantity(await parts.rpc.call("eth_getBalance", parts.wallet, "latest"))
        if coin <= parts.limits.gas_reserve:
            least = parts.settings.limits.gas_reserve_eth
            return False, f"{coin / 10.0**terms.ETHER:.4f} of the native coin, not above the reserve of {least:g}"
        return True, f"{coin / 10.0**terms.ETHER:.4f} of the native coin"

    return {"model": model, "fork": fork, "funds": funds}
