"""Before anything is opened: whose wallet it is, who signs for it, and whether it may trade at all."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import TextIO

from eth_utils.address import is_address, to_checksum_address
from eth_utils.crypto import keccak

from sentinel.config.settings import Settings
from sentinel.core.errors import SettingsError
from sentinel.core.network import Address, Network
from sentinel.daemon.doctor.live_start import require_green
from sentinel.daemon.guards.live_permission import require_permission
from sentinel.daemon.signer.supervisor import SignerSupervisor, signer_address, supervised_signer
from sentinel.observe import logs, redaction
from sentinel.observe.logs import Log

NOBODY = to_checksum_address(keccak(b"sentinel: no wallet is named")[12:])  # what a dry run without a wallet watches


@dataclass(frozen=True, slots=True)
class Identity:
    wallet: Address
    signing: SignerSupervisor | None  # None: a dry run
    log: Log
    unwell: str | None  # why it may only follow what is unfinished; None: it may trade


@contextlib.asynccontextmanager
async def identified(settings: Settings, network: Network, log_to: TextIO | None) -> AsyncIterator[Identity]:
    """The signer runs while the body does. Raises SettingsError."""
    redaction.remember_addresses(settings)  # ahead of the first line that could show one
    given, live = settings.wallet.address, settings.execution.mode == "live"
    if given and not is_address(given):
        raise SettingsError(f"SENTINEL_WALLET__ADDRESS: {given} is not an address")
    if live:
        require_permission(settings, network)
    async with supervised_signer(settings, network) if live else contextlib.nullcontext() as signing:
        found = await signer_address(settings, network) if signing is None else signing.client.address
        wallet = found or (to_checksum_address(given) if given else NOBODY)
        if given and to_checksum_address(given) != wallet:
            raise SettingsError(f"SENTINEL_WALLET__ADDRESS is {given}, but the key's address is {found}")
        log = logs.configure(settings.log.level, settings.log.format, log_to, network=network.name, wallet=wallet)
        if wallet == NOBODY:
            log.warning("wallet.empty", meaning="a dry run over an empty wallet; name one: SENTINEL_WALLET__ADDRESS")
        unwell = await require_green(settings, network) if live else None
        yield Identity(wallet, signing, log, unwell)
