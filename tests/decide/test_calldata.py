"""Policy's own decoder: reads what the toolkit writes, refuses everything else, and never raises."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from eth_abi.abi import encode
from hypothesis import given, settings
from hypothesis import strategies as st
from uniswap_universal_router_decoder import FunctionRecipient, RouterCodec

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
from sentinel.decide.policy import Policy
from sentinel.dex.permit2 import typed_permit
from sentinel.dex.router import encode_approve, encode_swap
from sentinel.types import Approve, Leg, Route, Spent, Swap
from tests.decide.world import (
    DEADLINE,
    GOOD,
    MSG_SENDER,
    NETWORK,
    PAID,
    ROUTER,
    STATE,
    STRANGER,
    WALLET,
    World,
    approving,
    buying,
    circling,
    command,
    commands_of,
    execute,
    hopping,
    permit,
)

WETH, USDC = NETWORK.tokens["WETH"].address, NETWORK.tokens["USDC"].address


@st.composite
def swaps(draw: st.DrawFn) -> Swap:
    """Any single route over listed pools, closed cycles among them."""
    token = draw(st.sampled_from(sorted(NETWORK.tokens)))
    legs = []
    for _ in range(draw(st.integers(1, 4))):
        pool = draw(st.sampled_from([p for p in NETWORK.pools.values() if token in (p.token0, p.token1)]))
        other = pool.token1 if token == pool.token0 else pool.token0
        legs.append(Leg(pool.name, token, other, pool.venue))
        token = other
    amounts = st.integers(1, (1 << 160) - 1)
    return Swap((Route(tuple(legs), draw(amounts)),), draw(amounts), draw(st.integers(1, 1 << 40)))


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
    legs = swap.routes[0].legs
    assert len(call.swaps) == len(legs)
    for position, (read, leg) in enumerate(zip(call.swaps, legs, strict=True)):
        last = position == len(legs) - 1
        assert read == SwapCall(
            leg.venue,
            MSG_SENDER if last else ROUTER,
            swap.amount_in if position == 0 else CONTRACT_BALANCE,
            swap.min_out if last else 0,
            (NETWORK.tokens[leg.token_in].address, NETWORK.tokens[leg.token_out].address),
            (NETWORK.pools[leg.pool].fee_pips,) if leg.venue == "uniswap_v3" else (),
            position == 0,
        )


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
    leg = good.swap.routes[0].legs[0]
    _, plain = command(leg, MSG_SENDER, PAID, 1, True)
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


INTERESTING = [
    0,
    1,
    2,
    31,
    32,
    64,
    0x8A,
    0xA0,
    0xC0,
    CONTRACT_BALANCE,
    (1 << 256) - 1,
    int(STRANGER, 16),
    int(WALLET, 16),
]


def mutate(data: bytes, others: list[bytes], dice: random.Random) -> bytes:
    """One to three hostile edits: flipped bytes, replaced words, cuts, insertions, splices of two good ones."""
    out = bytearray(data)
    for _ in range(dice.choice((1, 1, 1, 2, 3))):
        at = dice.randrange(4, max(5, len(out)))
        word = 4 + (at - 4) // 32 * 32
        match dice.randrange(8):
            case 0 | 1:
                out[at : at + 1] = bytes([dice.randrange(256)])
            case 2 | 3:
                out[word : word + 32] = dice.choice(INTERESTING).to_bytes(32, "big")
            case 4:
                out[word : word + 32] = out[(other := 4 + 32 * dice.randrange(max(1, len(out) // 32))) : other + 32]
            case 5:
                del out[at : at + dice.choice((1, 4, 20, 32, 64))]
            case 6:
                out[at:at] = dice.randbytes(dice.choice((1, 4, 20, 32, 64)))
            case _:
                out[word:] = dice.choice(others)[word:]
    return bytes(out)


def screened(world: World, data: bytes) -> bool:
    """Whether these bytes, with the good trade's effect, become a ballot; if so they must say that very trade."""
    ballots, _ = Policy(NETWORK, world.limits).screen([world.but(data=data).simulation()], STATE, Spent(0, 0))
    if ballots:
        said, meant = decode_call(data), decode_call(world.data)
        assert _trade(said) == _trade(meant)
        if isinstance(said, RouterCall) and isinstance(meant, RouterCall) and said.permit and meant.permit:
            # the signature cannot be judged here, the chain does; and a permit that may not fail is only stricter
            assert replace(said.permit, signature=b"", allow_revert=True) == replace(meant.permit, signature=b"")
    return bool(ballots)


def _trade(call: Call) -> Call:
    """Apart from the permit, and from naming the wallet by its address or as the sender."""
    if not isinstance(call, RouterCall):
        return call
    named = tuple(replace(s, recipient=MSG_SENDER if s.recipient == WALLET else s.recipient) for s in call.swaps)
    return replace(call, permit=None, swaps=named)


@pytest.mark.parametrize("part", range(4))
def test_ten_thousand_mutated_calldata_widen_nothing(part: int) -> None:
    """Of 10^4 mutations of good calldata, whatever becomes a ballot says the very same trade as the original."""
    dice = random.Random(part)
    worlds = [make() for make in GOOD]
    spoken = [world.data for world in worlds]
    accepted = 0
    for _ in range(2_500):
        world = dice.choice(worlds)
        accepted += screened(world, mutate(world.data, spoken, dice))
    assert accepted < 600  # a flipped byte of a signature, mostly


def _rebuilt(world: World, dice: random.Random) -> bytes:
    """The trade's commands written anew in plain encoding, each value now and then another one."""

    def other(value: Any, *values: Any) -> Any:
        return dice.choice(values) if dice.random() < 0.08 else value

    swap = world.swap
    tokens = [token.address for token in NETWORK.tokens.values()] + [STRANGER]
    commands = []
    if dice.random() < 0.9:
        changes = {
            "token": other(NETWORK.tokens[swap.token_in].address, *tokens),
            "amount": other(swap.amount_in, 0, swap.amount_in + 1, (1 << 160) - 1),
            "nonce": other(STATE.permit_nonces[swap.token_in], 0, 4),
            "spender": other(NETWORK.universal_router, STRANGER, NETWORK.permit2),
            "expiration": other(DEADLINE, 0, DEADLINE + 1, (1 << 48) - 1),
        }
        commands.append((other(0x8A, 0x0A, 0x03), permit(swap.token_in, swap.amount_in, **changes)))
    for route in swap.routes:
        for position, meant in enumerate(route.legs):
            last = position == len(route.legs) - 1
            leg = other(meant, *(replace(meant, pool=p.name, venue=p.venue) for p in NETWORK.pools.values()))
            commands.append(
                command(
                    leg,
                    other(MSG_SENDER if last else ROUTER, MSG_SENDER, ROUTER, WALLET, STRANGER, NETWORK.permit2),
                    other(route.amount_in if position == 0 else CONTRACT_BALANCE, 0, 1, PAID, CONTRACT_BALANCE),
                    other(swap.min_out if last else 0, 0, 1),
                    other(position == 0, True, False),
                )
            )
    if dice.random() < 0.05:
        commands.append(dice.choice(commands))
    return execute(commands, other(DEADLINE, 0, DEADLINE + 1, (1 << 256) - 1))


def test_well_formed_calldata_of_another_trade_widens_nothing() -> None:
    """Plainly encoded commands of other recipients, pools, amounts or permits are refused, the trade itself is not."""
    dice = random.Random(11)
    worlds = [buying(), hopping(), circling()]
    accepted = sum(screened(world := dice.choice(worlds), _rebuilt(world, dice)) for _ in range(3_000))
    assert accepted > 300


def test_decoding_is_quick() -> None:
    """A distinct three-command trade takes well under a millisecond (the budget allows a busy machine)."""
    data = hopping().data
    started = time.perf_counter()
    for _ in range(50):
        decode_call.__wrapped__(data)
    assert time.perf_counter() - started < 0.25
