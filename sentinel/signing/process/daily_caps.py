"""What may be signed in one UTC day, and what a nonce may be signed for. Pure.

A nonce belongs to one payload for ever (I4, I5): the same again at other fees is a bump, a pure cancel may follow it,
anything else is refused. What a trade takes is counted once, with its nonce; gas at its worst (gas limit x fee cap),
once a nonce and at the highest that was signed for it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from sentinel.core.errors import SignerRefused
from sentinel.core.network import Address
from sentinel.core.simulation import TxRequest
from sentinel.core.transaction import Fees
from sentinel.signing.signer_limits import GAS_TODAY, SIGNATURES, VOLUME


@dataclass(frozen=True, slots=True)
class DayCaps:
    """Of one UTC day. A token that `volume` does not name is not taken at all."""

    volume: Mapping[Address, int]  # base units by token in lower case
    gas: int  # wei
    signatures: int


@dataclass(frozen=True, slots=True)
class SignedToday:
    """In one UTC day so far; units as in DayCaps."""

    volume: Mapping[Address, int] = field(default_factory=dict)
    gas: int = 0
    signatures: int = 0


@dataclass(frozen=True, slots=True)
class SignedNonce:
    """What a nonce was signed for."""

    payload: str
    gas: int  # wei, at the worst of all that was signed for it


@dataclass(frozen=True, slots=True)
class SigningRequest:
    nonce: int
    payload: str
    cancel: bool  # a transfer of nothing to oneself
    gas: int  # wei, at worst
    spends: Mapping[Address, int]  # from the wallet, base units by token in lower case

    @classmethod
    def of(cls, nonce: int, tx: TxRequest, fees: Fees, own: Address, taken: Mapping[Address, int]) -> SigningRequest:
        return cls(nonce, digest(tx), tx.to.lower() == own.lower(), fees.max_fee * tx.gas_limit, taken)


def digest(tx: TxRequest) -> str:
    """The payload's name: all that a replacement must keep."""
    whole = f"{tx.to.lower()}\n{tx.value}\n{tx.gas_limit}\n{tx.data.hex()}"
    return hashlib.sha256(whole.encode()).hexdigest()


def count(
    asked: SigningRequest, held: SignedNonce | None, spent: SignedToday, caps: DayCaps
) -> tuple[SignedNonce, SignedToday]:
    """What the nonce is held for and what the day comes to with this signature. Raises SignerRefused."""
    if held is not None and held.payload != asked.payload and not asked.cancel:
        raise SignerRefused("nonce", f"the signer refuses: nonce {asked.nonce} was signed for other bytes")
    taken = asked.spends if held is None else {}
    volume = {**spent.volume}
    for token, amount in taken.items():
        volume[token] = volume.get(token, 0) + amount
        if volume[token] > (most := caps.volume.get(token, 0)):
            raise SignerRefused(VOLUME, f"the signer refuses: {volume[token]} of {token} today, the most is {most}")
    before = held.gas if held else 0
    gas = spent.gas + max(0, asked.gas - before)
    if gas > caps.gas:
        raise SignerRefused(GAS_TODAY, f"the signer refuses: gas for {gas} wei today, the most is {caps.gas}")
    frees = held is not None and asked.cancel  # always signed: else what is in flight could not be given up
    signatures = spent.signatures + 1 if frees else count_refusal(spent, caps)
    return SignedNonce(held.payload if held else asked.payload, max(before, asked.gas)), SignedToday(
        volume, gas, signatures
    )


def count_refusal(spent: SignedToday, caps: DayCaps) -> int:
    """Signatures today, with this one. Raises SignerRefused."""
    if spent.signatures >= caps.signatures:
        raise SignerRefused(SIGNATURES, f"the signer refuses: {caps.signatures} signatures today are the most")
    return spent.signatures + 1
