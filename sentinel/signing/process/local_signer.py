"""Signs what its own copy of the limits allows, whoever asks (I24): limits, then counters, then the key.

The signer's process serves this; tests use it inside their own.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn, Self

from sentinel.core.errors import SignerRefused, SignerUnavailable
from sentinel.core.network import Address
from sentinel.core.simulation import TxRequest
from sentinel.core.transaction import Fees
from sentinel.signing import signed_bytes
from sentinel.signing.process.daily_caps import SigningRequest
from sentinel.signing.process.keys import Key, LocalKey
from sentinel.signing.process.signing_ledger import SigningCounter, UncountedSigning
from sentinel.signing.signer import SignedTx
from sentinel.signing.signer_limits import SignerLimits, check_permit, check_transaction


class LocalSigner:
    """Shows an address and never a key."""

    __slots__ = ("_book", "_clock", "_key", "_limits")

    def __init__(
        self,
        key: Key,
        limits: SignerLimits,
        clock: Callable[[], float] = time.time,
        ledger: SigningCounter | None = None,
    ) -> None:
        self._key = key
        self._limits = limits
        self._clock = clock
        self._book: SigningCounter = ledger or UncountedSigning()

    @property
    def address(self) -> Address:
        return self._key.address

    @property
    def chain_id(self) -> int:
        return self._limits.chain_id

    def allow(self, amounts: Mapping[Address, int], trades: Mapping[Address, int]) -> None:
        """Caps by token, base units, in place of those so far."""
        self._limits = replace(self._limits, amounts=amounts, trades=trades)

    async def sign_transaction(self, chain_id: int, nonce: int, tx: TxRequest, fees: Fees) -> SignedTx:
        """Raises SignerRefused, SignerUnavailable; JournalError where it could not be counted, and was not signed."""
        signature = await self.transaction_signature(chain_id, nonce, tx, fees)
        return signed_bytes.signed_transaction(chain_id, nonce, tx, fees, signature, legacy=self._limits.legacy)

    async def transaction_signature(self, chain_id: int, nonce: int, tx: TxRequest, fees: Fees) -> bytes:
        told = {
            "to": tx.to,
            "selector": "0x" + tx.data[:4].hex(),
            "value": str(tx.value),
            "gas_limit": tx.gas_limit,
            "max_fee": str(fees.max_fee),
            "priority_fee": str(fees.priority_fee),
            "nonce": nonce,
        }
        try:
            taken = check_transaction(chain_id, tx, fees, self.address, self._limits, self._clock())
            self._book.transaction(SigningRequest.of(nonce, tx, fees, self.address, taken), told)
        except SignerRefused as error:
            self._book.refused(error.rule, {**told, "reason": str(error)[:300]})
            raise
        return await self._signature(signed_bytes.unsigned_bytes(chain_id, nonce, tx, fees, legacy=self._limits.legacy))

    async def sign_permit(self, typed_data: Mapping[str, Any]) -> bytes:
        """Raises as `sign_transaction`."""
        try:
            check_permit(typed_data, self._limits, self._clock())
            details = typed_data["message"]["details"]
            told = {"token": details["token"], "amount": str(details["amount"]), "until": details["expiration"]}
            self._book.permit(told)
        except SignerRefused as error:
            self._book.refused(error.rule, {"permit": True, "reason": str(error)[:300]})
            raise
        return await self._signature(signed_bytes.permit_bytes(typed_data))

    async def _signature(self, preimage: bytes) -> bytes:
        """Checked before anybody uses it: whatever holds the key may be elsewhere."""
        signature = await self._key.sign(preimage)
        try:
            found = signed_bytes.recover(preimage, signature)
        except ValueError as error:
            raise SignerUnavailable(f"what holds the key gave no usable signature: {error}") from error
        if found != self.address:
            raise SignerUnavailable(f"what holds the key signed as {found}, not as {self.address}")
        return signature

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.address})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a signer is not written anywhere")


class KeystoreSigner(LocalSigner):
    """The key of an encrypted keystore (`sentinel wallet new`)."""

    __slots__ = ()

    @classmethod
    def load(
        cls, keystore: Path, password_file: Path, limits: SignerLimits, clock: Callable[[], float] = time.time
    ) -> Self:
        """About a second of scrypt. Raises SettingsError."""
        return cls(LocalKey.of_keystore(keystore, password_file), limits, clock)


class DevSigner(LocalSigner):
    """A raw key from a file: for the development chain alone."""

    __slots__ = ()

    @classmethod
    def load(cls, key_file: Path, limits: SignerLimits, clock: Callable[[], float] = time.time) -> Self:
        """Raises SettingsError on any chain id but 31337."""
        return cls(LocalKey.of_file(key_file, limits.chain_id), limits, clock)
