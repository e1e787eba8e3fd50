"""Policy's own decoder reads what the toolkit writes, and is quick."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from uniswap_universal_router_decoder import FunctionRecipient, RouterCodec

from sentinel.core.actions import Approve, Leg, Route, Swap
from sentinel.core.errors import ActionFault
from sentinel.decide.calldata import (
    CONTRACT_BALANCE,
    ApproveCall,
    Malformed,
    ReceiptCheck,
    RouterCall,
    SwapCall,
    decode_call,
)
from sentinel.dex.building.permit2 import typed_permit
from sentinel.dex.building.router import encode_approve, encode_swap
from tests.decide.fair_market import DEADLINE, MSG_SENDER, NETWORK, ROUTER, STATE, WALLET
from tests.decide.plain_calldata import UNWRAP, WRAP, leg
from tests.decide.world import hopping

WETH, USDC = NETWORK.tokens["WETH"].address, NETWORK.tokens["USDC"].address


@st.composite
def swaps(draw: st.DrawFn) -> Swap:
    """One to three routes between the same two tokens over listed pools, closed cycles among them."""
    start = draw(st.sampled_from(sorted(NETWORK.tokens)))
    amounts = st.integers(1, (1 << 126) - 1)
    routes: list[Route] = []
    for _ in range(draw(st.integers(1, 3))):
        token, legs = start, []
        for _ in range(draw(st.integers(1, 4))):
            pool = draw(st.sampled_from([p for p in NETWORK.pools.values() if token in (p.token0, p.token1)]))
            other = pool.token1 if token == pool.token0 else pool.token0
            legs.append(Leg(pool.name, token, other, pool.venue))
            token = other
        if not routes or token == routes[0].legs[-1].token_out:
            routes.append(Route(tuple(legs), draw(amounts)))
    return Swap(tuple(routes), draw(amounts), draw(st.integers(1, 1 << 40)))


@settings(max_examples=150, deadline=None)
@given(swaps(), st.booleans())
def test_what_the_toolkit_writes_is_read_back(swap: Swap, signed: bool) -> None:
    """Legs, amounts, recipients, least output, deadline, permit and receipt check come back exactly."""
    document = typed_permit(
        chain_id=NETWORK.chain_id,
        permit2=NETWORK.permit2,
        token=NETWORK.tokens[swap.token_in].address,
        amount=swap.amount_in,
        expiration=swap.deadline,
        nonce=5,
        spender=NETWORK.universal_router,
    )
    rich = replace(STATE, balances=dict.fromkeys(STATE.balances, 1 << 128))
    data = encode_swap(NETWORK, rich, swap, document, b"\x07" * 65) if signed else encode_swap(NETWORK, rich, swap)
    call = decode_call(data)
    assert isinstance(call, RouterCall)
    assert call.deadline == swap.deadline
    assert (call.permit is not None) is signed
    paid_back = swap.amount_in if swap.is_cycle else 0
    assert call.receipt == ReceiptCheck(
        WALLET, NETWORK.tokens[swap.token_out].address, (1 << 128) + swap.min_out - paid_back
    )
    if call.permit is not None:
        assert (call.permit.token, call.permit.amount) == (NETWORK.tokens[swap.token_in].address, swap.amount_in)
        assert (call.permit.nonce, call.permit.spender) == (5, NETWORK.universal_router)
        assert call.permit.expiration == call.permit.sig_deadline == swap.deadline
        assert call.permit.signature == b"\x07" * 65
    wanted = [
        (leg, route.amount_in if position == 0 else CONTRACT_BALANCE, position == len(route.legs) - 1)
        for route in swap.routes
        for position, leg in enumerate(route.legs)
    ]
    assert len(call.swaps) == len(wanted)
    assert sum(read.min_out for read in call.swaps) == swap.min_out
    for read, (meant, amount, last) in zip(call.swaps, wanted, strict=True):
        assert read == SwapCall(
            meant.venue,
            MSG_SENDER if last else ROUTER,
            amount,
            read.min_out if last else 0,
            (NETWORK.tokens[meant.token_in].address, NETWORK.tokens[meant.token_out].address),
            () if meant.venue == "uniswap_v2" else (NETWORK.pools[meant.pool].fee_pips,),
            amount != CONTRACT_BALANCE,
            (NETWORK.pools[meant.pool].tick_spacing,) if meant.venue == "uniswap_v4" else (),
        )


def test_native_coin_is_read_back() -> None:
    """Each wrapping begins a route that the wallet pays; what it takes to unwrap is one reading with its token."""
    trade = leg("WETH/USDC-v2", "WETH", "USDC")
    sold = Swap((Route((WRAP, trade), 300), Route((WRAP, trade), 700)), 10, DEADLINE)
    read = decode_call(encode_swap(NETWORK, STATE, sold))
    assert isinstance(read, RouterCall)
    assert [(one.venue, one.recipient, one.amount_in, one.min_out, one.payer_is_user) for one in read.swaps] == [
        ("wrap", ROUTER, 300, 0, True),
        ("uniswap_v2", MSG_SENDER, CONTRACT_BALANCE, 3, False),
        ("wrap", ROUTER, 700, 0, True),
        ("uniswap_v2", MSG_SENDER, CONTRACT_BALANCE, 7, False),
    ]
    one = decode_call(encode_swap(NETWORK, STATE, Swap((Route((WRAP,), 5),), 5, DEADLINE)))
    check = ReceiptCheck(WALLET, WETH, STATE.balances["WETH"] + 5)
    assert one == RouterCall(None, (SwapCall("wrap", MSG_SENDER, 5, 0, (), (), True),), DEADLINE, check)
    one = decode_call(encode_swap(NETWORK, STATE, Swap((Route((UNWRAP,), 5),), 5, DEADLINE)))
    assert one == RouterCall(None, (SwapCall("unwrap", MSG_SENDER, 5, 5, (WETH,), (), True),), DEADLINE)
    for legs in ((WRAP,), (UNWRAP,), (trade, WRAP), (WRAP, WRAP), (replace(WRAP, token_out="USDC"),)):
        with pytest.raises(ActionFault):
            encode_swap(NETWORK, STATE, Swap((Route(legs, 5),), 4, DEADLINE))


def test_an_approval_is_read_back() -> None:
    """The toolkit's approval names Permit2 and the amount."""
    to, data = encode_approve(NETWORK, Approve("USDC", "permit2", 12345, DEADLINE))
    assert (to, decode_call(data)) == (USDC, ApproveCall(NETWORK.permit2, 12345))


def test_another_encoder_is_read_the_same() -> None:
    """The public encoder adds an empty list of least prices a hop, which 2.1.0 ignores: read as without it."""
    codec: Any = RouterCodec()
    path = [WETH, 500, USDC, 3000, WETH]
    data = codec.encode.chain().v3_swap_exact_in(FunctionRecipient.SENDER, 5, 6, path).build(DEADLINE)
    v3 = SwapCall("uniswap_v3", MSG_SENDER, 5, 6, (WETH, USDC, WETH), (500, 3000), True)
    assert decode_call(bytes.fromhex(data[2:])) == RouterCall(None, (v3,), DEADLINE)
    data = codec.encode.chain().v2_swap_exact_in(FunctionRecipient.ROUTER, 5, 6, [WETH, USDC]).build(DEADLINE)
    v2 = SwapCall("uniswap_v2", ROUTER, 5, 6, (WETH, USDC), (), True)
    assert decode_call(bytes.fromhex(data[2:])) == RouterCall(None, (v2,), DEADLINE)
    data = (
        codec.encode.chain()
        .v2_swap_exact_in(FunctionRecipient.ROUTER, 5, 6, [WETH, USDC], min_hop_price_x36=[7])
        .build(DEADLINE)
    )
    assert isinstance(decode_call(bytes.fromhex(data[2:])), Malformed)


def test_decoding_is_quick() -> None:
    """A distinct three-command trade takes well under a millisecond (the budget allows a busy machine)."""
    data = hopping().data
    started = time.perf_counter()
    for _ in range(50):
        decode_call.__wrapped__(data)
    assert time.perf_counter() - started < 0.25
