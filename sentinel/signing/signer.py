"""The interface of a signer, as the executor uses it. The key itself is in `sentinel.signing.process`."""

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
    """Signs transactions and permits.

    Both methods raise SignerRefused if a limit forbids the signature, and SignerUnavailable if no answer came; the
    caller may then repeat the same request.
    """

    @property
    def address(self) -> Address: ...

    async def sign_transaction(
        self, chain_id: int, nonce: int, tx: TxRequest, fees: Fees, prices: Mapping[Address, int] | None = None
    ) -> SignedTx:
        """`prices`: the reference prices that policy decided by, as `trade_rules.Answers`; needed for a trade."""
        ...

    async def sign_permit(self, typed_data: Mapping[str, Any]) -> bytes:
        """The 65-byte signature of EIP-712 typed data (`domain`, `types`, `primaryType`, `message`)."""
        ...
