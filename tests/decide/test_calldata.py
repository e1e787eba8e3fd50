"""Policy's own decoder: reads what the toolkit writes, refuses everything else, and never raises."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from eth_abi.abi import encode
from hypothesis import given, settings
from hypothesis import strategies as st
from uniswap_universal_router_decoder import FunctionRecipient, RouterCodec

from sentinel.core.actions import Approve, Leg, Route, Swap
from sentinel.core.errors import ActionFault
from sentinel.decide.calldata import (
    CONTRACT_BALANCE,
    MAX_BYTES,
    ApproveCall,
    Call,
    Malformed,
    RouterCall,
    SwapCall,
    decode_call,
)
from sentinel.dex.building.permit2 import typed_permit
from sentinel.dex.building.router import encode_approve, encode_swap
from tests.decide.world import (
    DEADLINE,
    MSG_SENDER,
    NETWORK,
    PAID,
    ROUTER,
    STRANGER,
    UNWRAP,
    V4_ACTIONS,
    V4_PARTS,
    WALLET,
    WRAP,
    approving,
    buying,
    command,
    commands_of,
    execute,
    hopping,
    leg,
    permit,
    transfer,
)

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
    """Legs, amounts, recipients, least output, deadline and permit come back exactly."""
    document = typed_permit(
        chain_id=NETWORK.chain_id,
        permit2=NETWORK.permit2,
        token=NETWORK.tokens[swap.token_in].address,
        amount=swap.amount_in,
        expiration=swap.deadline,
        nonce=5,
        spender=NETWORK.universal_router,
    )
    data = encode_swap(NETWORK, swap, document, b"\x07" * 65) if signed else encode_swap(NETWORK, swap)
    call = decode_call(data)
    assert isinstance(call, RouterCall)
    assert call.deadline == swap.deadline
    assert (call.permit is not None) is signed
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
    read = decode_call(encode_swap(NETWORK, sold))
    assert isinstance(read, RouterCall)
    assert [(one.venue, one.recipient, one.amount_in, one.min_out, one.payer_is_user) for one in read.swaps] == [
        ("wrap", ROUTER, 300, 0, True),
        ("uniswap_v2", MSG_SENDER, CONTRACT_BALANCE, 3, False),
        ("wrap", ROUTER, 700, 0, True),
        ("uniswap_v2", MSG_SENDER, CONTRACT_BALANCE, 7, False),
    ]
    one = decode_call(encode_swap(NETWORK, Swap((Route((WRAP,), 5),), 5, DEADLINE)))
    assert one == RouterCall(None, (SwapCall("wrap", MSG_SENDER, 5, 0, (), (), True),), DEADLINE)
    one = decode_call(encode_swap(NETWORK, Swap((Route((UNWRAP,), 5),), 5, DEADLINE)))
    assert one == RouterCall(None, (SwapCall("unwrap", MSG_SENDER, 5, 5, (WETH,), (), True),), DEADLINE)
    for legs in ((WRAP,), (UNWRAP,), (trade, WRAP), (WRAP, WRAP), (replace(WRAP, token_out="USDC"),)):
        with pytest.raises(ActionFault):
            encode_swap(NETWORK, Swap((Route(legs, 5),), 4, DEADLINE))


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


def _one_input(given_bytes: bytes, code: int = 0x08) -> bytes:
    return execute([(code, given_bytes)])


def _hostile() -> Iterator[tuple[str, bytes]]:
    good = buying()
    _, plain = command(good.swap.routes[0].legs[0], MSG_SENDER, PAID, 1, True)
    yield "nothing", b""
    yield "selector alone", good.data[:4]
    yield "no selector", good.data[4:]
    yield "execute without deadline", bytes.fromhex("24856bc3") + encode(["bytes", "bytes[]"], [b"\x08", [plain]])
    yield "one byte more", good.data + b"\x00"
    yield "a word more", good.data + b"\x00" * 32
    yield "one byte fewer", good.data[:-1]
    yield "a byte more inside a command", _one_input(plain + b"\x00")
    yield "a word more inside a command", _one_input(plain + b"\x00" * 32)
    yield "dirty bits above the recipient", _one_input(b"\x01" + plain[1:])
    yield "dirty bits above the payer", _one_input(plain[:128] + b"\x01" + plain[129:])
    yield "payer neither true nor false", _one_input(plain[:159] + b"\x02" + plain[160:])
    yield (
        "a path that starts elsewhere",
        _one_input(plain[:96] + (0xC0).to_bytes(32, "big") + plain[128:160] + b"\0" * 32 + plain[160:]),
    )
    yield (
        "a path of one token",
        _one_input(encode(["address", "uint256", "uint256", "address[]", "bool"], [MSG_SENDER, PAID, 1, [USDC], True])),
    )
    for length in (0, 20, 42, 44, 65):
        given_bytes = encode(
            ["address", "uint256", "uint256", "bytes", "bool"], [MSG_SENDER, PAID, 1, b"\x01" * length, True]
        )
        yield f"a V3 path of {length} bytes", _one_input(given_bytes, 0x00)
    yield from _hostile_v4()
    unwrapped = encode(["address", "uint256"], [MSG_SENDER, 1])
    yield "nothing to unwrap", execute([(0x0C, unwrapped)])
    yield "a word more to unwrap", execute([*commands_of(good.swap), (0x0C, unwrapped + b"\0" * 32)])
    yield (
        "dirty bits above who gets what is unwrapped",
        execute([*commands_of(good.swap), (0x0C, b"\1" + unwrapped[1:])]),
    )
    yield from _hostile_coin()
    allowed = {0x00, 0x08}
    for code in sorted(set(range(256)) - allowed):
        yield f"command 0x{code:02x} alone", _one_input(plain, code)
        yield f"command 0x{code:02x} after the swap", execute([*commands_of(good.swap), (code, plain)])
    yield "two permits", execute([(0x8A, permit("USDC", 1)), *commands_of(good.swap)])
    yield "a permit and nothing else", execute([(0x8A, permit("USDC", PAID))])
    yield "no command", execute([])
    yield (
        "more commands than inputs",
        good.data[:4] + encode(["bytes", "bytes[]", "uint256"], [b"\x08\x08", [plain], DEADLINE]),
    )
    yield "very many commands", execute([(0x08, plain)] * 17)
    yield "very many bytes", good.data[:4] + b"\x00" * MAX_BYTES
    yield "lengths that do not fit", good.data[:4] + b"\xff" * 320
    yield "pointers to themselves", good.data[:4] + b"\x00" * 512
    yield "an approval with more", approving().data + b"\x00"
    yield "transfer", bytes.fromhex("a9059cbb") + approving().data[4:]
    yield (
        "transferFrom",
        bytes.fromhex("23b872dd") + encode(["address", "address", "uint256"], [WALLET, STRANGER, PAID]),
    )
    yield "increaseAllowance", bytes.fromhex("39509351") + approving().data[4:]


def _hostile_coin() -> Iterator[tuple[str, bytes]]:
    """Wrapping is of an amount; what is taken from the wallet is unwrapped by the very next command, all of it."""
    sold = command(leg("WETH/USDC-v2", "WETH", "USDC"), MSG_SENDER, CONTRACT_BALANCE, 1, False)
    back = command(UNWRAP, MSG_SENDER, 0, 7, False)
    assert isinstance(decode_call(execute([command(WRAP, ROUTER, 7, 0, True), sold])), RouterCall)
    assert isinstance(decode_call(execute([transfer(7), back])), RouterCall)
    for amount in (0, CONTRACT_BALANCE, (1 << 256) - 1):
        yield f"{amount} wrapped", execute([command(WRAP, ROUTER, amount, 0, True), sold])
    code, wrapped = command(WRAP, ROUTER, 7, 0, True)
    yield "a word more to wrap", execute([(code, wrapped + b"\0" * 32), sold])
    yield "dirty bits above who gets what is wrapped", execute([(code, b"\1" + wrapped[1:]), sold])
    yield "taken and kept", execute([transfer(7)])
    yield "taken after a trade", execute([*commands_of(buying().swap), transfer(7)])
    yield "taken and sold", execute([transfer(7), sold])
    yield "taken twice", execute([transfer(7), transfer(7), back])
    yield "taken, then sold and unwrapped", execute([transfer(7), sold, back])
    yield "taken, then wrapped", execute([transfer(7), (code, wrapped), back])
    yield "taken, then a permit", execute([transfer(7), (0x8A, permit("WETH", 7)), back])
    yield "more taken than unwrapped", execute([transfer(8), back])
    yield "less taken than unwrapped", execute([transfer(6), back])
    for recipient in (MSG_SENDER, WALLET, STRANGER, NETWORK.universal_router):
        yield f"taken for {recipient}", execute([transfer(7, "WETH", recipient), back])
    code, taken = transfer(7)
    yield "a word more to take", execute([(code, taken + b"\0" * 32), back])
    yield "more than 160 bits to take", execute([(code, taken[:75] + b"\1" + taken[76:]), back])
    yield "a failing transfer allowed", execute([(code | 0x80, taken), back])


def _hostile_v4() -> Iterator[tuple[str, bytes]]:
    """V4 offers many actions; one way of using three of them is read."""
    low, high = sorted((WETH, USDC), key=lambda address: int(address, 16))
    paid, single, taken = V4_PARTS
    none = "0x" + "00" * 20

    def v4(
        key: tuple[Any, ...] = (low, high, 500, 10, none),
        down: bool = True,
        amounts: tuple[int, int, int] = (PAID, 0, 0),
        data: bytes = b"",
        actions: bytes = V4_ACTIONS,
        ends: tuple[str, str] = (low, high),
    ) -> bytes:
        parts = [
            encode(paid, [ends[0], amounts[0], True]),
            encode(single, [(key, down, amounts[1], 1, data)]),
            encode(taken, [ends[1], MSG_SENDER, amounts[2]]),
        ]
        return _one_input(encode(["bytes", "bytes[]"], [actions, parts[: len(actions)]]), 0x10)

    assert isinstance(decode_call(v4()), RouterCall)
    yield "hooks", v4(key=(low, high, 500, 10, STRANGER))
    yield "data for hooks", v4(data=b"\x01")
    yield "tokens in the wrong order", v4(key=(high, low, 500, 10, none), down=False)
    yield "a part of what is settled", v4(amounts=(PAID, PAID - 1, 0))
    yield "a part of what comes out", v4(amounts=(PAID, 0, 1))
    yield "another token settled", v4(ends=(high, high))
    yield "another token taken", v4(ends=(low, low))
    yield "the other direction", v4(down=False)
    yield "no take", v4(actions=V4_ACTIONS[:2])
    for place in range(3):
        for action in sorted(set(range(0x20)) - {V4_ACTIONS[place]}):
            changed = bytearray(V4_ACTIONS)
            changed[place] = action
            yield f"V4 action 0x{action:02x} at {place}", v4(actions=bytes(changed))


HOSTILE = list(_hostile())


def test_hostile_calldata_is_malformed() -> None:
    """Other selectors, commands and layouts, trailing or dirty bytes: each is named malformed, none is read."""
    for name, data in HOSTILE:
        call = decode_call(data)
        assert isinstance(call, Malformed), name
        assert call.reason.isprintable()


@settings(max_examples=400, deadline=None)
@given(st.one_of(st.binary(max_size=1500), st.binary(max_size=1500).map(lambda b: bytes.fromhex("3593564c") + b)))
def test_any_bytes_are_read_without_raising(data: bytes) -> None:
    """Whatever the bytes are, the answer is a value."""
    assert isinstance(decode_call(data), Call)


def test_decoding_is_quick() -> None:
    """A distinct three-command trade takes well under a millisecond (the budget allows a busy machine)."""
    data = hopping().data
    started = time.perf_counter()
    for _ in range(50):
        decode_call.__wrapped__(data)
    assert time.perf_counter() - started < 0.25
