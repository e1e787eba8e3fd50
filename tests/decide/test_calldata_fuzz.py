"""Mutated and rebuilt calldata never becomes another trade than the one it was made from."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest

from sentinel.core.spent import Spent
from sentinel.decide.calldata import CONTRACT_BALANCE, Call, RouterCall, decode_call
from sentinel.decide.policy import Policy
from tests.decide.fair_market import DEADLINE, MSG_SENDER, NETWORK, ROUTER, STATE, STRANGER, WALLET
from tests.decide.plain_calldata import UNWRAP, command, execute, permit, receipt_check, transfer
from tests.decide.world import COIN, FAIR, GOOD, PAID, World, buying, circling, circling_back, hopping, newest

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
    FAIR,
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
    paid = "WETH" if swap.token_in == "ETH" else swap.token_in
    if dice.random() < (0.9 if paid == swap.token_in else 0.05):
        changes = {
            "token": other(NETWORK.tokens[paid].address, *tokens),
            "amount": other(swap.amount_in, 0, swap.amount_in + 1, (1 << 160) - 1),
            "nonce": other(STATE.permit_nonces[paid], 0, 4),
            "spender": other(NETWORK.universal_router, STRANGER, NETWORK.permit2),
            "expiration": other(DEADLINE, 0, DEADLINE + 1, (1 << 48) - 1),
        }
        commands.append((other(0x8A, 0x0A, 0x03), permit(paid, swap.amount_in, **changes)))
    for number, route in enumerate(swap.routes):
        least = 1 if number < len(swap.routes) - 1 else swap.min_out - number
        if route.legs == (UNWRAP,) and dice.random() < 0.95:
            amount = other(route.amount_in, 0, 1, PAID, (1 << 160) - 1)
            taken = other("WETH", *NETWORK.tokens), other(ROUTER, MSG_SENDER, WALLET, STRANGER, NETWORK.permit2)
            commands.append(transfer(amount, *taken))
        for position, meant in enumerate(route.legs):
            last = position == len(route.legs) - 1
            leg = other(meant, *(replace(meant, pool=p.name, venue=p.venue) for p in NETWORK.pools.values()))
            commands.append(
                command(
                    leg,
                    other(MSG_SENDER if last else ROUTER, MSG_SENDER, ROUTER, WALLET, STRANGER, NETWORK.permit2),
                    other(route.amount_in if position == 0 else CONTRACT_BALANCE, 0, 1, PAID, CONTRACT_BALANCE),
                    other(least if last else 0, 0, 1),
                    other(position == 0, True, False),
                )
            )
    if swap.token_out != "ETH" and dice.random() < 0.95:
        changes = {
            "owner": other(WALLET, MSG_SENDER, ROUTER, STRANGER),
            "token": other(swap.token_out, *NETWORK.tokens),
            "more": other(0, -1, 1, -swap.min_out),
            "flag": other(0, 0x80),
        }
        commands.append(receipt_check(swap, **changes))
    if dice.random() < 0.05:
        commands.append(dice.choice(commands))
    return execute(commands, other(DEADLINE, 0, DEADLINE + 1, (1 << 256) - 1))


def test_well_formed_calldata_of_another_trade_widens_nothing() -> None:
    """Plainly encoded commands of other recipients, pools, amounts or permits are refused, the trade itself is not."""
    dice = random.Random(11)
    worlds = [buying(), hopping(), circling(), newest(), circling_back(), *(make() for make in COIN)]
    accepted = sum(screened(world := dice.choice(worlds), _rebuilt(world, dice)) for _ in range(3_000))
    assert accepted > 300
