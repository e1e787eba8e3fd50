"""Encrypted keystore files (Web3 Secret Storage v3, scrypt): make one, import a key, show the address.

A key passes through here only between its making and its encryption; using it is `keys`' business alone.
"""

from __future__ import annotations

import json
import os
import secrets
from pathlib import Path

from eth_account import Account
from eth_utils.address import to_checksum_address

from sentinel.core.errors import SettingsError
from sentinel.core.network import Address
from sentinel.signing.process.secret_files import read_key, read_keystore


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
