"""Swap -> Universal Router calldata, and Approve -> ERC-20 calldata. Pure; see docs/adr/0002-calldata.md.

One router command a leg, whatever the venue. The first leg is paid by the wallet through Permit2; each later one takes
all that the router holds. Only a route's last leg pays the wallet and carries min_out: what passes in between is
nobody's concern.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from sentinel.dex.abi import encode
from sentinel.dex.router_leg import ADDRESS_THIS, CONTRACT_BALANCE, MSG_SENDER, RouterLeg
from sentinel.dex.venues import VENUES
from sentinel.errors import ActionFault
from sentinel.types import NATIVE, UNWRAP, Address, Approve, Leg, Network, Swap

EXECUTE = bytes.fromhex("3593564c")  # execute(bytes commands, bytes[] inputs, uint256 deadline)
APPROVE = bytes.fromhex("095ea7b3")  # approve(address spender, uint256 amount)
UNWRAP_WETH = 0x0C
PERMIT2_PERMIT = 0x0A
ALLOW_REVERT = 0x80  # anyone may hand in our permit before us; the trade then goes on with the allowance it gave

_CALL = ("bytes", "bytes[]", "uint256")
_PERMIT = ("((address,uint160,uint48,uint48),address,uint256)", "bytes")
_UNWRAP = ("address", "uint256")
_APPROVE = ("address", "uint256")


def encode_swap(network: Network, swap: Swap, permit: Mapping[str, Any] | None = None, signature: bytes = b"") -> bytes:
    """Calldata for the router. `permit` is the signed typed document, in final bytes only.

    Several routes go one after the other, each ending with its share of min_out by what it puts in.
    Raises ActionFault for a swap that cannot be said so: no legs, legs that do not join, unknown pools.
    """
    commands, inputs = bytearray(), []
    if permit is not None:
        commands.append(PERMIT2_PERMIT | ALLOW_REVERT)
        inputs.append(_encode_permit(permit, signature))
    for route, min_out in zip(swap.routes, shares_of_min_out(swap), strict=True):
        for position, leg in enumerate(route.legs):
            last = position == len(route.legs) - 1
            command, given = _encode_leg(
                network,
                leg,
                recipient=MSG_SENDER if last else ADDRESS_THIS,
                amount_in=route.amount_in if position == 0 else CONTRACT_BALANCE,
                min_out=min_out if last else 0,
                payer_is_user=position == 0,
            )
            commands.append(command)
            inputs.append(given)
    return EXECUTE + encode(_CALL, [bytes(commands), inputs, swap.deadline])


def shares_of_min_out(swap: Swap) -> list[int]:
    """min_out of each route by what it puts in, together the swap's. Raises ActionFault where the legs do not join."""
    ends = {(route.legs[0].token_in, route.legs[-1].token_out) for route in swap.routes if route.legs}
    joined = all(a.token_out == b.token_in for route in swap.routes for a, b in pairwise(route.legs))
    if not all(route.legs and route.amount_in > 0 for route in swap.routes) or len(ends) != 1 or not joined:
        raise ActionFault("the legs of the routes do not join")
    shares = [swap.min_out * route.amount_in // swap.amount_in for route in swap.routes]
    shares[-1] += swap.min_out - sum(shares)
    return shares


def encode_approve(network: Network, approve: Approve) -> tuple[Address, bytes]:
    """The token to send to, and the calldata. Raises ActionFault for an unknown token or spender."""
    token = network.tokens.get(approve.token)
    if token is None or approve.spender != "permit2":
        raise ActionFault("only known tokens can be approved, and only for Permit2")
    return token.address, APPROVE + encode(_APPROVE, [network.permit2, approve.amount])


def _encode_leg(
    network: Network, leg: Leg, *, recipient: Address, amount_in: int, min_out: int, payer_is_user: bool
) -> tuple[int, bytes]:
    if leg == Leg(UNWRAP, network.wrapped, NATIVE, UNWRAP):
        if payer_is_user or recipient != MSG_SENDER:
            raise ActionFault("only a route's last leg unwraps, and not its first")
        return UNWRAP_WETH, encode(_UNWRAP, [recipient, min_out])
    pool = network.pools.get(leg.pool)
    if pool is None or {leg.token_in, leg.token_out} != {pool.token0, pool.token1}:
        raise ActionFault("the pool does not trade these tokens")
    if (venue := VENUES.get(pool.venue)) is None:
        raise ActionFault("the router cannot trade at this venue")
    token_in, token_out = network.tokens[leg.token_in].address, network.tokens[leg.token_out].address
    return venue.command(pool, RouterLeg(token_in, token_out, recipient, amount_in, min_out, payer_is_user))


def _encode_permit(permit: Mapping[str, Any], signature: bytes) -> bytes:
    message = permit["message"]
    details = message["details"]
    single = (
        (details["token"], details["amount"], details["expiration"], details["nonce"]),
        message["spender"],
        message["sigDeadline"],
    )
    return encode(_PERMIT, [single, signature])
