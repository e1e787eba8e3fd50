"""Doctor's checks of the key: live trading is permitted, the signer can open the key, and its files are private."""

from __future__ import annotations

import stat
from pathlib import Path

from eth_utils.address import is_address, to_checksum_address

from sentinel.config.setting_groups import WalletSettings
from sentinel.config.settings import Settings
from sentinel.core.errors import OperatorError, SentinelError, SignerUnavailable
from sentinel.core.network import Address, Network
from sentinel.daemon.doctor.findings import Finding
from sentinel.daemon.doctor.order_checks import signer_order
from sentinel.daemon.guards.live_permission import require_permission
from sentinel.daemon.signer.supervisor import signer_address
from sentinel.signing.client import ask_greeting, socket_of


async def key(
    settings: Settings, network: Network, approved: str | None = None
) -> tuple[list[Finding], Address | None]:
    """The findings on the key, and the wallet's address: the key's, else SENTINEL_WALLET__ADDRESS, else None.

    The key itself is opened by the signer's process alone. `approved` is the hash of the approved order.
    """
    config, live = settings.wallet, settings.execution.mode == "live"
    named = to_checksum_address(config.address) if is_address(config.address) else None
    findings = _permission(settings, network) if live else []
    if not live and not (config.keystore_file or config.dev_key_file):
        return [*findings, Finding("key", "ok", "not needed in a dry run")], named
    try:
        address = await signer_address(settings, network, check=live)
    except SentinelError as error:
        hint = "make a key with `sentinel wallet new`; if SENTINEL_WALLET__SIGNER_SOCKET is set, run `sentinel signer`"
        return [*findings, Finding("key", "fail", str(error), hint)], named
    if address is None:
        hint = "make a key with `sentinel wallet new`, then set SENTINEL_WALLET__KEYSTORE_FILE"
        return [*findings, Finding("key", "fail", "live mode has no key", hint)], named
    findings.append(Finding("key", "ok", f"{address}, held by {_holder(config)}"))
    return [*findings, *_files(config), *await _order(settings, approved)], address


async def _order(settings: Settings, approved: str | None) -> list[Finding]:
    try:
        greeting = await ask_greeting(socket_of(settings))
    except SignerUnavailable:
        return []  # a child that does not run now; one that runs by itself is a finding already
    finding = signer_order(approved, greeting.order)
    return [] if finding is None else [finding]


def _permission(settings: Settings, network: Network) -> list[Finding]:
    try:
        require_permission(settings, network)
    except OperatorError as error:
        hint = "set SENTINEL_EXECUTION__MODE=dry, or SENTINEL_EXECUTION__LIVE_CHAIN_ID to the chain's id"
        return [Finding("mode", "fail", str(error), hint)]
    return []


def _files(config: WalletSettings) -> list[Finding]:
    findings = [
        Finding("key file", "warn", f"other users can read {path}", f"chmod 600 {path}")
        for path in (config.keystore_file, config.dev_key_file, config.password_file)
        if path is not None and _is_open_to_others(path)
    ]
    if config.keystore_file and not config.password_file:
        hint = "set SENTINEL_WALLET__PASSWORD_FILE"
        findings.append(Finding("password", "fail", "the keystore has no password file", hint))
    return findings


def _holder(config: WalletSettings) -> str:
    if config.signer_socket is not None:
        return f"the signer at {config.signer_socket}"
    if config.web3signer_url:
        return "Web3Signer"
    return "a keystore" if config.keystore_file else "a development key, for chain 31337 alone"


def _is_open_to_others(path: Path) -> bool:
    path = path.expanduser()
    return path.exists() and bool(stat.S_IMODE(path.stat().st_mode) & 0o077)
