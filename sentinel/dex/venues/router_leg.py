"""One leg of a trade in the Universal Router's terms, from which a venue encodes its command."""

from __future__ import annotations

from dataclasses import dataclass

from sentinel.core.network import Address

MSG_SENDER: Address = "0x0000000000000000000000000000000000000001"
ADDRESS_THIS: Address = "0x0000000000000000000000000000000000000002"
CONTRACT_BALANCE = 1 << 255  # as amount_in: the router's whole balance


@dataclass(slots=True)  # not frozen: one is created for every leg of every candidate
class RouterLeg:
    token_in: Address
    token_out: Address
    recipient: Address  # MSG_SENDER or ADDRESS_THIS
    amount_in: int  # base units, or CONTRACT_BALANCE
    min_out: int  # base units
    payer_is_user: bool  # the wallet pays, through Permit2; if false, the router pays from its balance
