"""What the signer is asked for: router calls, approvals and permits, written apart from the code under test."""

from __future__ import annotations

from typing import Any

from eth_abi.abi import encode
from eth_account import Account

from sentinel.core.simulation import TxRequest
from sentinel.core.transaction import Fees
from sentinel.signing.router_call import EXECUTE
from sentinel.signing.signer_limits import APPROVE, SignerLimits

KEY = "c0ffee" * 10 + "beef"
OWN = Account.from_key(KEY).address
ROUTER, PERMIT2, TOKEN, OTHER = ("0x" + digit * 40 for digit in "1234")
NOW = 1_000_000
V2, V3, V4 = 0x08, 0x00, 0x10
_PAIR = (int(TOKEN, 16), int(OTHER, 16))
POOLS = {(V2, *_PAIR, 0, 0): 3000, (V3, *_PAIR, 3000, 0): 3000, (V4, *_PAIR, 500, 10): 500}
LIMITS = SignerLimits(31337, ROUTER, PERMIT2, {TOKEN: 1000, OTHER: 10}, 500_000, 100, 10, 40_000_000, 240, pools=POOLS)
FEES = Fees(100, 10)


def words(*values: int) -> bytes:
    return b"".join(value.to_bytes(32, "big") for value in values)


SENDER, ITSELF, STRANGER = ("0x" + digit.rjust(40, "0") for digit in "129")


def hop(
    kind: int, recipient: str, amount: int, least: int, tokens: tuple[str, ...], from_wallet: bool, tail: bytes = b""
) -> bytes:
    path: Any = list(tokens)
    if kind == V3:
        path = bytes.fromhex(tokens[0][2:]) + b"".join(b"\0\x0b\xb8" + bytes.fromhex(t[2:]) for t in tokens[1:]) + tail
    how = "bytes" if kind == V3 else "address[]"
    return encode(["address", "uint256", "uint256", how, "bool"], [recipient, amount, least, path, from_wallet])


def router_call(*commands: tuple[int, bytes], deadline: int = NOW + 120) -> bytes:
    kinds, inputs = bytes(kind for kind, _ in commands), [given for _, given in commands]
    return EXECUTE + encode(["bytes", "bytes[]", "uint256"], [kinds, inputs, deadline])


def received(token: str = OTHER, least: int = 1000, owner: str = OWN) -> tuple[int, bytes]:
    """The receipt check: the wallet must end with at least so much."""
    return 0x0E, encode(["address", "address", "uint256"], [owner, token, least])


def trade_call(*commands: tuple[int, bytes], token: str = OTHER, deadline: int = NOW + 120) -> bytes:
    """A router call that ends with a receipt check of `token`."""
    return router_call(*commands, received(token), deadline=deadline)


def granted(token: str = TOKEN, amount: int = 1000, spender: str = ROUTER) -> tuple[int, bytes]:
    single = ((token, amount, NOW + 120, 0), spender, NOW + 120)
    return 0x8A, encode(["((address,uint160,uint48,uint48),address,uint256)", "bytes"], [single, b"\1" * 65])


def bought(
    recipient: str = SENDER, amount: int = 1000, least: int = 7, kind: int = V3, tail: bytes = b""
) -> tuple[int, bytes]:
    return kind, hop(kind, recipient, amount, least, (TOKEN, OTHER), True, tail)


FIRST = (V2, hop(V2, ITSELF, 1000, 0, (TOKEN, OTHER), True))
SECOND = (V3, hop(V3, SENDER, 1 << 255, 7, (OTHER, TOKEN), False))
SWAP = TxRequest(ROUTER, trade_call(granted(), bought()), 0, 400_000)
CALLS = {
    "V3": trade_call(granted(), bought()),
    "V2 without a permit": trade_call(bought(kind=V2)),
    "to the own address": trade_call(granted(), bought(recipient=OWN)),
    "a circle over the router": trade_call(granted(), FIRST, SECOND, token=TOKEN),
    "two routes": trade_call(granted(), bought(amount=400), bought(amount=600, kind=V2)),
    "the sum of all minimum outputs": router_call(bought(amount=400), bought(amount=600), received(least=14)),
}
ALLOW = TxRequest(TOKEN, APPROVE + words(int(PERMIT2, 16), 1000), 0, 60_000)
CANCEL = TxRequest(OWN, b"", 0, 21_000)


def permit(**changes: Any) -> dict[str, Any]:
    """A PermitSingle of 1,000 for the router; `changes` by dotted path."""
    typed: dict[str, Any] = {
        "domain": {"name": "Permit2", "chainId": 31337, "verifyingContract": PERMIT2},
        "primaryType": "PermitSingle",
        "types": {
            "EIP712Domain": [
                {"name": "name", "type": "string"},
                {"name": "chainId", "type": "uint256"},
                {"name": "verifyingContract", "type": "address"},
            ],
            "PermitSingle": [
                {"name": "details", "type": "PermitDetails"},
                {"name": "spender", "type": "address"},
                {"name": "sigDeadline", "type": "uint256"},
            ],
            "PermitDetails": [
                {"name": "token", "type": "address"},
                {"name": "amount", "type": "uint160"},
                {"name": "expiration", "type": "uint48"},
                {"name": "nonce", "type": "uint48"},
            ],
        },
        "message": {
            "details": {"token": TOKEN, "amount": 1000, "expiration": NOW + 120, "nonce": 0},
            "spender": ROUTER,
            "sigDeadline": NOW + 120,
        },
    }
    for path, value in changes.items():
        *way, last = path.split("__")
        inner = typed
        for step in way:
            inner = inner[step]
        inner[last] = value
    return typed
