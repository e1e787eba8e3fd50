"""`sentinel doctor`: runs every check and collects the findings. It reads only and sends nothing.

A check that fails yields a finding and does not raise, so one missing part leaves the other parts examined.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from sentinel.agent import operator_code
from sentinel.agent.proposing_server import client
from sentinel.agent.sandbox import Sandbox
from sentinel.chain.anvil import VERSION
from sentinel.chain.endpoints import EndpointPool, FailoverRules
from sentinel.chain.market_prices import published_prices
from sentinel.chain.rpc import redact
from sentinel.config.contradictions import contradictions
from sentinel.config.network_file import load_network
from sentinel.config.settings import Settings
from sentinel.config.terms import Terms
from sentinel.core.edges import described
from sentinel.core.errors import JournalTampered, OperatorError, SentinelError, SettingsError
from sentinel.core.network import DEVELOPMENT_CHAIN, Address, Network
from sentinel.daemon.approved_order import order_of_start
from sentinel.daemon.doctor import (
    cost_checks,
    endpoint_checks,
    fee_checks,
    network_checks,
    simulation_checks,
    wallet_checks,
)
from sentinel.daemon.doctor.findings import Finding, with_endpoint
from sentinel.daemon.doctor.key_checks import key
from sentinel.daemon.files import JOURNAL
from sentinel.journal.journal import Journal
from sentinel.observe import redaction
from sentinel.orders.playing.envelope import order_hash
from sentinel.orders.typed.order import Order


@dataclass(frozen=True, slots=True)
class _Subject:
    """What the checks examine."""

    terms: Terms
    rpc: EndpointPool
    wallet: Address | None  # None if no key and no address is set
    order: Order | None  # that a start would put in force

    @property
    def settings(self) -> Settings:
        return self.terms.settings

    @property
    def network(self) -> Network:
        return self.terms.network


@dataclass(frozen=True, slots=True)
class _Check:
    name: str  # of the finding if the check raises
    hint: str  # of that finding
    run: Callable[[_Subject], AsyncIterator[Finding]]

    async def findings(self, subject: _Subject) -> list[Finding]:
        """The check's findings; whatever it raises is the last of them."""
        findings: list[Finding] = []
        try:
            async for finding in self.run(subject):
                findings.append(finding)
        except Exception as error:
            findings.append(failed(self.name, error, self.hint))
        return findings


def failed(name: str, error: Exception, hint: str) -> Finding:
    """The finding of a check that raised. An error that nothing expected is named with its place in the code."""
    if isinstance(error, SentinelError):
        return Finding(name, "fail", with_endpoint(error), hint)
    what = f"the check failed: {redaction.text(described(error))}"
    return Finding(name, "fail", what, f"{hint}; if that is right already, report this as a defect")


async def examine(settings: Settings) -> list[Finding]:
    """All findings, in the order in which a person should act on them."""
    try:
        network = load_network(settings.network)
    except OperatorError as error:
        return [Finding("network", "fail", str(error), "correct the network file or SENTINEL_NETWORK")]
    try:
        terms = Terms.of(settings, network)
    except OperatorError as error:
        return [Finding("settings", "fail", str(error), "change the settings that it names, or the network")]
    findings = [Finding("network", "ok", f"{network.name}: chain {network.chain_id}, {len(network.pools)} pools")]
    for line in contradictions(settings, network):
        findings.append(Finding("settings", "fail", line, "change one of the settings that it names"))
    findings += _journal(settings, network)
    wallet, order = None, order_of_start(settings, network)
    try:
        of_the_key, wallet = await key(settings, network, None if order is None else order_hash(order))
        findings += of_the_key
    except Exception as error:
        findings.append(failed("key", error, "check the files that SENTINEL_WALLET__… names"))
    # The pool leaves an endpoint at its first failure if another one answers; `endpoint_checks.together` reports it.
    rpc = EndpointPool(
        settings.rpc.endpoints, network, timeout=settings.rpc.read_timeout, rules=FailoverRules(failures=1)
    )
    try:
        subject = _Subject(terms, rpc, wallet, order)
        for check in CHECKS:
            findings += await check.findings(subject)
    finally:
        await rpc.close()
    return findings


def _journal(settings: Settings, network: Network) -> list[Finding]:
    """Whether the journal, if there is one, is as it was written."""
    path = settings.state_dir.expanduser() / JOURNAL
    if not path.exists():
        return []
    try:
        journal = Journal.open(path, network, None, None, read_only=True)
    except JournalTampered as error:
        return [Finding("journal", "fail", str(error), "stop the daemon, then follow docs/replay.md")]
    except SentinelError as error:
        return [Finding("journal", "warn", str(error), "start `sentinel run` once, or choose SENTINEL_STATE_DIR")]
    records = journal.equity.tip()
    journal.close()
    return [Finding("journal", "ok", f"{records} records fit the hash chain")]


async def _model(settings: Settings) -> AsyncIterator[Finding]:
    if settings.proposer == "oracle":
        yield Finding("model", "ok", "not needed: the built-in oracle proposes")
    elif settings.proposer == "code":
        yield _program(settings)
    else:
        async with client(settings, timeout=min(settings.model.timeout, 5.0)) as model:
            await model.health()
            url = settings.proposer_url or settings.model.url
            yield Finding("model", "ok", f"{redact(url)} serves {model.name}")


def _program(settings: Settings) -> Finding:
    try:
        with Sandbox(workers=1) as check:
            program = operator_code.read(settings.strategy.file, check)
    except SettingsError as error:
        return Finding("program", "fail", str(error), "correct the file: docs/proposers.md says what it may contain")
    return Finding("program", "ok", f"{settings.strategy.file} proposes, as {program.source}; no model is needed")


async def _folders(settings: Settings) -> AsyncIterator[Finding]:
    """The state directory, or the part of its path that exists, can be written."""
    state = settings.state_dir.expanduser()
    existing = state
    while not existing.exists():
        existing = existing.parent
    if os.access(existing, os.W_OK | os.X_OK):
        yield Finding("state", "ok", str(state))
    else:
        hint = f"give this user write permission on {existing}, or set SENTINEL_STATE_DIR"
        yield Finding("state", "fail", f"{state} cannot be written", hint)


async def _prices(rpc: EndpointPool, network: Network) -> AsyncIterator[Finding]:
    """A local market says which prices it follows."""
    if network.chain_id == DEVELOPMENT_CHAIN:
        driven_by = await published_prices(rpc, network)
        what = f"the market follows {driven_by}" if driven_by else "the market does not say which prices it follows"
        yield Finding("prices", "ok" if driven_by else "warn", what)


_READABLE = "the endpoint must answer eth_call for the newest block"
CHECKS = (
    _Check(
        "endpoint",
        "check SENTINEL_RPC__URL, and that the node is up and reachable from this machine",
        lambda on: endpoint_checks.first_answer(on.settings, on.network, on.rpc),
    ),
    _Check(
        "endpoints",
        "check SENTINEL_RPC__URLS, and that at least one of its nodes is up",
        lambda on: endpoint_checks.together(on.settings, on.network),
    ),
    _Check(
        "reads",
        "check SENTINEL_RPC__URL and SENTINEL_RPC__URLS",
        lambda on: endpoint_checks.reads(on.settings, on.network),
    ),
    _Check(
        "contracts",
        "the endpoint must serve eth_getCode for the newest block",
        lambda on: network_checks.contracts(on.rpc, on.network),
    ),
    _Check("tokens", _READABLE, lambda on: network_checks.tokens(on.rpc, on.network)),
    _Check("pools", _READABLE, lambda on: network_checks.pools(on.rpc, on.network)),
    _Check("feeds", _READABLE, lambda on: network_checks.feeds(on.rpc, on.network)),
    _Check(
        "fees",
        "the endpoint must answer eth_feeHistory or eth_maxPriorityFeePerGas (eth_gasPrice on a legacy network)",
        lambda on: fee_checks.fees(on.terms, on.rpc),
    ),
    _Check(
        "trade size",
        "the endpoint must serve the state of its newest block",
        lambda on: cost_checks.trade_size(on.terms, on.rpc, on.wallet, on.order),
    ),
    _Check(
        "anvil",
        f"run `sentinel setup`, or set SENTINEL_FORK__ANVIL_PATH to the program of Anvil {VERSION}",
        lambda on: simulation_checks.anvil(on.settings),
    ),
    _Check(
        "fork",
        "check that the endpoint serves the state of its newest block, and that SENTINEL_FORK__SOCKET, if set, answers",
        lambda on: simulation_checks.fork(on.settings, on.network, on.rpc),
    ),
    _Check(
        "stand in",
        "check that the endpoint answers; cycles hold while the fork fails and the node cannot simulate",
        lambda on: simulation_checks.stand_in(on.settings, on.network, on.rpc),
    ),
    _Check(
        "model",
        "run `sentinel serve-student`, or vLLM with --served-model-name set to SENTINEL_MODEL__NAME, or, if "
        "SENTINEL_PROPOSER is a URL, the server there",
        lambda on: _model(on.settings),
    ),
    _Check("funds", "check the endpoint", lambda on: wallet_checks.funds(on.terms, on.rpc, on.wallet)),
    _Check("allowances", "check the endpoint", lambda on: wallet_checks.allowances(on.terms, on.rpc, on.wallet)),
    _Check(
        "folders",
        "check that this user may read the path of SENTINEL_STATE_DIR",
        lambda on: _folders(on.settings),
    ),
    _Check("prices", _READABLE, lambda on: _prices(on.rpc, on.network)),
)
