"""Keys: the interface that signs, and a key in this process (encrypted keystore, or raw for development)."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn, Protocol

from eth_keys.datatypes import PrivateKey
from eth_utils.crypto import keccak
from eth_utils.exceptions import ValidationError

from sentinel.core.errors import SettingsError
from sentinel.core.network import DEVELOPMENT_CHAIN, Address
from sentinel.signing.process.secret_files import read_key, read_keystore, read_password


class Key(Protocol):
    """Signs whole messages, which it hashes with keccak-256 itself. It never signs a bare hash."""

    @property
    def address(self) -> Address: ...

    async def sign(self, preimage: bytes) -> bytes:
        """The 65 bytes r, s, v, with v 27 or 28. Raises SignerUnavailable."""
        ...


class LocalKey:
    """A key in memory. It shows its address only."""

    __slots__ = ("_key", "address")

    def __init__(self, key: bytes) -> None:
        """Raises ValueError if `key` is outside the curve's range; the message does not contain it."""
        try:
            self._key = PrivateKey(key)
            self.address: Address = self._key.public_key.to_checksum_address()
        except (ValidationError, ValueError):
            raise ValueError("the key is outside the curve's range") from None

    @classmethod
    def of_keystore(cls, keystore: Path, password_file: Path) -> LocalKey:
        """Decrypt a keystore, which takes about one second. Raises SettingsError."""
        from eth_keyfile.keyfile import decode_keyfile_json  # slow to import

        stored, password = read_keystore(keystore), read_password(password_file)
        try:
            return cls(bytes(decode_keyfile_json(stored, password.encode())))
        except (ValueError, KeyError, TypeError, NotImplementedError):
            raise SettingsError(f"the password does not open {keystore}") from None

    @classmethod
    def of_file(cls, key_file: Path, chain_id: int) -> LocalKey:
        """Read a raw key. Raises SettingsError on any chain but the development chain."""
        if chain_id != DEVELOPMENT_CHAIN:
            raise SettingsError(
                f"SENTINEL_WALLET__DEV_KEY_FILE is for chain {DEVELOPMENT_CHAIN} alone, this is {chain_id}: "
                "use an encrypted keystore (`sentinel wallet import`)"
            )
        try:
            return cls(read_key(key_file))
        except ValueError as error:
            raise SettingsError(f"key file {key_file}: {error}") from None

    async def sign(self, preimage: bytes) -> bytes:
        v, r, s = self._key.sign_msg_hash(keccak(preimage)).vrs
        return r.to_bytes(32, "big") + s.to_bytes(32, "big") + bytes((27 + v,))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.address})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a key must not be serialised")
