"""The signer's own reading of native coin: sent only to be wrapped, and wrapped coin taken only to be unwrapped."""

from __future__ import annotations

import dataclasses

import pytest
from eth_abi.abi import encode

from sentinel.core.errors import SignerRefused
from sentinel.core.simulation import TxRequest
from sentinel.signing.router_call import read_call
from sentinel.signing.signer_limits import check_transaction
from tests.signing.calls import (
    FEES,
    ITSELF,
    LIMITS,
    NOW,
    OTHER,
    OWN,
    POOLS,
    ROUTER,
    SENDER,
    STRANGER,
    TOKEN,
    V2,
    V3,
    bought,
    granted,
    hop,
    received,
    router_call,
    trade_call,
)
from tests.signing.test_signer_v4 import v4

ALL = 1 << 255
CAPS = {TOKEN: 1000, OTHER: 10}  # OTHER is the wrapped token

Command = tuple[int, bytes]


def wrap(amount: int = 10, recipient: str = ITSELF) -> Command:
    return 0x0B, encode(["address", "uint256"], [recipient, amount])


def unwrap(least: int = 10, recipient: str = SENDER) -> Command:
    return 0x0C, encode(["address", "uint256"], [recipient, least])


def take(amount: int = 10, token: str = OTHER, recipient: str = ITSELF) -> Command:
    return 0x02, encode(["address", "address", "uint256"], [token, recipient, amount])


def sold(kind: int = V2, amount: int = ALL, recipient: str = SENDER, first: str = OTHER, last: str = TOKEN) -> Command:
    return kind, hop(kind, recipient, amount, 7 if recipient == SENDER else 0, (first, last), False)


def ended(*commands: Command) -> tuple[Command, ...]:
    """With the receipt check of what the last command buys; native coin has none."""
    if (last := commands[-1])[0] == 0x0C:
        return commands
    buys = last[0] & 0x7F == 0x0B or last == bought() or last == GOOD["two hops"][1][-1]
    return (*commands, received(OTHER if buys else TOKEN))


SOLD_V4 = v4(paid=(OTHER, ALL, False), down=False, taken=(TOKEN, SENDER, 0))
BOUGHT = (V2, hop(V2, ITSELF, 900, 0, (TOKEN, OTHER), True))
GOOD: dict[str, tuple[int, tuple[Command, ...]]] = {
    "wrapped and sold": (10, (wrap(), sold())),
    "over V3": (10, (wrap(), sold(V3))),
    "over V4": (10, (wrap(), SOLD_V4)),
    "two hops": (10, (wrap(), sold(recipient=ITSELF), (V3, hop(V3, SENDER, ALL, 7, (TOKEN, OTHER), False)))),
    "two routes": (10, (wrap(4), sold(), wrap(6), sold(V3))),
    "wrapped alone": (10, (wrap(recipient=SENDER),)),
    "wrapped for the own address": (10, (wrap(recipient=OWN),)),
    "unwrapped alone": (0, (granted(OTHER, 10), take(), unwrap())),
    "unwrapped for the own address": (0, (take(), unwrap(recipient=OWN))),
    "bought and unwrapped": (0, (granted(), BOUGHT, unwrap(7))),
}
BAD: dict[str, tuple[str, int, tuple[Command, ...]]] = {
    "value without wrapping": ("value", 10, (bought(),)),
    "value with what is taken": ("value", 10, (take(), unwrap())),
    "wrapping without value": ("value", 0, (wrap(), sold())),
    "more value than is wrapped": ("value", 11, (wrap(), sold())),
    "less value than is wrapped": ("value", 9, (wrap(), sold())),
    "the value of one of two": ("value", 4, (wrap(4), sold(), wrap(6), sold())),
    "wrapped for a stranger": ("recipient", 10, (wrap(recipient=STRANGER),)),
    "wrapped for a stranger, then sold": ("recipient", 10, (wrap(recipient=STRANGER), sold())),
    "wrapped for the wallet, then sold": ("calldata", 10, (wrap(recipient=SENDER), sold())),
    "wrapped and left": ("calldata", 10, (wrap(),)),
    "all that the router holds wrapped": ("value", 10, (wrap(ALL), sold())),
    "nothing wrapped": ("amount", 0, (wrap(0), sold())),
    "more than the cap": ("amount", 11, (wrap(11), sold())),
    "more than the cap by two": ("amount", 11, (wrap(5), sold(), wrap(6), sold())),
    "sold only in part": ("calldata", 10, (wrap(), sold(amount=9))),
    "another token sold": ("calldata", 10, (wrap(), sold(first=TOKEN, last=OTHER))),
    "sold and left": ("calldata", 10, (wrap(), sold(recipient=ITSELF))),
    "wrapped while something waits": ("calldata", 10, (BOUGHT, wrap(), sold())),
    "wrapped twice before it is sold": ("calldata", 10, (wrap(4), wrap(6), sold())),
    "with a permit": ("calldata", 10, (granted(OTHER, 10), wrap(), sold())),
    "beside a purchase": ("receipt", 10, (bought(), wrap(), sold())),
    "beside what Permit2 pays": ("calldata", 5, (wrap(5), sold(), (V2, hop(V2, SENDER, 5, 7, (OTHER, TOKEN), True)))),
    "a wrapping that may fail": ("command", 10, (bought(), (0x8B, wrap()[1]))),
    "another token taken": ("token", 0, (take(token=TOKEN), unwrap())),
    "taken for a stranger": ("recipient", 0, (take(recipient=STRANGER), unwrap())),
    "taken for the wallet": ("recipient", 0, (take(recipient=SENDER), unwrap())),
    "taken and kept": ("calldata", 0, (take(),)),
    "taken and sold": ("calldata", 0, (take(), sold())),
    "taken and sold, then unwrapped": ("calldata", 0, (take(), sold(recipient=ITSELF), unwrap())),
    "taken twice": ("calldata", 0, (take(5), take(5), unwrap())),
    "more taken than unwrapped": ("min_out", 0, (take(10), unwrap(9))),
    "less taken than unwrapped": ("min_out", 0, (take(9), unwrap(10))),
    "more taken than the cap": ("amount", 0, (take(11), unwrap(11))),
    "nothing taken": ("amount", 0, (take(0), unwrap(0))),
    "unwrapped for a stranger": ("recipient", 0, (take(), unwrap(recipient=STRANGER))),
    "unwrapped into the router": ("recipient", 0, (take(), unwrap(recipient=ITSELF))),
    "another token unwrapped": ("calldata", 0, ((V2, hop(V2, ITSELF, 10, 0, (OTHER, TOKEN), True)), unwrap(7))),
}


@pytest.mark.parametrize(("value", "commands"), GOOD.values(), ids=GOOD)
def test_every_shape_with_native_coin_is_signed(value: int, commands: tuple[Command, ...]) -> None:
    """Wrapped and sold, alone, over two routes; unwrapped after a trade, or the wallet's own."""
    data = router_call(*ended(*commands))
    assert read_call(data, OWN, ROUTER, CAPS, POOLS, wrapped=OTHER, value=value).deadline == NOW + 120


@pytest.mark.parametrize(("rule", "value", "commands"), BAD.values(), ids=BAD)
def test_any_other_use_of_native_coin_is_refused(rule: str, value: int, commands: tuple[Command, ...]) -> None:
    """Value that is not wrapped to the unit, strangers, leftovers, coin taken for anything else: no signature."""
    with pytest.raises(SignerRefused) as refusal:
        read_call(router_call(*ended(*commands)), OWN, ROUTER, CAPS, POOLS, wrapped=OTHER, value=value)
    assert refusal.value.rule == rule


def test_value_is_signed_only_for_the_router_and_a_known_wrapped_token() -> None:
    """The whole check of a transaction passes it on; limits that name no wrapped token permit no value at all."""
    tx = TxRequest(ROUTER, trade_call(wrap(), sold(), token=TOKEN), 10, 400_000)
    known = dataclasses.replace(LIMITS, wrapped=OTHER)
    check_transaction(31337, tx, FEES, OWN, known, NOW)
    for limits, given in (
        (LIMITS, tx),
        (known, dataclasses.replace(tx, value=0)),
        (known, dataclasses.replace(tx, to=TOKEN)),
        (dataclasses.replace(known, trades={TOKEN: 1000, OTHER: 9}), tx),
    ):
        with pytest.raises(SignerRefused):
            check_transaction(31337, given, FEES, OWN, limits, NOW)
