"""Encrypted keystore files (Web3 Secret Storage v3, scrypt): make one, import a key, show the address.

A key passes through here only between its making and its encryption; using it is `signer`'s business alone.
"""

from __future__ import annotations

import json
import os
import secrets
from pathlib import Path
from typing import Any

from eth_account import Account
from eth_utils.address import to_checksum_address

from sentinel.errors import SettingsError
from sentinel.types import Address


def create(path: Path, password: str, *, rounds: int | None = None) -> Address:
    """A new random key, encrypted into `path` (0600). Raises SettingsError where the file is there already.

    `rounds` is scrypt's cost, a power of two; None is the library's default (about a second).
    """
    return _store(path, secrets.token_bytes(32), password, rounds)


def import_key(path: Path, key_file: Path, password: str, *, rounds: int | None = None) -> Address:
    """Encrypt the raw hex key of `key_file`. Raises SettingsError; the message never holds what the file says."""
    return _store(path, read_key(key_file), password, rounds)


def show(path: Path) -> Address:
    """The address, without the password. It is what the file claims until the key is decrypted."""
    return to_checksum_address("0x" + str(read_keystore(path)["address"]).removeprefix("0x"))


def read_password(path: Path) -> str:
    """The first line. Raises SettingsError where it is missing or empty."""
    try:
        lines = path.expanduser().read_text().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"password file {path}: {type(error).__name__}") from None
    if not lines or not lines[0]:
        raise SettingsError(f"password file {path} is empty")
    return lines[0]


def read_key(path: Path) -> bytes:
    """A raw key of 64 hex digits. Raises SettingsError; the message never holds what the file says."""
    try:
        text = path.expanduser().read_text().strip()
        key = bytes.fromhex(text.removeprefix("0x"))
    except (OSError, ValueError) as error:
        raise SettingsError(f"key file {path}: {type(error).__name__}; it must hold 64 hex digits") from None
    if len(key) != 32 or not any(key):
        raise SettingsError(f"key file {path}: it must hold 64 hex digits")
    return key


def read_keystore(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.expanduser().read_text())
    except (OSError, ValueError) as error:
        raise SettingsError(f"keystore {path}: {type(error).__name__}; make one with `sentinel wallet new`") from None
    if not isinstance(found, dict) or "address" not in found:
        raise SettingsError(f"{path} is not a keystore; make one with `sentinel wallet new`")
    return found


def _store(path: Path, key: bytes, password: str, rounds: int | None) -> Address:
    if not password:
        raise SettingsError("an empty password protects nothing; put one into SENTINEL_WALLET__PASSWORD_FILE")
    try:
        address = Account.from_key(key).address
    except Exception:  # whatever the library says of a bad key may hold the key
        raise SettingsError("the key is outside the curve's range") from None
    text = json.dumps(Account.encrypt(key, password, kdf="scrypt", iterations=rounds))
    _write_new(path.expanduser(), text)
    return to_checksum_address(address)


def _write_new(path: Path, text: str) -> None:
    """All of it or none, and never over an existing wallet."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        handle = os.open(draft, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        with os.fdopen(handle, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, path)
    except FileExistsError:
        raise SettingsError(f"{path} exists already; a wallet is never overwritten") from None
    except OSError as error:
        raise SettingsError(f"cannot write {path}: {error.strerror}") from None
    finally:
        draft.unlink(missing_ok=True)
