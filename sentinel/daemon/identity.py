"""The daemon's wallet, its signer, and whether it may trade, decided before anything is opened."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import TextIO

from eth_utils.address import is_address, to_checksum_address
from eth_utils.crypto import keccak

from sentinel.config.settings import Settings
from sentinel.core.errors import SettingsError
from sentinel.core.network import Address, Network
from sentinel.daemon.doctor.findings import Finding
from sentinel.daemon.doctor.live_start import require_green, require_settings
from sentinel.daemon.guards.live_permission import require_permission
from sentinel.daemon.signer.supervisor import SignerSupervisor, signer_address, supervised_signer
from sentinel.observe import logs, redaction
from sentinel.observe.logs import Log

NOBODY = to_checksum_address(keccak(b"sentinel: no wallet is named")[12:])  # the wallet of a dry run that names none


@dataclass(frozen=True, slots=True)
class Identity:
    wallet: Address
    signing: SignerSupervisor | None  # None: a dry run
    log: Log
    unwell: str | None  # why it may only follow open intents; None: it may trade


@contextlib.asynccontextmanager
async def identified(settings: Settings, network: Network, log_to: TextIO | None) -> AsyncIterator[Identity]:
    """Start the signer and keep it running while the body runs. A dry run has none. Raises SettingsError."""
    redaction.remember_addresses(settings)  # before the first log line that could show one
    configured, live = settings.wallet.address, settings.execution.mode == "live"
    if configured and not is_address(configured):
        raise SettingsError(f"SENTINEL_WALLET__ADDRESS: {configured} is not an address")
    if live:
        require_permission(settings, network)
    contradicted = require_settings(settings, network)
    async with supervised_signer(settings, network) if live else contextlib.nullcontext() as signing:
        key_address = await signer_address(settings, network) if signing is None else signing.client.address
        wallet = key_address or (to_checksum_address(configured) if configured else NOBODY)
        if configured and to_checksum_address(configured) != wallet:
            raise SettingsError(f"SENTINEL_WALLET__ADDRESS is {configured}, but the key's address is {key_address}")
        log = logs.configure(settings.log.level, settings.log.format, log_to, network=network.name, wallet=wallet)
        if wallet == NOBODY:
            log.warning("wallet.empty", meaning="this dry run has no wallet; set SENTINEL_WALLET__ADDRESS")
        unwell = await require_green(settings, network, functools.partial(_tell, log)) or contradicted
        yield Identity(wallet, signing, log, unwell)


def _tell(log: Log, finding: Finding) -> None:
    """One line in doctor's own words."""
    log.warning("doctor.finding", check=finding.name, grade=finding.grade, what=finding.what, hint=finding.hint)
