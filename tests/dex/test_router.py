"""Router calldata: the bytes, and that other readers of them see what was meant."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import pytest
from eth_abi.abi import decode
from uniswap_universal_router_decoder import FunctionRecipient, RouterCodec

from sentinel.core.actions import Approve, Leg, Route, Swap
from sentinel.core.errors import ActionFault
from sentinel.decide.calldata import ApproveCall, RouterCall, decode_call
from sentinel.dex.building.permit2 import typed_permit
from sentinel.dex.building.router import encode_approve, encode_swap
from sentinel.dex.venues.router_leg import CONTRACT_BALANCE

from .building import NET, state_at

STATE = replace(state_at(), balances=dict.fromkeys(("ETH", "WETH", "USDC", "WBTC"), 10**30))
V2 = Leg("WETH/USDC-v2", "USDC", "WETH", "uniswap_v2")
V3 = Leg("WETH/USDC-v3-500", "WETH", "USDC", "uniswap_v3")
CYCLE = Swap((Route((V2, V3), 700_000_000),), 701_000_000, 1_900_000_000)


def test_policys_own_decoder_reads_a_cycle_as_it_was_meant() -> None:
    """The first leg is paid by the wallet, the second takes all; only the last pays out and carries min_out."""
    call = decode_call(encode_swap(NET, STATE, CYCLE))
    assert isinstance(call, RouterCall)
    first, last = call.swaps
    assert (first.venue, first.amount_in, first.min_out, first.payer_is_user) == ("uniswap_v2", 700_000_000, 0, True)
    assert (last.venue, last.amount_in, last.min_out) == ("uniswap_v3", CONTRACT_BALANCE, 701_000_000)
    assert not last.payer_is_user
    assert last.fees == (500,)
    assert int(first.recipient, 16) == 2
    assert int(last.recipient, 16) == 1
    assert (call.permit, call.deadline) == (None, 1_900_000_000)


def test_a_permit_goes_first_and_may_fail() -> None:
    """Anyone may hand it in before us, so it must not take the trade down with it."""
    permit = typed_permit(
        chain_id=31337,
        permit2=NET.permit2,
        token=NET.tokens["USDC"].address,
        amount=700_000_000,
        expiration=1_900_000_000,
        nonce=3,
        spender=NET.universal_router,
    )
    call = decode_call(encode_swap(NET, STATE, CYCLE, permit, b"\x01" * 65))
    assert isinstance(call, RouterCall)
    assert call.permit is not None
    assert call.permit.allow_revert
    assert (call.permit.amount, call.permit.nonce, call.permit.signature) == (700_000_000, 3, b"\x01" * 65)
    assert call.permit.expiration == call.permit.sig_deadline == 1_900_000_000


@pytest.mark.parametrize("leg", [V2, V3])
def test_the_library_writes_the_same_arguments(leg: Leg) -> None:
    """uniswap-universal-router-decoder agrees on every argument that Universal Router 2.1.0 reads."""
    swap = Swap((Route((leg,), 5_000),), 77, 1_900_000_000)
    ours, path = encode_swap(NET, STATE, swap), [NET.tokens[s].address for s in (leg.token_in, leg.token_out)]
    chain: Any = RouterCodec().encode.chain()
    if leg is V3:
        chain.v3_swap_exact_in(FunctionRecipient.SENDER, 5_000, 77, [path[0], 500, path[1]])
    else:
        chain.v2_swap_exact_in(FunctionRecipient.SENDER, 5_000, 77, path)
    theirs = bytes.fromhex(chain.build(1_900_000_000).removeprefix("0x"))
    outer = ["bytes", "bytes[]", "uint256"]
    (commands, (given, _), deadline), (their_commands, (their_given,), their_deadline) = (
        decode(outer, data[4:]) for data in (ours, theirs)
    )
    assert (commands, deadline) == (their_commands + b"\x0e", their_deadline)  # it cannot write a receipt check
    inner = ["address", "uint256", "uint256", "bytes" if leg is V3 else "address[]", "bool"]
    assert decode(inner, given) == decode(inner, their_given)


def test_routes_of_a_split_share_min_out_to_the_unit() -> None:
    """Each route ends with its share by what it puts in, and the shares sum to the swap's."""
    other = Leg("WETH/USDC-v3-3000", "USDC", "WETH", "uniswap_v3")
    call = decode_call(encode_swap(NET, STATE, Swap((Route((V2,), 100), Route((other,), 201)), 1_000, 1_900_000_000)))
    assert isinstance(call, RouterCall)
    assert [swap.min_out for swap in call.swaps] == [332, 668]
    assert all(swap.payer_is_user for swap in call.swaps)


@pytest.mark.parametrize(
    "swap",
    [
        replace(CYCLE, routes=()),
        replace(CYCLE, routes=(Route((), 5),)),
        replace(CYCLE, routes=(Route((V2, V2), 5),)),
        replace(CYCLE, routes=(Route((V2,), 0),)),
        replace(CYCLE, routes=(Route((V2,), 5), Route((V3,), 5))),
        replace(CYCLE, routes=(Route((replace(V2, pool="WETH/USDC-v9"),), 5),)),
        replace(CYCLE, routes=(Route((replace(V2, token_out="WBTC"),), 5),)),
        replace(CYCLE, routes=(Route((V2, V3), 2 * 10**30),)),
    ],
)
def test_what_cannot_be_said_is_refused(swap: Swap) -> None:
    """Broken routes and unlisted pools give no calldata at all."""
    with pytest.raises(ActionFault):
        encode_swap(NET, STATE, swap)


def test_a_receipt_that_cannot_be_bound_is_refused() -> None:
    """Without the wallet's balance of what it buys there is no calldata, and the reason says so."""
    unknown = replace(STATE, balances={symbol: held for symbol, held in STATE.balances.items() if symbol != "USDC"})
    with pytest.raises(ActionFault, match="balance of USDC is unknown"):
        encode_swap(NET, unknown, CYCLE)


def test_an_approval_is_for_permit2_alone() -> None:
    """It goes to the token, names Permit2, and no other spender can be said."""
    to, data = encode_approve(NET, Approve("USDC", "permit2", 5_000, 1_900_000_000))
    assert to == NET.tokens["USDC"].address
    assert decode_call(data) == ApproveCall(NET.permit2, 5_000)
    for wrong in (Approve("USDC", "router", 5, 0), Approve("DOGE", "permit2", 5, 0)):
        with pytest.raises(ActionFault):
            encode_approve(NET, wrong)


def test_a_swap_is_encoded_well_under_a_millisecond() -> None:
    """The best of many tries, so that a busy machine does not count."""
    best = min(_seconds() for _ in range(50))
    assert best < 0.0005


def _seconds() -> float:
    started = time.perf_counter()
    encode_swap(NET, STATE, CYCLE)
    return time.perf_counter() - started
