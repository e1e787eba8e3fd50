"""`sentinel doctor`: is everything there that trading needs, and if not, how to mend it. Reads only; sends nothing.

Checks do not raise: each gives findings, and one part that is missing leaves the others examined.
"""

from __future__ import annotations

import asyncio
import os
import stat
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

from eth_utils.address import is_address, to_checksum_address

from sentinel.agent.model import StudentModel
from sentinel.chain.anvil import VERSION, find_anvil
from sentinel.chain.contract_calls import ERC20, answers, contract, web3
from sentinel.chain.endpoints import EndpointPool, FailoverRules
from sentinel.chain.heads import latest_head
from sentinel.chain.rpc import Rpc, redact
from sentinel.config.network_file import load_network
from sentinel.config.settings import Settings
from sentinel.config.terms import Terms
from sentinel.core.errors import ChainMismatch, OperatorError, RpcError, SentinelError
from sentinel.core.host.places import data_dir
from sentinel.core.network import DEVELOPMENT_CHAIN, Address, HexHash, Network
from sentinel.core.units import COIN
from sentinel.core.valuation import whole
from sentinel.daemon.doctor import endpoint_checks, fee_checks, network_checks, simulation_checks
from sentinel.daemon.doctor.findings import Finding
from sentinel.daemon.guards.live_permission import require_permission
from sentinel.daemon.signer.supervisor import signer_address
from sentinel.execute.chain_reader import ChainReader


@dataclass(frozen=True, slots=True)
class _Examination:
    settings: Settings
    terms: Terms
    network: Network
    rpc: EndpointPool
    address: str | None


async def examine(settings: Settings) -> list[Finding]:
    """All findings, in the order in which a person would mend them."""
    try:
        network = load_network(settings.network)
        terms = Terms.of(settings, network)
    except OperatorError as error:
        return [Finding("network", "fail", str(error), "mend the network file or SENTINEL_NETWORK")]
    found = [Finding("network", "ok", f"{network.name}: chain {network.chain_id}, {len(network.pools)} pools")]
    told, address = await _key(settings, network)
    found += told
    # One that is down is left at its first failure, as long as another one answers: `_endpoints` tells of it.
    rpc = EndpointPool(
        settings.rpc.endpoints, network, timeout=settings.rpc.read_timeout, rules=FailoverRules(failures=1)
    )
    try:
        patient = _Examination(settings, terms, network, rpc, address)
        for check in CHECKS:
            found += await _safely(check, patient)
    finally:
        await rpc.close()
    return found


Check = Callable[[_Examination], AsyncIterator[Finding]]


async def _safely(check: Check, patient: _Examination) -> list[Finding]:
    name = check.__name__.removeprefix("_").replace("_", " ")
    found: list[Finding] = []
    try:
        async for finding in check(patient):
            found.append(finding)
    except (SentinelError, OSError) as error:
        found.append(Finding(name, "fail", str(error), HINTS.get(name, "")))
    return found


HINTS = {
    "endpoint": "check SENTINEL_RPC__URL, and that the node is up and reachable from here",
    "contracts": "the endpoint must serve eth_getCode for the newest block",
    "tokens": "the endpoint must answer eth_call for the newest block",
    "pools": "the endpoint must answer eth_call for the newest block",
    "feeds": "the endpoint must answer eth_call for the newest block",
    "fees": "the endpoint must answer eth_feeHistory or eth_maxPriorityFeePerGas, or eth_gasPrice on legacy networks",
    "anvil": f"run `sentinel setup`, or point SENTINEL_FORK__ANVIL_PATH at Anvil {VERSION}",
    "fork": "see that the endpoint serves state of its newest block, and that SENTINEL_FORK__PORT is free",
    "stand in": "see that the endpoint answers; cycles hold while the fork fails and the node cannot simulate",
    "model": "run `sentinel serve-student`, or vLLM with --served-model-name as SENTINEL_MODEL__NAME",
    "funds": "check the endpoint",
    "allowances": "check the endpoint",
}


async def _endpoint(patient: _Examination) -> AsyncIterator[Finding]:
    network = patient.network
    try:
        await patient.rpc.call("eth_chainId")  # ahead of any answer the pool looks at chain id and pinned block (I10)
    except ChainMismatch as error:
        mend = "set SENTINEL_RPC__URL to the network's chain, or SENTINEL_NETWORK to the endpoint's"
        yield Finding("chain", "fail", str(error), mend)
        return
    except RpcError as error:
        async with Rpc(patient.settings.rpc.url, timeout=patient.settings.rpc.read_timeout) as first:
            await first.call("eth_chainId")  # it does answer, but has not shown our chain
        mend = "wait until the node has that block; one that should have it by now serves another chain"
        yield Finding("chain", "fail", str(error), mend)
        return
    started = time.perf_counter()
    await patient.rpc.call("eth_chainId")
    took = (time.perf_counter() - started) * 1000
    yield Finding("endpoint", "ok", f"{redact(patient.rpc.url)} answers in {took:.0f} ms")
    pinned = f", block {network.pinned_block} as pinned" if network.pinned_hash else ""
    yield Finding("chain", "ok", f"chain id {network.chain_id}{pinned}")
    head = await latest_head(patient.rpc)
    age = time.time() - head.timestamp
    fresh = age <= patient.settings.limits.max_head_age
    told = f"block {head.number}, {age:.0f} s old"
    mend = "wait until the node has caught up, or raise SENTINEL_LIMITS__MAX_HEAD_AGE"
    yield Finding("head", "ok" if fresh else "warn", told, "" if fresh else mend)


async def _endpoints(patient: _Examination) -> AsyncIterator[Finding]:
    async for finding in endpoint_checks.together(patient.settings, patient.network):
        yield finding


async def _contracts(patient: _Examination) -> AsyncIterator[Finding]:
    async for finding in network_checks.contracts(patient.rpc, patient.network):
        yield finding


async def _tokens(patient: _Examination) -> AsyncIterator[Finding]:
    async for finding in network_checks.tokens(patient.rpc, patient.network):
        yield finding


async def _pools(patient: _Examination) -> AsyncIterator[Finding]:
    async for finding in network_checks.pools(patient.rpc, patient.network):
        yield finding


async def _feeds(patient: _Examination) -> AsyncIterator[Finding]:
    async for finding in network_checks.feeds(patient.rpc, patient.network):
        yield finding


async def _fees(patient: _Examination) -> AsyncIterator[Finding]:
    async for finding in fee_checks.fees(patient.terms, patient.rpc):
        yield finding


async def _anvil(patient: _Examination) -> AsyncIterator[Finding]:
    if patient.settings.fork.node_simulation == "always":
        return
    path = await asyncio.to_thread(find_anvil, patient.settings.fork.anvil_path)
    yield Finding("anvil", "ok", f"{VERSION} ({path.name})")


async def _fork(patient: _Examination) -> AsyncIterator[Finding]:
    if patient.settings.fork.node_simulation == "always":
        return
    async for finding in simulation_checks.fork(patient.settings, patient.network, patient.rpc):
        yield finding


async def _stand_in(patient: _Examination) -> AsyncIterator[Finding]:
    if patient.settings.fork.node_simulation == "never":
        return
    async for finding in simulation_checks.stand_in(patient.settings, patient.network, patient.rpc):
        yield finding


async def _model(patient: _Examination) -> AsyncIterator[Finding]:
    given = patient.settings.model
    if patient.settings.proposer == "oracle":
        yield Finding("model", "ok", "not needed: the built-in oracle proposes")
        return
    async with StudentModel(
        given.url, given.name, timeout=min(given.timeout, 5.0), api_key_file=given.api_key_file
    ) as model:
        await model.health()
    yield Finding("model", "ok", f"{redact(given.url)} serves {given.name}")


async def _funds(patient: _Examination) -> AsyncIterator[Finding]:
    if patient.address is None:
        mend = "set SENTINEL_WALLET__ADDRESS (dry run) or SENTINEL_WALLET__KEYSTORE_FILE"
        yield Finding("funds", "warn", "no wallet is named, so nothing could be traded", mend)
        return
    coin = int(await patient.rpc.call("eth_getBalance", patient.address, "latest"), 16)
    least = patient.terms.limits.gas_reserve
    told = f"{coin / COIN:.4f} of the native coin"
    mend = f"send at least {(least - coin) / COIN:.4f} more to {patient.address}, plus gas for the trades"
    yield Finding("gas", "ok" if coin > least else "fail", told, "" if coin > least else mend)
    w3, tokens = web3(patient.rpc), patient.network.tokens.values()
    wallet = to_checksum_address(patient.address)
    said = await answers([contract(w3, token.address, ERC20).functions.balanceOf(wallet) for token in tokens])
    held = {
        token.symbol: whole(amount, token.symbol, patient.network)
        for token, amount in zip(tokens, said, strict=True)
        if amount is not None
    }
    told = ", ".join(f"{amount:g} {symbol}" for symbol, amount in held.items() if amount) or "no tokens"
    mend = "" if any(held.values()) else f"send tokens of the network file to {patient.address}"
    yield Finding("tokens", "warn" if mend else "ok", told, mend)


async def _allowances(patient: _Examination) -> AsyncIterator[Finding]:
    if patient.address is None:
        return
    watch = ChainReader(patient.rpc, patient.network, patient.address, patient.network.pinned_hash or HexHash(""))
    found = await watch.allowances(patient.network.tokens)
    told = ", ".join(f"{whole(amount, symbol, patient.network):g} {symbol}" for symbol, amount in found.items())
    if not any(found.values()) and patient.settings.execution.mode == "dry":
        mend = "name a wallet that has allowed Permit2 its tokens, or approve Permit2 from this one"
        yield Finding("allowances", "warn", "none to Permit2: every trade will revert in a dry run", mend)
        return
    boundless = [symbol for symbol, amount in found.items() if amount >= 2**128]
    if boundless:
        yield Finding(
            "allowances", "warn", f"boundless to Permit2: {', '.join(boundless)}", "sentinel approve --revoke"
        )
    else:
        yield Finding("allowances", "ok", f"to Permit2: {told}; a live start sets what is needed")


async def _key(settings: Settings, network: Network) -> tuple[list[Finding], Address | None]:
    """Who signs, and whose wallet that makes it. The key is opened by the signer's process alone."""
    given, live = settings.wallet, settings.execution.mode == "live"
    named = to_checksum_address(given.address) if is_address(given.address) else None
    found: list[Finding] = []
    try:
        if live:
            require_permission(settings, network)
    except OperatorError as error:
        found.append(Finding("mode", "fail", str(error), "set SENTINEL_EXECUTION__MODE=dry, or name the chain"))
    if not live and not (given.keystore_file or given.dev_key_file):
        return [*found, Finding("key", "ok", "not needed in a dry run")], named
    try:
        address = await signer_address(settings, network, check=live)
    except SentinelError as error:
        mend = "make one with `sentinel wallet new`; a signer of its own is started with `sentinel signer`"
        return [*found, Finding("key", "fail", str(error), mend)], named
    if address is None:
        return [*found, Finding("key", "fail", "live mode has no key", "make one with `sentinel wallet new`")], named
    told = f"{address}, signed for by {_holder(settings)}"
    found.append(Finding("key", "ok", told))
    for secret in (given.keystore_file, given.dev_key_file, given.password_file):
        if secret is not None and _open_to_others(secret):
            found.append(Finding("key file", "warn", f"others can read {secret}", f"chmod 600 {secret}"))
    if given.keystore_file and not given.password_file:
        mend = "set SENTINEL_WALLET__PASSWORD_FILE"
        found.append(Finding("password", "fail", "the keystore has no password file", mend))
    return found, address


def _holder(settings: Settings) -> str:
    given = settings.wallet
    if given.signer_socket is not None:
        return f"the signer at {given.signer_socket}"
    if given.web3signer_url:
        return "Web3Signer"
    return "a keystore" if given.keystore_file else "a development key, for chain 31337 alone"


def _open_to_others(path: Path) -> bool:
    path = path.expanduser()
    return path.exists() and bool(stat.S_IMODE(path.stat().st_mode) & 0o077)


async def _folders(patient: _Examination) -> AsyncIterator[Finding]:
    settings = patient.settings
    state = settings.state_dir.expanduser()
    place = state
    while not place.exists():
        place = place.parent
    writable = os.access(place, os.W_OK | os.X_OK)
    mend = f"let this user write {place}, or set SENTINEL_STATE_DIR"
    yield Finding("state", "ok" if writable else "fail", str(state), "" if writable else mend)
    if patient.network.chain_id == DEVELOPMENT_CHAIN:
        folder = (settings.data_dir or data_dir()).expanduser()
        there = folder.is_dir()
        told = str(folder) if there else f"{folder} is not there: prices will be synthetic"
        yield Finding("data", "ok" if there else "warn", told, "" if there else "set SENTINEL_DATA_DIR to real data")


CHECKS: tuple[Check, ...] = (
    _endpoint,
    _endpoints,
    _contracts,
    _tokens,
    _pools,
    _feeds,
    _fees,
    _anvil,
    _fork,
    _stand_in,
    _model,
    _funds,
    _allowances,
    _folders,
)
