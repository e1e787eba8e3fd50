"""What the executor asks of whoever holds the key. The key itself is in `sentinel.signing.process`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from sentinel.core.network import Address, HexHash
from sentinel.core.simulation import TxRequest
from sentinel.core.transaction import Fees


@dataclass(frozen=True, slots=True)
class SignedTx:
    raw: bytes
    tx_hash: HexHash


class Signer(Protocol):
    """Both raise SignerRefused, and SignerUnavailable where nothing was answered: ask for the same thing again then."""

    @property
    def address(self) -> Address: ...

    async def sign_transaction(self, chain_id: int, nonce: int, tx: TxRequest, fees: Fees) -> SignedTx: ...

    async def sign_permit(self, typed_data: Mapping[str, Any]) -> bytes:
        """65 bytes over EIP-712 typed data (`domain`, `types`, `primaryType`, `message`)."""
        ...
