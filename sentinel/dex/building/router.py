"""Calldata of swaps for the Universal Router, and of approvals for ERC-20 tokens. Pure; docs/adr/0002-calldata.md.

Each leg is one router command, whatever its venue. The wallet pays for the first leg, through Permit2 or with native
coin that is attached and wrapped. Each later leg spends all that the router holds. Only a route's last leg pays the
wallet and has a min_out, so amounts between legs are not checked. A swap for a token ends with a receipt check of the
wallet's own balance, because on V3 and V4 min_out bounds only the amount that the pool reports
(docs/adr/0015-receipt-check.md).
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from sentinel.core.abi import encode
from sentinel.core.actions import Approve, Leg, Route, Swap
from sentinel.core.errors import ActionFault
from sentinel.core.market_state import MarketState
from sentinel.core.network import NATIVE, UNWRAP, WRAP, Address, Network
from sentinel.dex.building.permit2 import MAX_AMOUNT
from sentinel.dex.venues.registry import VENUES
from sentinel.dex.venues.router_leg import ADDRESS_THIS, CONTRACT_BALANCE, MSG_SENDER, RouterLeg

EXECUTE = bytes.fromhex("3593564c")  # execute(bytes commands, bytes[] inputs, uint256 deadline)
APPROVE = bytes.fromhex("095ea7b3")  # approve(address spender, uint256 amount)
PERMIT2_TRANSFER_FROM = 0x02
WRAP_ETH = 0x0B
UNWRAP_WETH = 0x0C
BALANCE_CHECK_ERC20 = 0x0E
PERMIT2_PERMIT = 0x0A
ALLOW_REVERT = 0x80  # anyone may submit our permit first; the trade then uses the allowance that it set

_CALL = ("bytes", "bytes[]", "uint256")
_PERMIT = ("((address,uint160,uint48,uint48),address,uint256)", "bytes")
_WRAP = _UNWRAP = ("address", "uint256")
_TRANSFER = ("address", "address", "uint160")
_CHECK = ("address", "address", "uint256")
_APPROVE = ("address", "uint256")


def encode_swap(
    network: Network,
    state: MarketState,
    swap: Swap,
    permit: Mapping[str, Any] | None = None,
    signature: bytes = b"",
) -> bytes:
    """The router's calldata for a swap. `permit` is the signed EIP-712 document; only final bytes have one.

    Routes run one after the other. Each must give its share of min_out, in proportion to its input. `state` names the
    wallet and its balances, from which the receipt check is made. Raises ActionFault if the swap cannot be encoded: it
    has no legs, its legs do not join, a pool is unknown, or the balance that the check needs is unknown.
    """
    commands, inputs = bytearray(), []
    if permit is not None:
        commands.append(PERMIT2_PERMIT | ALLOW_REVERT)
        inputs.append(_encode_permit(permit, signature))
    for route, min_out in zip(swap.routes, shares_of_min_out(swap), strict=True):
        if route.legs == (Leg(UNWRAP, network.wrapped, NATIVE, UNWRAP),):
            commands += bytes((PERMIT2_TRANSFER_FROM, UNWRAP_WETH))
            inputs += _encode_unwrapping(network, route, min_out)
            continue
        for position, leg in enumerate(route.legs):
            last = position == len(route.legs) - 1
            command, input_bytes = (_encode_wrap if leg.pool == WRAP else _encode_leg)(
                network,
                leg,
                recipient=MSG_SENDER if last else ADDRESS_THIS,
                amount_in=route.amount_in if position == 0 else CONTRACT_BALANCE,
                min_out=min_out if last else 0,
                payer_is_user=position == 0,
            )
            commands.append(command)
            inputs.append(input_bytes)
    if swap.token_out != NATIVE:  # the last command of a swap for native coin, UNWRAP_WETH, bounds what the wallet gets
        commands.append(BALANCE_CHECK_ERC20)
        inputs.append(_encode_receipt_check(network, state, swap))
    return EXECUTE + encode(_CALL, [bytes(commands), inputs, swap.deadline])


def shares_of_min_out(swap: Swap) -> list[int]:
    """The min_out of each route, in proportion to its input. Raises ActionFault if the legs do not join."""
    ends = {(route.legs[0].token_in, route.legs[-1].token_out) for route in swap.routes if route.legs}
    joined = all(a.token_out == b.token_in for route in swap.routes for a, b in pairwise(route.legs))
    if not all(route.legs and route.amount_in > 0 for route in swap.routes) or len(ends) != 1 or not joined:
        raise ActionFault("the legs of the routes do not join")
    shares = [swap.min_out * route.amount_in // swap.amount_in for route in swap.routes]
    shares[-1] += swap.min_out - sum(shares)
    return shares


def _encode_receipt_check(network: Network, state: MarketState, swap: Swap) -> bytes:
    """The wallet's own balance of token_out must grow by min_out, or by min_out less the input in a closed cycle."""
    token, held = network.tokens.get(swap.token_out), state.balances.get(swap.token_out)
    if token is None or held is None:
        raise ActionFault(f"the wallet's balance of {swap.token_out} is unknown, so its receipt cannot be bound")
    min_balance = held + swap.min_out - (swap.amount_in if swap.is_cycle else 0)
    if min_balance <= 0:
        raise ActionFault(f"the wallet does not hold the {swap.token_out} that the closed cycle puts in")
    return encode(_CHECK, [state.wallet, token.address, min_balance])


def encode_approve(network: Network, approve: Approve) -> tuple[Address, bytes]:
    """The token's address and the calldata. Raises ActionFault for an unknown token or spender."""
    token = network.tokens.get(approve.token)
    if token is None or approve.spender != "permit2":
        raise ActionFault("only known tokens can be approved, and only for Permit2")
    return token.address, APPROVE + encode(_APPROVE, [network.permit2, approve.amount])


def _encode_wrap(
    network: Network, leg: Leg, *, recipient: Address, amount_in: int, min_out: int, payer_is_user: bool
) -> tuple[int, bytes]:
    """Wrap the attached native coin. The command has no minimum output because it returns exactly its input."""
    if leg != Leg(WRAP, NATIVE, network.wrapped, WRAP) or not payer_is_user:
        raise ActionFault(f"only a route's first leg wraps, from {NATIVE} to {network.wrapped}")
    if recipient == MSG_SENDER and min_out != amount_in:
        raise ActionFault("wrapping gives exactly what is put in")
    return WRAP_ETH, encode(_WRAP, [recipient, amount_in])


def _encode_unwrapping(network: Network, route: Route, min_out: int) -> tuple[bytes, bytes]:
    """Unwrap the wallet's wrapped coin: the router takes it through Permit2, then unwraps it."""
    if min_out != route.amount_in or route.amount_in > MAX_AMOUNT:
        raise ActionFault("unwrapping gives exactly what is put in")
    transfer = encode(_TRANSFER, [network.tokens[network.wrapped].address, ADDRESS_THIS, route.amount_in])
    return transfer, encode(_UNWRAP, [MSG_SENDER, min_out])


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
