"""Encrypted keystore files (Web3 Secret Storage v3, scrypt): create one, import a key, show the address.

A key is here only between its creation and its encryption. Module `keys` uses keys.
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
    """Encrypt a new random key into `path` (mode 0600). Raises SettingsError if the file exists.

    `rounds` is scrypt's cost, a power of two; None means the library's default (about one second).
    """
    return _store(path, secrets.token_bytes(32), password, rounds)


def import_key(path: Path, key_file: Path, password: str, *, rounds: int | None = None) -> Address:
    """Encrypt the raw hex key of `key_file` into `path`. Raises SettingsError, which never quotes the file."""
    return _store(path, read_key(key_file), password, rounds)


def show(path: Path) -> Address:
    """The address that the file claims, without the password. Only decryption can confirm it."""
    return to_checksum_address("0x" + str(read_keystore(path)["address"]).removeprefix("0x"))


def _store(path: Path, key: bytes, password: str, rounds: int | None) -> Address:
    if not password:
        raise SettingsError("an empty password protects nothing; put one into SENTINEL_WALLET__PASSWORD_FILE")
    try:
        address = Account.from_key(key).address
    except Exception:  # the library's message may contain the key
        raise SettingsError("the key is outside the curve's range") from None
    text = json.dumps(Account.encrypt(key, password, kdf="scrypt", iterations=rounds))
    _write_new(path.expanduser(), text)
    return to_checksum_address(address)


def _write_new(path: Path, text: str) -> None:
    """Write a whole file or none, never over an existing wallet."""
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
