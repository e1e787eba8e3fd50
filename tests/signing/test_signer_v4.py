"""The signer's own reading of a V4 trade: one way of three actions, paid by the wallet, back to the wallet."""

from __future__ import annotations

from typing import Any

import pytest
from eth_abi.abi import encode

from sentinel.core.errors import SignerRefused
from sentinel.signing.router_call import read_call
from tests.signing.calls import (
    ITSELF,
    NOW,
    OTHER,
    OWN,
    POOLS,
    ROUTER,
    SECOND,
    SENDER,
    STRANGER,
    TOKEN,
    V3,
    granted,
    hop,
    router_call,
    trade_call,
)

CAPS = {TOKEN: 1000, OTHER: 10}
NONE = "0x" + "00" * 20


def v4(
    *,
    key: tuple[Any, ...] = (TOKEN, OTHER, 500, 10, NONE),
    down: bool = True,
    actions: bytes = bytes((0x0B, 0x06, 0x0E)),
    paid: tuple[Any, ...] = (TOKEN, 1000, True),
    asked: tuple[int, int, bytes] = (0, 7, b""),
    taken: tuple[Any, ...] = (OTHER, SENDER, 0),
) -> tuple[int, bytes]:
    parts = [
        encode(["address", "uint256", "bool"], paid),
        encode(["((address,address,uint24,int24,address),bool,uint128,uint128,bytes)"], [(key, down, *asked)]),
        encode(["address", "address", "uint256"], taken),
    ]
    return 0x10, encode(["bytes", "bytes[]"], [actions, parts])


ON = v4(paid=(OTHER, 1 << 255, False), down=False, taken=(TOKEN, SENDER, 0))
GOOD = {
    "bought": trade_call(granted(), v4()),
    "to the own address": trade_call(granted(), v4(taken=(OTHER, OWN, 0))),
    "V4, then V3": trade_call(granted(), v4(asked=(0, 0, b""), taken=(OTHER, ITSELF, 0)), SECOND, token=TOKEN),
    "V3, then V4": trade_call(granted(), (V3, hop(V3, ITSELF, 1000, 0, (TOKEN, OTHER), True)), ON, token=TOKEN),
    "two routes": trade_call(granted(), v4(paid=(TOKEN, 600, True)), v4(paid=(TOKEN, 400, True))),
}
UNWRAPPED = (0x0C, encode(["address", "uint256"], [SENDER, 7]))
GOOD["unwrapped"] = router_call(granted(), v4(asked=(0, 0, b""), taken=(OTHER, ITSELF, 0)), UNWRAPPED)
BAD = {
    "unwrapped from nothing": UNWRAPPED,
    "hooks": v4(key=(TOKEN, OTHER, 500, 10, STRANGER)),
    "data for hooks": v4(asked=(0, 7, b"\x01")),
    "more than the cap": v4(paid=(TOKEN, 1001, True)),
    "nothing asked back": v4(asked=(0, 0, b"")),
    "to a stranger": v4(taken=(OTHER, STRANGER, 0)),
    "a part taken": v4(taken=(OTHER, SENDER, 1)),
    "a part swapped": v4(asked=(999, 7, b"")),
    "another token settled": v4(paid=(OTHER, 1, True)),
    "another token taken": v4(taken=(TOKEN, SENDER, 0)),
    "an unlisted token": v4(key=(TOKEN, STRANGER, 500, 10, NONE), taken=(STRANGER, SENDER, 0)),
    "another action": v4(actions=bytes((0x0B, 0x06, 0x10))),
    "an action more": v4(actions=bytes((0x0B, 0x06, 0x0E, 0x14))),
    "paid by the router from nothing": v4(paid=(TOKEN, 1000, False)),
    "left in the router": v4(taken=(OTHER, ITSELF, 0)),
}


@pytest.mark.parametrize("data", GOOD.values(), ids=GOOD)
def test_every_shape_over_v4_is_signed(data: bytes) -> None:
    """Alone, before and after another venue, and as two routes."""
    assert read_call(data, OWN, ROUTER, CAPS, POOLS, wrapped=OTHER).deadline == NOW + 120


@pytest.mark.parametrize("command", BAD.values(), ids=BAD)
def test_any_other_use_of_v4_is_refused(command: tuple[int, bytes]) -> None:
    """Hooks, strangers, parts, other actions, or more than the cap: no signature."""
    with pytest.raises(SignerRefused):
        read_call(trade_call(granted(), command), OWN, ROUTER, CAPS, POOLS, wrapped=OTHER)


@pytest.mark.parametrize("given", [(STRANGER, 7), (ITSELF, 7), (SENDER, 0)], ids=["stranger", "router", "nothing"])
def test_what_is_unwrapped_comes_to_the_wallet(given: tuple[str, int]) -> None:
    """To nobody else, never left in the router, and with a least amount."""
    first = v4(asked=(0, 0, b""), taken=(OTHER, ITSELF, 0))
    data = router_call(granted(), first, (0x0C, encode(["address", "uint256"], given)))
    with pytest.raises(SignerRefused):
        read_call(data, OWN, ROUTER, CAPS, POOLS, wrapped=OTHER)
