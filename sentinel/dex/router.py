"""Swap -> Universal Router calldata, and Approve -> ERC-20 calldata. Pure; see docs/adr/0002-calldata.md.

One router command a leg. The first leg is paid by the wallet through Permit2; each later one takes all that the router
holds. Only the last leg pays the wallet and carries min_out: intermediate amounts are nobody's concern, the end is.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from eth_abi.abi import encode

from sentinel.errors import ActionFault
from sentinel.types import Address, Approve, Leg, Network, Swap

EXECUTE = bytes.fromhex("3593564c")  # execute(bytes commands, bytes[] inputs, uint256 deadline)
APPROVE = bytes.fromhex("095ea7b3")  # approve(address spender, uint256 amount)
V3_SWAP_EXACT_IN = 0x00
V2_SWAP_EXACT_IN = 0x08
PERMIT2_PERMIT = 0x0A
ALLOW_REVERT = 0x80  # anyone may hand in our permit before us; the trade then goes on with the allowance it gave

MSG_SENDER: Address = "0x0000000000000000000000000000000000000001"
ADDRESS_THIS: Address = "0x0000000000000000000000000000000000000002"
CONTRACT_BALANCE = 1 << 255

_PERMIT = ["((address,uint160,uint48,uint48),address,uint256)", "bytes"]
_V3 = ["address", "uint256", "uint256", "bytes", "bool"]
_V2 = ["address", "uint256", "uint256", "address[]", "bool"]


def encode_swap(network: Network, swap: Swap, permit: Mapping[str, Any] | None = None, signature: bytes = b"") -> bytes:
    """Calldata for the router. `permit` is the signed typed document, in final bytes only.

    Raises ActionFault for a swap that this form cannot say: several routes, legs that do not join, unknown pools.
    """
    if len(swap.routes) != 1 or not swap.routes[0].legs:
        raise ActionFault("a swap has exactly one route")
    legs = swap.routes[0].legs
    if any(before.token_out != after.token_in for before, after in pairwise(legs)):
        raise ActionFault("the legs of the route do not join")
    commands, inputs = bytearray(), []
    if permit is not None:
        commands.append(PERMIT2_PERMIT | ALLOW_REVERT)
        inputs.append(_encode_permit(permit, signature))
    for position, leg in enumerate(legs):
        last = position == len(legs) - 1
        command, given = _encode_leg(
            network,
            leg,
            recipient=MSG_SENDER if last else ADDRESS_THIS,
            amount_in=swap.amount_in if position == 0 else CONTRACT_BALANCE,
            min_out=swap.min_out if last else 0,
            payer_is_user=position == 0,
        )
        commands.append(command)
        inputs.append(given)
    return EXECUTE + encode(["bytes", "bytes[]", "uint256"], [bytes(commands), inputs, swap.deadline])


def encode_approve(network: Network, approve: Approve) -> tuple[Address, bytes]:
    """The token to send to, and the calldata. Raises ActionFault for an unknown token or spender."""
    token = network.tokens.get(approve.token)
    if token is None or approve.spender != "permit2":
        raise ActionFault("only known tokens can be approved, and only for Permit2")
    return token.address, APPROVE + encode(["address", "uint256"], [network.permit2, approve.amount])


def _encode_leg(
    network: Network, leg: Leg, *, recipient: Address, amount_in: int, min_out: int, payer_is_user: bool
) -> tuple[int, bytes]:
    pool = network.pools.get(leg.pool)
    if pool is None or {leg.token_in, leg.token_out} != {pool.token0, pool.token1}:
        raise ActionFault("the pool does not trade these tokens")
    token_in, token_out = network.tokens[leg.token_in].address, network.tokens[leg.token_out].address
    if pool.venue == "uniswap_v3":
        path: object = bytes.fromhex(token_in[2:]) + pool.fee_pips.to_bytes(3) + bytes.fromhex(token_out[2:])
        return V3_SWAP_EXACT_IN, encode(_V3, [recipient, amount_in, min_out, path, payer_is_user])
    if pool.venue == "uniswap_v2":
        path = [token_in, token_out]
        return V2_SWAP_EXACT_IN, encode(_V2, [recipient, amount_in, min_out, path, payer_is_user])
    raise ActionFault("the router cannot trade at this venue")


def _encode_permit(permit: Mapping[str, Any], signature: bytes) -> bytes:
    message = permit["message"]
    details = message["details"]
    single = (
        (details["token"], details["amount"], details["expiration"], details["nonce"]),
        message["spender"],
        message["sigDeadline"],
    )
    return encode(_PERMIT, [single, signature])
