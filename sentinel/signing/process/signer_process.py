"""The signer as a process with its own settings, limits and ledger; it hardens itself and then serves."""

from __future__ import annotations

import asyncio
import ctypes
import os
import resource
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from sentinel.chain.rpc import Rpc
from sentinel.config import terms
from sentinel.config.limits import Limits
from sentinel.config.network_file import load_network
from sentinel.config.rpc_settings import RpcSettings
from sentinel.config.settings import PREFIX, Settings
from sentinel.config.units import base_units
from sentinel.core.edges import settings_edge
from sentinel.core.errors import SentinelError, SettingsError, WalletBusy
from sentinel.core.network import Address, Network
from sentinel.core.units import COIN_DECIMALS
from sentinel.observe import logs as telemetry
from sentinel.observe import redaction
from sentinel.observe.systemd import Notifier
from sentinel.signing.client import socket_of
from sentinel.signing.process.daily_caps import DayCaps
from sentinel.signing.process.keys import Key, LocalKey
from sentinel.signing.process.local_signer import LocalSigner
from sentinel.signing.process.order_file import order_in_force
from sentinel.signing.process.reference_prices import TIMEOUT, FeedPrices, GivenPrices, ReferencePrices
from sentinel.signing.process.secret_files import read_keystore
from sentinel.signing.process.signing_ledger import SigningLedger
from sentinel.signing.process.socket_server import SignerServer
from sentinel.signing.signer_limits import SignerLimits

PATIENCE = 3.0  # seconds to wait for the signer of a daemon that was killed
_DUMPABLE, _PARENT_DEATH, _NO_NEW_PRIVILEGES = 4, 1, 38  # of prctl(2)


def serve(settings: Settings, *, parent: int | None = None) -> int:
    """Serve until SIGTERM or SIGINT, and with a `parent` (a pid) also until that process ends.

    Raises OperatorError and JournalError.
    """
    harden(parent)
    asyncio.run(_serve(settings, child=parent is not None))
    return 0


async def _serve(settings: Settings, *, child: bool) -> None:
    network = load_network(settings.network)
    with settings_edge("the signer cannot start with these settings"):
        limits, caps = own_limits(settings, network, child=child)
        key = await open_key(settings, network)
        folder = settings.state_dir.expanduser()
        ledger = await _opened(folder / "signer", network, key, caps, patience=PATIENCE if child else 0.0)
        endpoint = _endpoint(settings)
    try:
        log = telemetry.configure(settings.log.level, settings.log.format, network=network.name, wallet=key.address)
        telemetry.tell_uncaught()
        path = socket_of(settings)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        prices = reference_prices(settings, network, ledger, endpoint)
        order = order_in_force(folder / "signer", network, ledger)
        signer = LocalSigner(key, limits, ledger=ledger, prices=prices, order=order)
        peer = None if child else settings.signer.peer_uid  # a child serves a daemon of its own user
        open_caps = child and not settings.signer.max_trade
        server = SignerServer(path, signer, ledger, log, peer=peer, open_caps=open_caps)
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)

        def read_order() -> None:
            """On the operator's SIGHUP. An order that cannot be used leaves the one in force as it is."""
            try:
                signer.order = order_in_force(folder / "signer", network, ledger)
            except SentinelError as error:
                log.error("signer.order_rejected", error=str(error), meaning="what was enforced before still is")
            else:
                log.info("signer.order", order=None if signer.order is None else signer.order.hash)

        asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, read_order)
        await server.start()
        spent = ledger.spent
        notifier = Notifier()
        notifier.ready()
        notifier.status(f"signs for {key.address} on chain {network.chain_id}")
        counters = {"signatures_today": spent.signatures, "gas_today": str(spent.gas)}
        log.info("signer.started", pid=os.getpid(), **counters, order=None if order is None else order.hash)
        await stop.wait()
        notifier.stopping()
        await server.stop()
        log.info("signer.stopped")
    finally:
        if endpoint is not None:
            await endpoint.close()
        ledger.close()


def _endpoint(settings: Settings) -> Rpc | None:
    """The signer's own endpoint, None if the settings name none. Raises SettingsError."""
    try:
        url = settings.signer.endpoint()
    except ValueError as error:
        raise SettingsError(f"SENTINEL_SIGNER__RPC_URL_FILE: {error}") from None
    if not url:
        return None
    redaction.remember_addresses(RpcSettings(url=url))
    return Rpc(url, timeout=TIMEOUT)


def reference_prices(
    settings: Settings, network: Network, ledger: SigningLedger, endpoint: Rpc | None
) -> ReferencePrices:
    """The signer's own reading of the feeds if it has an endpoint, else given prices near those of the settings."""
    if endpoint is not None:
        return FeedPrices(endpoint, network, settings.limits.max_head_age)
    anchors = {
        network.tokens[symbol].address.lower(): base_units(price, network.feeds[symbol].decimals)
        for symbol, price in settings.signer.prices.items()
    }
    return GivenPrices(network, ledger, settings.signer.max_price_move_bps, anchors)


async def _opened(folder: Path, network: Network, key: Key, caps: DayCaps, patience: float) -> SigningLedger:
    """Open the ledger, and wait up to `patience` seconds while an earlier signer still holds it.

    A daemon that is killed and restarted at once leaves such a signer. Raises as SigningLedger.open.
    """
    until = time.monotonic() + patience
    while True:
        try:
            return SigningLedger.open(folder, network.chain_id, key.address, caps)
        except WalletBusy:
            if time.monotonic() >= until:
                raise
        await asyncio.sleep(0.1)


def own_limits(settings: Settings, network: Network, *, child: bool) -> tuple[SignerLimits, DayCaps]:
    """The limits and the caps of a day from this process's signer settings.

    Raises SettingsError if a cap per token is missing, unless this is a child without any, whose daemon sets them once.
    """
    signer = settings.signer
    named = {
        "MAX_TRADE": signer.max_trade,
        "MAX_APPROVAL": signer.max_approval,
        "MAX_DAILY_VOLUME": signer.max_daily_volume,
    }
    missing = [f"SENTINEL_SIGNER__{name}" for name, amounts in named.items() if not amounts]
    if missing and not (child and len(missing) == len(named)):
        raise SettingsError(
            f"a signer by itself needs its signer caps: set {', '.join(missing)}, e.g. WETH=0.5,USDC=2000"
        )
    if unknown := sorted(set(signer.prices) - set(network.feeds)):
        raise SettingsError(f"SENTINEL_SIGNER__PRICES: network {network.name} has no feed of {', '.join(unknown)}")
    has_endpoint = signer.rpc_url or signer.rpc_url_file is not None
    if not missing and not has_endpoint and not signer.prices:
        raise SettingsError(
            "a signer with its own caps needs prices to judge trades by: set SENTINEL_SIGNER__RPC_URL to an endpoint "
            "of its own, or SENTINEL_SIGNER__PRICES, e.g. WETH=2000"
        )
    trades, approvals, daily = (terms.amounts(amounts, network) for amounts in named.values())
    volume = {network.tokens[symbol].address.lower(): amount for symbol, amount in daily.items()}
    gas, loss = base_units(signer.max_daily_gas_eth, COIN_DECIMALS), signer.max_daily_loss
    most_loss = base_units(loss, network.tokens[network.quote].decimals)
    caps = DayCaps(volume, gas, signer.max_daily_signatures, most_loss)
    return SignerLimits.of(network, Limits.of(settings.limits, network), approvals, trades), caps


async def open_key(settings: Settings, network: Network) -> Key:
    """The key that the settings name. Raises SettingsError and SignerUnavailable."""
    wallet = settings.wallet
    if wallet.web3signer_url:
        from sentinel.signing.process.web3signer import Web3SignerKey  # aiohttp is slow to import

        return await Web3SignerKey.find(wallet.web3signer_url, checked_address(settings))
    if wallet.keystore_file is None:
        if wallet.dev_key_file is None:
            raise SettingsError("the signer has no key: set SENTINEL_WALLET__KEYSTORE_FILE")
        return LocalKey.of_file(wallet.dev_key_file, network.chain_id)
    if wallet.password_file is None:
        raise SettingsError("the keystore needs its password: SENTINEL_WALLET__PASSWORD_FILE")
    claimed = str(read_keystore(wallet.keystore_file)["address"]).lower().removeprefix("0x")
    key = LocalKey.of_keystore(wallet.keystore_file, wallet.password_file)
    if key.address.lower() != "0x" + claimed:
        raise SettingsError(f"the keystore holds the key of {key.address}, but claims 0x{claimed}")
    return key


def checked_address(settings: Settings) -> Address:
    """The address of the key that Web3Signer is to use. Raises SettingsError if the setting is no address."""
    from eth_utils.address import is_address, to_checksum_address

    if not is_address(settings.wallet.address):
        raise SettingsError("SENTINEL_WALLET__ADDRESS must be the address of the key that Web3Signer is to use")
    return to_checksum_address(settings.wallet.address)


def harden(parent: int | None) -> None:
    """Protect the key: no core dump, no debugger, no new privileges, and no settings left in the environment.

    With a `parent` (a pid), the kernel kills this process when the parent ends.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    control = ctypes.CDLL(None, use_errno=True).prctl
    control(_DUMPABLE, 0, 0, 0, 0)
    control(_NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    if parent is not None:
        control(_PARENT_DEATH, int(signal.SIGKILL), 0, 0, 0)
        if os.getppid() != parent:
            sys.exit("the daemon that started this signer is gone")
    scrub(os.environ)


def scrub(environment: Mapping[str, str]) -> None:
    """Remove Sentinel's settings from the process's environment."""
    for name in [name for name in environment if name.upper().startswith(PREFIX)]:
        os.environ.pop(name, None)
