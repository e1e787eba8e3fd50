"""The only file that uses a key. It signs what its own copy of the limits allows, whoever asks (I24)."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, Protocol, Self

from eth_account import Account
from eth_account.signers.local import LocalAccount
from eth_utils.address import to_checksum_address

from sentinel.errors import SettingsError
from sentinel.execute.signer_limits import SignerLimits, check_permit, check_transaction
from sentinel.execute.wallet import read_key, read_keystore, read_password
from sentinel.types import Address, Fees, HexHash, TxRequest

DEVELOPMENT_CHAIN = 31337


@dataclass(frozen=True, slots=True)
class SignedTx:
    raw: bytes
    tx_hash: HexHash


class Signer(Protocol):
    @property
    def address(self) -> Address: ...

    async def sign_transaction(self, chain_id: int, nonce: int, tx: TxRequest, fees: Fees) -> SignedTx:
        """Raises SignerRefused."""
        ...

    async def sign_permit(self, typed_data: Mapping[str, Any]) -> bytes:
        """65 bytes over EIP-712 typed data (`domain`, `types`, `primaryType`, `message`). Raises SignerRefused."""
        ...


def unsigned(chain_id: int, nonce: int, tx: TxRequest, fees: Fees, *, legacy: bool) -> dict[str, Any]:
    """Type 2, or type 0 bound to the chain by EIP-155, as eth-account takes it."""
    fields: dict[str, Any] = {
        "chainId": chain_id,
        "nonce": nonce,
        "to": to_checksum_address(tx.to),
        "data": tx.data,
        "value": tx.value,
        "gas": tx.gas_limit,
    }
    if legacy:
        return fields | {"gasPrice": fees.max_fee}
    return fields | {"type": 2, "maxFeePerGas": fees.max_fee, "maxPriorityFeePerGas": fees.priority_fee}


class _KeySigner:
    """Holds a key; shows an address."""

    __slots__ = ("_account", "_clock", "_limits")

    def __init__(self, account: LocalAccount, limits: SignerLimits, clock: Callable[[], float]) -> None:
        self._account = account
        self._limits = limits
        self._clock = clock

    @property
    def address(self) -> Address:
        return to_checksum_address(self._account.address)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.address})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a signer is not written anywhere")

    async def sign_transaction(self, chain_id: int, nonce: int, tx: TxRequest, fees: Fees) -> SignedTx:
        check_transaction(chain_id, tx, fees, self.address, self._limits, self._clock())
        signed = self._account.sign_transaction(unsigned(chain_id, nonce, tx, fees, legacy=self._limits.legacy))
        return SignedTx(bytes(signed.raw_transaction), "0x" + signed.hash.hex().removeprefix("0x"))

    async def sign_permit(self, typed_data: Mapping[str, Any]) -> bytes:
        check_permit(typed_data, self._limits, self._clock())
        return bytes(self._account.sign_typed_data(full_message=dict(typed_data)).signature)


class KeystoreSigner(_KeySigner):
    """The key of an encrypted keystore (`sentinel wallet new`)."""

    __slots__ = ()

    @classmethod
    def load(
        cls, keystore: Path, password_file: Path, limits: SignerLimits, clock: Callable[[], float] = time.time
    ) -> Self:
        """About a second of scrypt. Raises SettingsError."""
        stored, password = read_keystore(keystore), read_password(password_file)
        try:
            account = Account.from_key(Account.decrypt(stored, password))
        except (ValueError, KeyError, TypeError):
            raise SettingsError(f"the password does not open {keystore}") from None
        return cls(account, limits, clock)


class DevSigner(_KeySigner):
    """A raw key from a file: for the development chain alone."""

    __slots__ = ()

    @classmethod
    def load(cls, key_file: Path, limits: SignerLimits, clock: Callable[[], float] = time.time) -> Self:
        """Raises SettingsError on any chain id but 31337."""
        if limits.chain_id != DEVELOPMENT_CHAIN:
            raise SettingsError(
                f"SENTINEL_WALLET__DEV_KEY_FILE is for chain {DEVELOPMENT_CHAIN} alone, this is {limits.chain_id}: "
                "use an encrypted keystore (`sentinel wallet import`)"
            )
        return cls(Account.from_key(read_key(key_file)), limits, clock)
