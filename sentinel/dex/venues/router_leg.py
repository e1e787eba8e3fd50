"""One leg of a trade as the Universal Router is told it: what a venue's own command is made from."""

from __future__ import annotations

from dataclasses import dataclass

from sentinel.core.network import Address

MSG_SENDER: Address = "0x0000000000000000000000000000000000000001"
ADDRESS_THIS: Address = "0x0000000000000000000000000000000000000002"
CONTRACT_BALANCE = 1 << 255  # as amount_in: all that the router holds


@dataclass(slots=True)  # not frozen: one is made for every leg of every candidate
class RouterLeg:
    token_in: Address
    token_out: Address
    recipient: Address  # MSG_SENDER or ADDRESS_THIS
    amount_in: int  # base units, or CONTRACT_BALANCE
    min_out: int  # base units
    payer_is_user: bool  # the wallet pays through Permit2; else the router with what it holds
