"""Doctor's checks of the endpoints: they answer, serve this chain and every read, are up to date, and agree."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

from sentinel.chain.endpoints import EndpointPool, FailoverRules
from sentinel.chain.heads import latest_head
from sentinel.chain.replies import Reply, classify, is_answer
from sentinel.chain.rpc import Call, Rpc, at_block, redact
from sentinel.config.settings import Settings
from sentinel.core.age import NTP, Age, clock_fault
from sentinel.core.errors import ChainMismatch, RpcError
from sentinel.core.network import Network
from sentinel.daemon.doctor.findings import Finding

_UNFIT = {  # state of an endpoint -> what is wrong with it, and the hint
    "resting": ("does not answer", "check that it is up, or remove it from SENTINEL_RPC__URLS"),
    "behind": ("lags behind the others", "wait until it has caught up, or remove it from SENTINEL_RPC__URLS"),
}

_NEEDED = {  # what kept an endpoint from serving a read -> the hint
    Reply.UNSUPPORTED: "use an endpoint that serves {method}, or remove this one from SENTINEL_RPC__URL and "
    "SENTINEL_RPC__URLS",
    Reply.MISSING: "wait until it has synced, or use an endpoint that has the state of the newest blocks",
    Reply.RATE_LIMITED: "raise the limits of your plan at this provider, or add an endpoint to SENTINEL_RPC__URLS",
    Reply.UNKNOWN: "ask its provider why, or remove it from SENTINEL_RPC__URL and SENTINEL_RPC__URLS",
}
_TIMESTAMP = "0x0f28c97d"  # Multicall3.getCurrentBlockTimestamp()


async def first_answer(settings: Settings, network: Network, rpc: EndpointPool) -> AsyncIterator[Finding]:
    """Response time, chain id, pinned block and age of the head. Raises RpcError if no endpoint answers."""
    try:
        await rpc.call("eth_chainId")  # the pool verifies chain id and pinned block before the first answer (I10)
    except ChainMismatch as error:
        hint = "set SENTINEL_RPC__URL to an endpoint of this network, or SENTINEL_NETWORK to the endpoint's network"
        yield Finding("chain", "fail", str(error), hint)
        return
    except RpcError as error:
        async with Rpc(settings.rpc.url, timeout=settings.rpc.read_timeout) as unverified:
            await unverified.call("eth_chainId")  # raises if it does not answer; else only the chain is unproven
        hint = (
            "wait until the node has synced past the pinned block; if it is synced already, it serves another chain: "
            "change SENTINEL_RPC__URL"
        )
        yield Finding("chain", "fail", str(error), hint)
        return
    started = time.perf_counter()
    await rpc.call("eth_chainId")
    milliseconds = (time.perf_counter() - started) * 1000
    yield Finding("endpoint", "ok", f"{redact(rpc.url)} answers in {milliseconds:.0f} ms")
    pinned = f", block {network.pinned_block} has the pinned hash" if network.pinned_hash else ""
    yield Finding("chain", "ok", f"chain id {network.chain_id}{pinned}")
    head = await latest_head(rpc)
    age, max_age = Age.at(time.time(), head.timestamp), settings.limits.max_head_age
    if age.within(max_age):
        yield Finding("head", "ok", f"block {head.number} is {age}")
    else:
        what = f"block {head.number} is {age}, and the limit is {max_age:g} s: {clock_fault(age)}"
        yield Finding("head", "warn", what, NTP if age.ahead else f"wait until the node has caught up, or {NTP}")


async def together(settings: Settings, network: Network) -> AsyncIterator[Finding]:
    """Compare all endpoints once, as the daemon does. No finding if there is only one endpoint."""
    if len(settings.rpc.endpoints) < 2:
        return
    rules = FailoverRules(failures=1, dispute_after=0.0)  # report the first failure and the first disagreement
    pool = EndpointPool(settings.rpc.endpoints, network, timeout=settings.rpc.read_timeout, rules=rules)
    try:
        await pool.look()
        refused, disputed, states = pool.refused, pool.disputed, pool.status()
    finally:
        await pool.close()
    for endpoint in states:
        if endpoint.name in refused:
            hint = "remove it from SENTINEL_RPC__URL and SENTINEL_RPC__URLS"
            yield Finding("endpoints", "fail", f"{endpoint.name}: {refused[endpoint.name]}", hint)
        elif endpoint.state in _UNFIT:
            problem, hint = _UNFIT[endpoint.state]
            yield Finding("endpoints", "warn", f"{endpoint.name} {problem}", hint)
    if disputed is not None:
        hint = "run this again; if they still disagree, find out which endpoint is wrong and remove it"
        yield Finding("endpoints", "warn", disputed, hint)
    elif all(endpoint.state in ("current", "healthy") for endpoint in states):
        yield Finding("endpoints", "ok", f"{len(states)} show the same chain")


async def reads(settings: Settings, network: Network) -> AsyncIterator[Finding]:
    """Ask each endpoint for each kind of read that the daemon needs, and name the endpoint and method that refuses.

    A failure if no endpoint serves a method, else a warning. An endpoint that answers nothing is left to other checks.
    """
    urls = settings.rpc.endpoints
    refused = await asyncio.gather(*(_refused(url, network, settings.rpc.read_timeout) for url in urls))
    nowhere = set.intersection(*(set(errors) for errors in refused))
    for i, (url, errors) in enumerate(zip(urls, refused, strict=True)):
        for method, error in errors.items():
            name = f"{i}:{redact(url).partition('://')[2]}"
            what = f"{name} does not serve {method}: {str(error).removeprefix(f'{method}: ')}"
            hint = _NEEDED[classify(error)].format(method=method)
            yield Finding("reads", "fail" if method in nowhere else "warn", what, hint)
    if not any(refused):
        yield Finding("reads", "ok", f"{len(urls)} serve every kind of read")


async def _refused(url: str, network: Network, timeout: float) -> dict[str, RpcError]:
    """The error of each method that the endpoint does not serve; empty if it does not answer at all."""
    target, errors = network.multicall3, dict[str, RpcError]()
    async with Rpc(url, timeout=timeout) as rpc:
        try:
            newest = at_block((await latest_head(rpc)).hash)
        except RpcError:
            return {}
        calls: list[Call] = [
            ("eth_call", [{"to": target, "data": _TIMESTAMP}, newest]),
            ("eth_getBalance", [target, newest]),
            ("eth_getTransactionCount", [target, newest]),
            ("eth_getCode", [target, "latest"]),
            ("eth_getTransactionReceipt", ["0x" + "00" * 32]),
        ]
        replies = await asyncio.gather(*(rpc.call(method, *params) for method, params in calls), return_exceptions=True)
    for (method, _), reply in zip(calls, replies, strict=True):
        if isinstance(reply, RpcError) and not is_answer(reply):
            errors[method] = reply
        elif isinstance(reply, BaseException) and not isinstance(reply, RpcError):
            raise reply
    return errors
