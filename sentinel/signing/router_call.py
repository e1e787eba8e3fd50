"""The signer's own decoder of a router call: what the call may spend from the wallet. Pure; it knows no policy.

The process that asks for a signature may be compromised, so the signer decodes the bytes again. It allows one permit
for the router, followed by exact-input swaps of listed tokens, each up to its cap, whose output returns to the wallet,
followed by a check of the wallet's own balance of the token that all of them buy. Native coin needs no such check: the
command that pays it out checks its amount. Attached native coin must be wrapped completely and counts against the
wrapped token's cap. The layouts are those of Universal Router 2.1.0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sentinel.core import strict_abi
from sentinel.core.errors import SignerRefused
from sentinel.core.network import Address

MAX_BYTES = 16_384
EXECUTE = bytes.fromhex("3593564c")  # execute(bytes,bytes[],uint256)
_CALL = ("bytes", "bytes[]", "uint256")
_PERMIT = ("((address,uint160,uint48,uint48),address,uint256)", "bytes")
_SWAPS = {
    0x00: ("address", "uint256", "uint256", "bytes", "bool"),  # V3: token (20), fee (3), token (20), …
    0x08: ("address", "uint256", "uint256", "address[]", "bool"),  # V2
}
_WRAP, _UNWRAP = 0x0B, 0x0C  # an amount of the attached wei; all wrapped coin that the router holds
_CHECK = 0x0E  # reverts the whole call unless an owner holds a minimum balance of a token
_CHECKED = ("address", "address", "uint256")
_TAKE = 0x02  # transfers wrapped coin from the wallet through Permit2; the next command must unwrap it
_TAKEN = ("address", "address", "uint160")
_ALL = 1 << 255  # means the router's whole balance
_V4, _V4_ACTIONS = 0x10, bytes((0x0B, 0x06, 0x0E))  # SETTLE, SWAP_EXACT_IN_SINGLE, TAKE
_V4_PARTS = (
    ("address", "uint256", "bool"),
    ("((address,address,uint24,int24,address),bool,uint128,uint128,bytes)",),
    ("address", "address", "uint256"),
)
_PERMITS = (0x0A, 0x8A)  # the second may revert, because anyone may have submitted the permit before
_SENDER, _ROUTER = 1, 2  # recipients that stand for the wallet and for the router


@dataclass(frozen=True, slots=True)
class RouterSpend:
    deadline: int  # Unix seconds
    taken: Mapping[Address, int]  # base units per lower-case token; native coin counts as the wrapped token


def read_call(
    data: bytes, own: Address, router: Address, caps: Mapping[Address, int], *, wrapped: Address, value: int = 0
) -> RouterSpend:
    """Decode a router call and return what it spends.

    Raises SignerRefused if any part other than the deadline is not allowed; the caller checks the deadline.
    `caps` bounds, in base units per token, what one call may spend; a token without a cap must not be spent or crossed.
    `wrapped` is the token that the router wraps the native coin into. `value` is the attached wei.
    """
    token_caps, coin = {int(token, 16): cap for token, cap in caps.items()}, int(wrapped, 16)
    _want(len(data) <= MAX_BYTES, "calldata", f"{len(data)} bytes are more than {MAX_BYTES}")
    if data[:4] != EXECUTE:
        raise SignerRefused("selector", "the signer refuses: not the router's execute")
    commands, inputs, deadline = _exact(_CALL, data[4:])
    _want(len(commands) == len(inputs), "calldata", "commands and inputs differ in number")
    spends: dict[int, int] = {}
    held: int | None = None  # the token that the previous command left in the router
    received: dict[int | None, int] = {}  # minimum outputs that return to the wallet; None is the native coin
    checked = False
    owed = 0  # wrapped coin taken from the wallet that the next command must unwrap
    wrapped_wei = swaps = 0
    permitted = False
    for index, (command, body) in enumerate(zip(commands, inputs, strict=True)):
        if index == 0 and command in _PERMITS:
            ((token, amount, _, _), spender, _), _ = _exact(_PERMIT, body)
            _want(int(spender, 16) == int(router, 16), "spender", "the permit is not for the router")
            _want(amount <= token_caps.get(int(token, 16), -1), "amount", f"a permit of {amount} for {token}")
            permitted = True
            continue
        _want(not checked, "receipt", "a command after the check of what the wallet receives")
        if command == _CHECK:
            _want(held is None and not owed, "calldata", "an earlier output is left in the router")
            _check_receipt(body, own, received)
            checked = True
            continue
        if command == _UNWRAP:
            recipient, min_out = _exact(("address", "uint256"), body)
            _want(held == coin, "calldata", "nothing to unwrap")
            _want(int(recipient, 16) in (_SENDER, int(own, 16)), "recipient", f"the output goes to {recipient}")
            _want(min_out > 0, "min_out", "an output without a minimum amount")
            _want(not owed or min_out == owed, "min_out", f"{owed} taken from the wallet, {min_out} unwrapped")
            received[None] = received.get(None, 0) + min_out
            held, owed = None, 0
            continue
        _want(not owed, "calldata", "coin taken from the wallet is not unwrapped")
        recipient, amount, min_out, tokens, from_wallet = _read(command, body, coin)
        wrapped_wei += amount if command == _WRAP else 0
        owed = amount if command == _TAKE else 0
        _want(all(token in token_caps for token in tokens), "token", "a token on the path is not listed")
        if from_wallet:
            _want(held is None, "calldata", "an earlier output is left in the router")
            _want(amount > 0, "amount", "a swap of nothing")
            spends[tokens[0]] = spends.get(tokens[0], 0) + amount
        else:
            _want(held == tokens[0] and amount == _ALL, "calldata", "a swap must spend all that the router holds")
        held = tokens[-1] if int(recipient, 16) == _ROUTER else None
        returned = held is not None or int(recipient, 16) in (_SENDER, int(own, 16))
        _want(returned, "recipient", f"the output goes to {recipient}")
        _want(held is not None or min_out > 0, "min_out", "an output without a minimum amount")
        if held is None:
            received[tokens[-1]] = received.get(tokens[-1], 0) + min_out
        swaps += 1
    _want(swaps > 0 and held is None, "calldata", "no output returns to the wallet")
    _want(checked or set(received) == {None}, "receipt", "what the wallet receives is not checked")
    _want(value == wrapped_wei, "value", f"{value} wei attached, {wrapped_wei} wei wrapped")
    alone = not wrapped_wei or (not permitted and spends == {coin: wrapped_wei})
    _want(alone, "calldata", "native coin and a payment through Permit2 in one call")
    for token, amount in spends.items():
        _want(amount <= token_caps[token], "amount", f"{amount} of 0x{token:040x}, the cap is {token_caps[token]}")
    return RouterSpend(int(deadline), {f"0x{token:040x}": amount for token, amount in spends.items()})


def _check_receipt(body: bytes, own: Address, received: Mapping[int | None, int]) -> None:
    """The wallet must end with at least the sum of all minimum outputs, which are all of the token that is checked.

    The signer does not know the wallet's balance; policy demands the balance and that sum.
    """
    owner, token, min_balance = _exact(_CHECKED, body)
    _want(int(owner, 16) == int(own, 16), "receipt", f"the balance of {owner} is checked, not the wallet's")
    _want(set(received) == {int(token, 16)}, "receipt", f"{token} is checked, which is not all that the call buys")
    least = sum(received.values())
    _want(min_balance >= least, "receipt", f"a balance of {min_balance} is checked, {least} must be received")


def _read(command: int, body: bytes, coin: int) -> tuple[Address, int, int, list[int], bool]:
    """Decode one command: recipient, amount in, minimum out, the tokens of the path, and whether the wallet pays."""
    if command == _WRAP:  # the output equals the input
        recipient, amount = _exact(("address", "uint256"), body)
        return recipient, amount, amount, [coin], True
    if command == _TAKE:
        token, recipient, amount = _exact(_TAKEN, body)
        _want(int(token, 16) == coin, "token", f"{token} cannot be unwrapped")
        _want(int(recipient, 16) == _ROUTER, "recipient", f"coin taken from the wallet goes to {recipient}")
        return recipient, amount, 0, [coin], True
    return _swap(command, body)


def _swap(command: int, body: bytes) -> tuple[Address, int, int, list[int], bool]:
    if command == _V4:
        actions, parts = _exact(("bytes", "bytes[]"), body)
        _want(actions == _V4_ACTIONS and len(parts) == len(_V4_PARTS), "command", "V4 actions that are not allowed")
        settle, swap, take = (_exact(types, part) for types, part in zip(_V4_PARTS, parts, strict=True))
        (low, high, _, _, hooks), zero_for_one, swap_amount, min_out, data = swap[0]
        sold, amount, from_wallet = settle
        bought, recipient, take_amount = take
        path = [int(low, 16), int(high, 16)] if zero_for_one else [int(high, 16), int(low, 16)]
        complete = swap_amount == take_amount == 0 and path == [int(sold, 16), int(bought, 16)]
        _want(complete and not int(hooks, 16) and not data, "calldata", "a V4 swap with hooks or of a part")
        return recipient, amount, min_out, path, from_wallet
    _want(command in _SWAPS, "command", f"command 0x{command:02x} is not allowed")
    recipient, amount, min_out, path, from_wallet = _exact(_SWAPS[command], body)
    return recipient, amount, min_out, _tokens(path), from_wallet


def _exact(types: tuple[str, ...], body: bytes) -> tuple[Any, ...]:
    """Decode `body`. Raises SignerRefused for any but the canonical encoding, because the router is lenient."""
    try:
        return strict_abi.read(types, body)
    except ValueError as error:
        raise SignerRefused("calldata", f"the signer refuses: the encoding is not canonical, {error}") from None


def _tokens(path: bytes | tuple[Address, ...]) -> list[int]:
    if not isinstance(path, bytes):
        tokens = [int(token, 16) for token in path]
    else:
        _want(len(path) % 23 == 20, "calldata", f"a path of {len(path)} bytes")
        tokens = [int.from_bytes(path[at : at + 20]) for at in range(0, len(path), 23)]
    _want(len(tokens) >= 2, "calldata", "a path without a pool")
    return tokens


def _want(ok: bool, rule: str, message: str) -> None:
    if not ok:
        raise SignerRefused(rule, f"the signer refuses: {message}")
