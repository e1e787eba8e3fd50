"""The daemon's hold on the signer's process: whose key it has, starting it as a child.

The daemon opens no key, keystore or password file itself: it hands their paths over and asks the signer.
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
START_TIMEOUT = 60.0  # seconds for a keystore's scrypt on a busy machine


@dataclass(frozen=True, slots=True)
class SignerSupervisor:
    """A running signer. See `supervised_signer`."""

    client: SignerClient
    child: Child | None  # None: it runs by itself
    own_caps: bool  # it takes its caps by token from its own settings

    async def bind(self, genesis: HexHash) -> None:
        """Raises ChainMismatch if the signer has signed for another chain with this id; Unavailable."""
        try:
            await send_chain(self.client.path, genesis)
        except SignerRefused as error:
            raise ChainMismatch(
                f"{error}: this is another chain: give the signer a SENTINEL_STATE_DIR of its own"
            ) from error

    async def allow(self, caps: TokenCaps) -> TokenCaps | None:
        """Set the caps by token, once in a signer's life; what was set, None where the signer has its own. Raises
        Unavailable, SignerRefused, and OperatorError where our child was given its caps by somebody else."""
        if (await ask_greeting(self.client.path)).open_caps:
            await self.set_caps(caps)
            return caps
        if self.child is not None and not self.own_caps:
            raise OperatorError(
                "somebody else set the caps of this daemon's signer: another program runs as this user, or as root "
                "(the record in state_dir/signer says when); find it before the next start"
            )
        return None

    async def set_caps(self, caps: TokenCaps) -> None:
        await send_caps(self.client.path, caps.approvals, caps.trades, caps.daily)

    async def probe(self) -> tuple[bool, str]:
        greeting = await ask_greeting(self.client.path)
        if greeting.address != self.client.address:
            return False, f"the signer holds the key of {greeting.address}"
        return True, f"the signer holds the key of {greeting.address}"


@contextlib.asynccontextmanager
async def supervised_signer(settings: Settings, network: Network) -> AsyncIterator[SignerSupervisor]:
    """A signer that answers; a child of ours is stopped at the end.

    Raises SettingsError (its own words, where it is the child's), SignerUnavailable where none answers.
    """
    path = socket_of(settings)
    if settings.wallet.signer_socket is not None:
        yield SignerSupervisor(await _client(settings, network, path), None, own_caps=True)
        return
    _named(settings, network)
    state_dir = settings.state_dir.expanduser()
    state_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    log = state_dir / "signer.log"

    async def answers() -> bool:
        """Our child, and not that of another daemon, which then keeps ours from starting."""
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
        raise SettingsError(_last_words(log, before)) from None
    try:
        yield SignerSupervisor(await _client(settings, network, path), child, own_caps=bool(settings.signer.max_trade))
    finally:
        await child.stop()


async def signer_address(settings: Settings, network: Network, *, check: bool = False) -> Address | None:
    """Of the key that the settings name, as a short-lived signer says; None where they name none.

    `check` opens the key, which takes a keystore about a second. Raises SettingsError.
    """
    given = settings.wallet
    file = given.keystore_file or given.dev_key_file
    if given.signer_socket is not None:
        if given.address and settings.execution.mode == "dry":
            return None  # the address is enough, and that signer need not run
        return (await ask_greeting(given.signer_socket.expanduser())).address
    if file is None and not given.web3signer_url:
        return None
    _named(settings, network)
    if check:
        arguments = ["check"]
    elif file is None:
        return to_checksum_address(given.address)
    else:
        kind = "keystore" if given.keystore_file is not None else "raw"
        arguments = ["address", kind, str(file.expanduser()), str(network.chain_id)]
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *_PROGRAM, *arguments, stdin=asyncio.subprocess.DEVNULL, stdout=pipe, stderr=pipe, env=_environment(settings)
    )
    out, err = await process.communicate()
    if process.returncode != 0:
        raise SettingsError(err.decode(errors="replace").strip()[-1000:] or "the signer cannot tell whose key it is")
    return out.decode().strip()


async def _client(settings: Settings, network: Network, path: Path) -> SignerClient:
    try:
        greeting = await ask_greeting(path)
    except SignerUnavailable as error:
        raise OperatorError(f"{error} at {path}: start it with `sentinel signer`") from error
    if greeting.chain_id != network.chain_id:
        raise SettingsError(f"the signer at {path} signs for chain {greeting.chain_id}, not {network.chain_id}")
    return SignerClient(path, greeting.address, legacy=network.fees is FeeMarket.LEGACY)


def _named(settings: Settings, network: Network) -> None:
    """Whether there is a key at all. Raises SettingsError."""
    given = settings.wallet
    if given.keystore_file is None and given.dev_key_file is None and not given.web3signer_url:
        raise SettingsError(
            "live mode needs a key: SENTINEL_WALLET__KEYSTORE_FILE (make one with `sentinel wallet new`), "
            f"SENTINEL_WALLET__WEB3SIGNER_URL, or SENTINEL_WALLET__DEV_KEY_FILE on chain 31337; {network.name} is "
            f"{network.chain_id}"
        )
    if given.web3signer_url and not is_address(given.address):
        raise SettingsError("SENTINEL_WALLET__ADDRESS names the key that Web3Signer is to use, and is no address")


_PROGRAM = (sys.executable, "-P", "-m", "sentinel.signing.process")


def _environment(settings: Settings) -> dict[str, str]:
    """Nothing of ours but what a program needs, and the signer's share of the settings."""
    kept = {name: os.environ[name] for name in INHERITED_VARIABLES if name in os.environ}
    here = str(Path(sentinel.__file__).resolve().parents[1])
    return {**kept, "PYTHONPATH": here, **environment(settings, *GROUPS)}


def _last_words(log: Path, since: int) -> str:
    with log.open("rb") as file:
        file.seek(since)
        text = file.read()[-2000:].decode(errors="replace").strip()
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "the signer did not start in time: see signer.log"
