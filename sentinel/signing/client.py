"""The daemon's end of the signer's socket. It sends each request once and verifies every signature it gets."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic_core import from_json

from sentinel.config.settings import Settings
from sentinel.core.errors import SignerRefused, SignerUnavailable
from sentinel.core.host.unix import short_address
from sentinel.core.network import Address, HexHash
from sentinel.core.simulation import TxRequest
from sentinel.core.transaction import Fees
from sentinel.signing import signed_bytes
from sentinel.signing.signer import SignedTx
from sentinel.signing.wire import MAX_LINE, VERSION

TIMEOUT = 5.0  # seconds


@dataclass(frozen=True, slots=True)
class SignerGreeting:
    """How a signer introduces itself."""

    address: Address
    chain_id: int
    open_caps: bool  # True while the signer waits for `send_caps`
    pid: int
    order: str | None = None  # hash of the operator's order that it enforces; None: none, or it knows no orders yet


@dataclass(frozen=True, slots=True)
class SignerClient:
    """A Signer behind a unix socket.

    Raises SignerUnavailable if the signer does not answer, or if its signature is not of `address`.
    """

    path: Path
    address: Address
    legacy: bool = False  # transactions are of type 0
    timeout: float = TIMEOUT

    async def sign_transaction(
        self, chain_id: int, nonce: int, tx: TxRequest, fees: Fees, prices: Mapping[Address, int] | None = None
    ) -> SignedTx:
        transaction = {"to": tx.to, "data": "0x" + tx.data.hex(), "value": tx.value, "gas_limit": tx.gas_limit}
        bid = {"max_fee": fees.max_fee, "priority_fee": fees.priority_fee}
        fields = {"chain_id": chain_id, "nonce": nonce, "tx": transaction, "fees": bid, "prices": dict(prices or {})}
        answer = await ask(self.path, "sign_transaction", timeout=self.timeout, **fields)
        signature = self._checked(signed_bytes.unsigned_bytes(chain_id, nonce, tx, fees, legacy=self.legacy), answer)
        return signed_bytes.signed_transaction(chain_id, nonce, tx, fees, signature, legacy=self.legacy)

    async def sign_permit(self, typed_data: Mapping[str, Any]) -> bytes:
        answer = await ask(self.path, "sign_permit", timeout=self.timeout, typed_data=dict(typed_data))
        return self._checked(signed_bytes.permit_bytes(typed_data), answer)

    def _checked(self, preimage: bytes, answer: Mapping[str, Any]) -> bytes:
        try:
            signature = bytes.fromhex(answer["signature"].removeprefix("0x"))
            signed_by = signed_bytes.recover(preimage, signature)
        except (KeyError, AttributeError, ValueError) as error:
            raise SignerUnavailable("the signer did not return a signature") from error
        if signed_by != self.address:
            raise SignerUnavailable(f"the signature is of {signed_by}, or of other bytes than requested")
        return signature


def socket_of(settings: Settings) -> Path:
    """The path of the signer's socket, for a signer that is the daemon's child or one that runs by itself."""
    path = settings.wallet.signer_socket
    return path.expanduser() if path is not None else settings.state_dir.expanduser() / "signer.sock"


async def ask_greeting(path: Path, *, timeout: float = TIMEOUT) -> SignerGreeting:
    """Ask the signer for its greeting. Raises SignerUnavailable."""
    answer = await ask(path, "hello", timeout=timeout)
    try:
        order = answer.get("order")
        return SignerGreeting(
            str(answer["address"]),
            int(answer["chain_id"]),
            bool(answer["open_caps"]),
            int(answer["pid"]),
            None if order is None else str(order),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise SignerUnavailable("the process on the signer's socket is not a signer") from error


async def ask_enforced(path: Path, *, timeout: float = TIMEOUT) -> dict[str, Any]:
    """Ask the signer what it enforces and what it signed today, in base units and wei. Raises SignerUnavailable."""
    return await ask(path, "show", timeout=timeout)


async def send_chain(path: Path, genesis: HexHash) -> None:
    """Tell the signer which chain it signs for, by the hash of the chain's first or pinned block.

    Raises SignerRefused if its ledger belongs to another chain, and SignerUnavailable.
    """
    await ask(path, "bind", genesis=genesis)


async def send_caps(
    path: Path,
    approvals: Mapping[Address, int],
    trades: Mapping[Address, int],
    daily: Mapping[Address, int],
    prices: Mapping[Address, int],
) -> None:
    """Set the caps, in base units per token, and the reference prices of a signer that waits for them.

    Raises SignerRefused if they are set already, and SignerUnavailable.
    """
    approvals, trades, daily, prices = dict(approvals), dict(trades), dict(daily), dict(prices)
    await ask(path, "allow", approvals=approvals, trades=trades, daily=daily, prices=prices)


async def ask(path: Path, request: str, *, timeout: float = TIMEOUT, **fields: object) -> dict[str, Any]:
    """Send one request on a new connection and return the answer; it is never repeated.

    Raises SignerRefused if a limit forbids it, and SignerUnavailable if the signer does not answer or fails.
    """
    line = json.dumps({"v": VERSION, "do": request, **fields}).encode() + b"\n"
    try:
        async with asyncio.timeout(timeout):
            with short_address(path) as address:
                reader, writer = await asyncio.open_unix_connection(address, limit=MAX_LINE)
            try:
                writer.write(line)
                await writer.drain()
                reply = await reader.readline()
            finally:
                writer.close()
        answer = from_json(reply)
    except (OSError, TimeoutError, ValueError) as error:
        raise SignerUnavailable(f"the signer does not answer: {type(error).__name__}") from error
    if not isinstance(answer, dict) or answer.get("v") != VERSION:
        raise SignerUnavailable("the signer speaks another version of the protocol")
    if answer.get("ok") is True:
        return answer
    if isinstance(rule := answer.get("refused"), str):
        raise SignerRefused(rule, str(answer.get("error"))[:300])
    raise SignerUnavailable(f"the signer failed: {str(answer.get('error'))[:300]}")
