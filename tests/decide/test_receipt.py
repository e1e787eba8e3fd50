"""The receipt check: builder and both readers agree on it, and neither reader lets any other one through."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from eth_abi.abi import decode, encode
from hypothesis import given, settings
from hypothesis import strategies as st

from sentinel.core.actions import Candidate, Route, Swap
from sentinel.core.errors import Refused, SignerRefused
from sentinel.core.network import NATIVE
from sentinel.core.simulation import Simulation, TxRequest
from sentinel.core.spent import Spent
from sentinel.decide.calldata import Malformed, decode_call
from sentinel.decide.case import Case
from sentinel.decide.rules_transaction import receipt
from sentinel.dex.building.router import encode_swap
from sentinel.signing.router_call import read_call
from sentinel.signing.signer_limits import listed_pools
from tests.decide.fair_market import ENV, HEAD, LIMITS, MSG_SENDER, NETWORK, STATE, STRANGER, WALLET
from tests.decide.plain_calldata import UNWRAP, WRAP, execute
from tests.decide.test_calldata import swaps

HELD = 1 << 130
RICH = replace(STATE, balances=dict.fromkeys(STATE.balances, HELD))
TOKENS = [token.address for token in NETWORK.tokens.values()]
CAPS = dict.fromkeys(TOKENS, 1 << 255)
OWNER, TOKEN, LEAST, CODE = range(4)


@st.composite
def trades(draw: st.DrawFn) -> Swap:
    """Swaps over listed pools, of which some sell or buy the native coin, or only wrap or unwrap it."""
    if draw(st.integers(0, 9)) == 0:
        return Swap((Route((draw(st.sampled_from((WRAP, UNWRAP))),), 10**18),), 10**18, 1_900_000_000)
    swap = draw(swaps().filter(lambda swap: swap.min_out >= 3))  # a part of it for each route
    if any(route.amount_in * swap.min_out < swap.amount_in for route in swap.routes):
        swap = replace(swap, routes=swap.routes[:1])
    before = (WRAP,) if swap.token_in == "WETH" and draw(st.booleans()) else ()
    after = (UNWRAP,) if swap.token_out == "WETH" and not before and draw(st.booleans()) else ()
    return replace(swap, routes=tuple(replace(one, legs=(*before, *one.legs, *after)) for one in swap.routes))


def by_policy(swap: Swap, data: bytes) -> bool:
    if isinstance(decode_call(data), Malformed):
        return False
    tx = TxRequest(NETWORK.universal_router, data, swap.value, 300_000)
    simulation = Simulation(Candidate(0, swap, ""), tx, ENV, {}, 0, 0, (), None)
    try:
        return receipt(Case(NETWORK, LIMITS, RICH, HEAD, Spent(0, 0), simulation))[0]
    except Refused:
        return False


def by_signer(swap: Swap, data: bytes) -> bool:
    router, wrapped = NETWORK.universal_router, NETWORK.tokens["WETH"].address
    try:
        read_call(data, WALLET, router, CAPS, listed_pools(NETWORK), wrapped=wrapped, value=swap.value)
    except SignerRefused:
        return False
    return True


def commands_in(data: bytes) -> list[tuple[int, bytes]]:
    codes, inputs, _ = decode(["bytes", "bytes[]", "uint256"], data[4:])
    return list(zip(codes, inputs, strict=True))


def check(owner: str, token: str, least: int, code: int = 0x0E) -> tuple[int, bytes]:
    return code, encode(["address", "address", "uint256"], [owner, token, least])


def mutations(swap: Swap, commands: list[tuple[int, bytes]]) -> Iterator[tuple[str, list[tuple[int, bytes]], bool]]:
    """What is wrong, the commands, and whether the signer, who does not know the balance, can tell."""
    if swap.token_out == NATIVE:
        yield "a check of a token beside native coin", [*commands, check(WALLET, TOKENS[0], 1)], True
        return
    *trade, (_, given_bytes) = commands
    owner, token, least = decode(["address", "address", "uint256"], given_bytes)
    right = check(owner, token, least)
    yield "none", trade, True
    yield "two", [*trade, right, right], True
    yield "not the last", [*trade[:-1], right, trade[-1]], True
    yield "another owner", [*trade, check(STRANGER, token, least)], True
    yield "the sender's alias", [*trade, check(MSG_SENDER, token, least)], True
    yield "the router", [*trade, check(NETWORK.universal_router, token, least)], True
    for other in TOKENS:
        if other.lower() != token:
            yield "another token", [*trade, check(owner, other, least)], True
    yield "below the minimum output", [*trade, check(owner, token, swap.min_out - 1)], True
    yield "nothing", [*trade, check(owner, token, 0)], True
    yield "one less", [*trade, check(owner, token, least - 1)], False
    yield "what is held", [*trade, check(owner, token, HELD - swap.amount_in)], False
    for flag in (0x80, 0x40, 0xC0):
        yield "a flag", [*trade, check(owner, token, least, 0x0E | flag)], True


@settings(max_examples=120, deadline=None)
@given(trades())
def test_builder_and_readers_agree_and_no_other_check_passes(swap: Swap) -> None:
    """Both readers accept what the builder writes. Each mutation of the check is refused by policy, and by the signer
    unless only the balance shows it."""
    data = encode_swap(NETWORK, RICH, swap)
    assert by_policy(swap, data)
    assert by_signer(swap, data)
    for name, commands, plain in mutations(swap, commands_in(data)):
        mutant = execute(commands, swap.deadline)
        assert not by_policy(swap, mutant), name
        assert by_signer(swap, mutant) is not plain, name
