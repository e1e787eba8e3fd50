"""Policy's own decoder refuses what the toolkit does not write, and never raises."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from eth_abi.abi import encode
from hypothesis import given, settings
from hypothesis import strategies as st

from sentinel.decide.calldata import CONTRACT_BALANCE, MAX_BYTES, Call, Malformed, RouterCall, decode_call
from tests.decide.fair_market import DEADLINE, MSG_SENDER, NETWORK, ROUTER, STRANGER, WALLET
from tests.decide.plain_calldata import (
    UNWRAP,
    V4_ACTIONS,
    V4_PARTS,
    WRAP,
    command,
    commands_of,
    execute,
    leg,
    permit,
    transfer,
)
from tests.decide.world import PAID, approving, buying

WETH, USDC = NETWORK.tokens["WETH"].address, NETWORK.tokens["USDC"].address


def _one_input(given_bytes: bytes, code: int = 0x08) -> bytes:
    return execute([(code, given_bytes)])


def _hostile() -> Iterator[tuple[str, bytes]]:
    good = buying()
    *trade, checked = commands_of(good.swap)
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
    yield "a word more to unwrap", execute([*trade, (0x0C, unwrapped + b"\0" * 32)])
    yield (
        "dirty bits above who gets what is unwrapped",
        execute([*trade, (0x0C, b"\1" + unwrapped[1:])]),
    )
    yield from _hostile_coin()
    allowed = {0x00, 0x08}
    for code in sorted(set(range(256)) - allowed):
        yield f"command 0x{code:02x} alone", _one_input(plain, code)
        yield f"command 0x{code:02x} after the swap", execute([*trade, (code, plain)])
        yield f"command 0x{code:02x} before the receipt check", execute([*trade, (code, plain), checked])
        yield f"command 0x{code:02x} after the receipt check", execute([*trade, checked, (code, plain)])
    code, given_bytes = checked
    yield "a receipt check alone", execute([checked])
    yield "a receipt check before the swap", execute([trade[0], checked, trade[1]])
    yield "two receipt checks", execute([*trade, checked, checked])
    yield "a receipt check that may fail", execute([*trade, (code | 0x80, given_bytes)])
    yield "a word more to check", execute([*trade, (code, given_bytes + b"\0" * 32)])
    yield "dirty bits above whose balance is checked", execute([*trade, (code, b"\1" + given_bytes[1:])])
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
    yield "taken after a trade", execute([*commands_of(buying().swap)[:-1], transfer(7)])
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
