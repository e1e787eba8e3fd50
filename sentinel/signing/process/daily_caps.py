"""What may be signed in one UTC day, and for one nonce. Pure.

A nonce belongs to one payload for ever (I4, I5). The same payload at other fees is a replacement, and a cancel may
follow it; anything else is refused. The volume of a trade and its possible loss are counted once, with its nonce. Gas
is counted once per nonce, at the highest cost (gas limit x maximum fee) that was signed for it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from sentinel.core.errors import SignerRefused
from sentinel.core.network import Address
from sentinel.core.simulation import TxRequest
from sentinel.core.transaction import Fees
from sentinel.signing.signer_limits import GAS_TODAY, LOSS_TODAY, SIGNATURES, VOLUME


@dataclass(frozen=True, slots=True)
class DayCaps:
    """The caps of one UTC day. A token that `volume` omits must not be spent."""

    volume: Mapping[Address, int]  # base units per lower-case token
    gas: int  # wei
    signatures: int
    loss: int  # possible losses of all trades, base units of the quote token


@dataclass(frozen=True, slots=True)
class SignedToday:
    """The totals of one UTC day so far, in the units of DayCaps."""

    volume: Mapping[Address, int] = field(default_factory=dict)
    gas: int = 0
    signatures: int = 0
    loss: int = 0


@dataclass(frozen=True, slots=True)
class SignedNonce:
    """The payload that a nonce was signed for."""

    payload: str
    gas: int  # wei, the highest cost that was signed for it


@dataclass(frozen=True, slots=True)
class SigningRequest:
    """A transaction as the counters see it."""

    nonce: int
    payload: str
    cancel: bool  # True for a transfer of nothing to the wallet itself
    gas: int  # wei, gas limit x maximum fee
    spends: Mapping[Address, int]  # from the wallet, base units per lower-case token
    loss: int = 0  # that the trade may bring at its minimum output, base units of the quote token

    @classmethod
    def of(
        cls, nonce: int, tx: TxRequest, fees: Fees, own: Address, taken: Mapping[Address, int], loss: int = 0
    ) -> SigningRequest:
        return cls(nonce, digest(tx), tx.to.lower() == own.lower(), fees.max_fee * tx.gas_limit, taken, loss)


def digest(tx: TxRequest) -> str:
    """The payload's SHA-256, over everything that a replacement must keep."""
    payload = f"{tx.to.lower()}\n{tx.value}\n{tx.gas_limit}\n{tx.data.hex()}"
    return hashlib.sha256(payload.encode()).hexdigest()


def count(
    request: SigningRequest, held: SignedNonce | None, spent: SignedToday, caps: DayCaps
) -> tuple[SignedNonce, SignedToday]:
    """Count one signature. Returns the new state of its nonce and the new totals of the day.

    `held` is what the nonce was signed for before, None if it is new. Raises SignerRefused if a cap would be
    exceeded, or if the nonce belongs to another payload.
    """
    if held is not None and held.payload != request.payload and not request.cancel:
        raise SignerRefused("nonce", f"the signer refuses: nonce {request.nonce} was signed for other bytes")
    spends = request.spends if held is None else {}
    volume = {**spent.volume}
    for token, amount in spends.items():
        volume[token] = volume.get(token, 0) + amount
        if volume[token] > (cap := caps.volume.get(token, 0)):
            raise SignerRefused(VOLUME, f"the signer refuses: {volume[token]} of {token} today, the cap is {cap}")
    more_loss = request.loss if held is None else 0
    loss = spent.loss + more_loss
    if more_loss and loss > caps.loss:
        raise SignerRefused(LOSS_TODAY, f"the signer refuses: possible losses of {loss} today, the cap is {caps.loss}")
    gas_before = held.gas if held else 0
    gas = spent.gas + max(0, request.gas - gas_before)
    if gas > caps.gas:
        raise SignerRefused(GAS_TODAY, f"the signer refuses: gas for {gas} wei today, the cap is {caps.gas}")
    frees = held is not None and request.cancel  # never refused, or an open intent could not be cancelled
    signatures = spent.signatures + 1 if frees else count_refusal(spent, caps)
    return SignedNonce(held.payload if held else request.payload, max(gas_before, request.gas)), SignedToday(
        volume, gas, signatures, loss
    )


def count_refusal(spent: SignedToday, caps: DayCaps) -> int:
    """The number of signatures today, this one included. Raises SignerRefused if it exceeds the cap."""
    if spent.signatures >= caps.signatures:
        raise SignerRefused(SIGNATURES, f"the signer refuses: {caps.signatures} signatures today are the cap")
    return spent.signatures + 1
