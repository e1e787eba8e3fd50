"""Starts the signer as a child process, or connects to one that runs by itself, and finds out its address.

The daemon opens no key, keystore or password file itself: it passes their paths to the signer and asks it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from eth_utils.address import is_address, to_checksum_address

import sentinel
from sentinel.config.settings import Settings, environment
from sentinel.config.terms import TokenCaps
from sentinel.core.errors import (
    ChainMismatch,
    OperatorError,
    SettingsError,
    SignerRefused,
    SignerUnavailable,
    Unavailable,
)
from sentinel.core.host.process import Child
from sentinel.core.network import Address, FeeMarket, HexHash, Network
from sentinel.signing.client import SignerClient, ask_greeting, send_caps, send_chain, socket_of

GROUPS = ("network", "state_dir", "limits", "execution", "wallet", "signer", "log")
INHERITED_VARIABLES = ("PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "CREDENTIALS_DIRECTORY")
START_TIMEOUT = 60.0  # seconds; a keystore's scrypt is slow on a busy machine


@dataclass(frozen=True, slots=True)
class SignerSupervisor:
    """A running signer, as `supervised_signer` yields it."""

    client: SignerClient
    child: Child | None  # None: the signer runs by itself
    own_caps: bool  # the signer takes its caps by token from its own settings

    async def bind(self, genesis: HexHash) -> None:
        """Raises ChainMismatch if the signer has signed for another chain with this id; Unavailable."""
        try:
            await send_chain(self.client.path, genesis)
        except SignerRefused as error:
            raise ChainMismatch(
                f"{error}: this is another chain: give the signer a SENTINEL_STATE_DIR of its own"
            ) from error

    async def allow(self, caps: TokenCaps) -> TokenCaps | None:
        """Set the caps by token, which a signer accepts once. Returns what was set, or None if the signer has its own.

        Raises Unavailable, SignerRefused, and OperatorError if another program has set the caps of our child.
        """
        if (await ask_greeting(self.client.path)).open_caps:
            await self.set_caps(caps)
            return caps
        if self.child is not None and not self.own_caps:
            raise OperatorError(
                "another program has set the caps of this daemon's signer: it runs as this user, or as root "
                "(the record in state_dir/signer says when); find it before the next start"
            )
        return None

    async def set_caps(self, caps: TokenCaps) -> None:
        """Send the caps to the signer. Raises SignerRefused if they are set already, and SignerUnavailable."""
        await send_caps(self.client.path, caps.approvals, caps.trades, caps.daily, caps.prices)

    async def probe(self) -> tuple[bool, str]:
        """Whether the signer still holds the key of our address. Raises SignerUnavailable."""
        greeting = await ask_greeting(self.client.path)
        if greeting.address != self.client.address:
            return False, f"the signer holds the key of {greeting.address}"
        return True, f"the signer holds the key of {greeting.address}"


@contextlib.asynccontextmanager
async def supervised_signer(settings: Settings, network: Network) -> AsyncIterator[SignerSupervisor]:
    """A signer that answers. If it is our child, it is stopped at the end.

    Raises SettingsError if the child does not start, with the last line of its log, and for a signer of another chain.
    Raises OperatorError if a separate signer does not answer.
    """
    path = socket_of(settings)
    if settings.wallet.signer_socket is not None:
        yield SignerSupervisor(await _client(settings, network, path), None, own_caps=True)
        return
    _require_key(settings, network)
    state_dir = settings.state_dir.expanduser()
    state_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    log = state_dir / "signer.log"

    async def answers() -> bool:
        """Whether our own child answers. The child of another daemon on this socket would keep ours from starting."""
        return (await ask_greeting(path)).pid == child.pid

    child = Child(
        "signer",
        [*_PROGRAM, "serve", str(os.getpid())],
        log=log,
        env=_environment(settings),
        inherit=False,
        ready=answers,
        ready_within=START_TIMEOUT,
    )
    before = log.stat().st_size if log.exists() else 0
    try:
        await child.start()
    except Unavailable:
        raise SettingsError(_last_line(log, before)) from None
    try:
        yield SignerSupervisor(await _client(settings, network, path), child, own_caps=bool(settings.signer.max_trade))
    finally:
        await child.stop()


async def signer_address(settings: Settings, network: Network, *, check: bool = False) -> Address | None:
    """The address of the key that the settings name, or None if they name none. A short-lived signer reads it.

    `check` opens the key, which takes about a second for a keystore. Raises SettingsError.
    """
    wallet = settings.wallet
    file = wallet.keystore_file or wallet.dev_key_file
    if wallet.signer_socket is not None:
        if wallet.address and settings.execution.mode == "dry":
            return None  # the address is enough, and that signer need not run
        return (await ask_greeting(wallet.signer_socket.expanduser())).address
    if file is None and not wallet.web3signer_url:
        return None
    _require_key(settings, network)
    if check:
        arguments = ["check"]
    elif file is None:
        return to_checksum_address(wallet.address)
    else:
        kind = "keystore" if wallet.keystore_file is not None else "raw"
        arguments = ["address", kind, str(file.expanduser()), str(network.chain_id)]
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *_PROGRAM, *arguments, stdin=asyncio.subprocess.DEVNULL, stdout=pipe, stderr=pipe, env=_environment(settings)
    )
    out, err = await process.communicate()
    if process.returncode != 0:
        raise SettingsError(
            err.decode(errors="replace").strip()[-1000:] or "the signer cannot read the address of the key"
        )
    return out.decode().strip()


async def _client(settings: Settings, network: Network, path: Path) -> SignerClient:
    try:
        greeting = await ask_greeting(path)
    except SignerUnavailable as error:
        raise OperatorError(f"{error} at {path}: start it with `sentinel signer`") from error
    if greeting.chain_id != network.chain_id:
        raise SettingsError(f"the signer at {path} signs for chain {greeting.chain_id}, not {network.chain_id}")
    return SignerClient(path, greeting.address, legacy=network.fees is FeeMarket.LEGACY)


def _require_key(settings: Settings, network: Network) -> None:
    """Check that the settings name a key. Raises SettingsError if not."""
    wallet = settings.wallet
    if wallet.keystore_file is None and wallet.dev_key_file is None and not wallet.web3signer_url:
        raise SettingsError(
            "live mode needs a key: SENTINEL_WALLET__KEYSTORE_FILE (make one with `sentinel wallet new`), "
            f"SENTINEL_WALLET__WEB3SIGNER_URL, or SENTINEL_WALLET__DEV_KEY_FILE on chain 31337; {network.name} is "
            f"{network.chain_id}"
        )
    if wallet.web3signer_url and not is_address(wallet.address):
        raise SettingsError(
            "SENTINEL_WALLET__ADDRESS must be the address of the key in Web3Signer, and is not an address"
        )


_PROGRAM = (sys.executable, "-P", "-m", "sentinel.signing.process")


def _environment(settings: Settings) -> dict[str, str]:
    """The child's environment: a few variables that every program needs, and the settings that the signer reads."""
    kept = {name: os.environ[name] for name in INHERITED_VARIABLES if name in os.environ}
    package_root = str(Path(sentinel.__file__).resolve().parents[1])
    return {**kept, "PYTHONPATH": package_root, **environment(settings, *GROUPS)}


def _last_line(log: Path, since: int) -> str:
    """The last line of the log after byte `since`, or a text that says that there is none."""
    with log.open("rb") as file:
        file.seek(since)
        text = file.read()[-2000:].decode(errors="replace").strip()
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "the signer did not start in time: see signer.log"
