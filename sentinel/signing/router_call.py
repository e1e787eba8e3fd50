"""The signer's own reading of a router call: what it may do with the wallet's tokens. Pure; it knows no policy.

Whatever asks for a signature may be broken, so the bytes are read here again: a permit for the router, then exact-input
swaps of listed tokens, up to a cap, whose output can only come back to the wallet. Native coin that is sent along is
all wrapped, under the wrapped token's cap. Layouts are those of Universal Router 2.1.0.
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
_WRAP, _UNWRAP = 0x0B, 0x0C  # an amount of what was sent along; all the wrapped coin that the router holds
_TAKE = 0x02  # of the wallet's wrapped coin, through Permit2, to be unwrapped at once
_TAKEN = ("address", "address", "uint160")
_ALL = 1 << 255  # that the router holds
_V4, _V4_ACTIONS = 0x10, bytes((0x0B, 0x06, 0x0E))  # SETTLE, SWAP_EXACT_IN_SINGLE, TAKE
_V4_PARTS = (
    ("address", "uint256", "bool"),
    ("((address,address,uint24,int24,address),bool,uint128,uint128,bytes)",),
    ("address", "address", "uint256"),
)
_PERMITS = (0x0A, 0x8A)  # the latter may revert: anyone may have handed it in before
_SENDER, _ROUTER = 1, 2  # stand for the wallet and the router itself


@dataclass(frozen=True, slots=True)
class RouterSpend:
    deadline: int  # Unix seconds
    taken: Mapping[Address, int]  # from the wallet, base units by token in lower case; native coin as the wrapped token


def read_call(
    data: bytes, own: Address, router: Address, caps: Mapping[Address, int], *, wrapped: Address, value: int = 0
) -> RouterSpend:
    """What the call does, once everything in it but the deadline is allowed. Raises SignerRefused.

    `caps`: base units by token that one call may take from the wallet; a token that is not named is not touched.
    `wrapped`: the token that the router wraps the native coin into. `value`: wei sent along.
    """
    most, coin = {int(token, 16): cap for token, cap in caps.items()}, int(wrapped, 16)
    _want(len(data) <= MAX_BYTES, "calldata", f"{len(data)} bytes are more than {MAX_BYTES}")
    if data[:4] != EXECUTE:
        raise SignerRefused("selector", "the signer refuses: not the router's execute")
    commands, inputs, deadline = _exact(_CALL, data[4:])
    _want(len(commands) == len(inputs), "calldata", "commands and inputs differ in number")
    taken: dict[int, int] = {}
    waiting: int | None = None  # the token that the router holds since the command before
    owed = 0  # of the wallet's wrapped coin, which the next command must unwrap
    sent = swaps = 0  # wei wrapped
    permitted = False
    for place, (command, given) in enumerate(zip(commands, inputs, strict=True)):
        if place == 0 and command in _PERMITS:
            ((token, amount, _, _), spender, _), _ = _exact(_PERMIT, given)
            _want(int(spender, 16) == int(router, 16), "spender", "the permit is not for the router")
            _want(amount <= most.get(int(token, 16), -1), "amount", f"a permit of {amount} for {token}")
            permitted = True
            continue
        if command == _UNWRAP:
            recipient, least = _exact(("address", "uint256"), given)
            _want(waiting == coin, "calldata", "nothing to unwrap")
            _want(int(recipient, 16) in (_SENDER, int(own, 16)), "recipient", f"the output goes to {recipient}")
            _want(least > 0, "min_out", "an output without a least amount")
            _want(not owed or least == owed, "min_out", f"{owed} taken from the wallet, {least} unwrapped")
            waiting, owed = None, 0
            continue
        _want(not owed, "calldata", "what is taken from the wallet is not unwrapped")
        recipient, amount, least, tokens, from_wallet = _read(command, given, coin)
        sent += amount if command == _WRAP else 0
        owed = amount if command == _TAKE else 0
        _want(all(token in most for token in tokens), "token", "a token on the way is not listed")
        if from_wallet:
            _want(waiting is None, "calldata", "something is left in the router")
            _want(amount > 0, "amount", "nothing is taken from the wallet")
            taken[tokens[0]] = taken.get(tokens[0], 0) + amount
        else:
            _want(waiting == tokens[0] and amount == _ALL, "calldata", "not all that the router holds is passed on")
        waiting = tokens[-1] if int(recipient, 16) == _ROUTER else None
        home = waiting is not None or int(recipient, 16) in (_SENDER, int(own, 16))
        _want(home, "recipient", f"the output goes to {recipient}")
        _want(waiting is not None or least > 0, "min_out", "an output without a least amount")
        swaps += 1
    _want(swaps > 0 and waiting is None, "calldata", "nothing comes back to the wallet")
    _want(value == sent, "value", f"{value} wei of value, {sent} wrapped")
    alone = not sent or (not permitted and taken == {coin: sent})
    _want(alone, "calldata", "native coin, and something paid through Permit2 beside it")
    for token, amount in taken.items():
        _want(amount <= most[token], "amount", f"{amount} of 0x{token:040x}, the most is {most[token]}")
    return RouterSpend(int(deadline), {f"0x{token:040x}": amount for token, amount in taken.items()})


def _read(command: int, given: bytes, coin: int) -> tuple[Address, int, int, list[int], bool]:
    """Recipient, amount in, least out, the tokens on the way, and whether the wallet pays."""
    if command == _WRAP:  # it gives exactly what it takes
        recipient, amount = _exact(("address", "uint256"), given)
        return recipient, amount, amount, [coin], True
    if command == _TAKE:
        token, recipient, amount = _exact(_TAKEN, given)
        _want(int(token, 16) == coin, "token", f"{token} cannot be unwrapped")
        _want(int(recipient, 16) == _ROUTER, "recipient", f"what is taken goes to {recipient}")
        return recipient, amount, 0, [coin], True
    return _swap(command, given)


def _swap(command: int, given: bytes) -> tuple[Address, int, int, list[int], bool]:
    if command == _V4:
        actions, parts = _exact(("bytes", "bytes[]"), given)
        _want(actions == _V4_ACTIONS and len(parts) == len(_V4_PARTS), "command", "V4 actions that are not allowed")
        settle, swap, take = (_exact(types, part) for types, part in zip(_V4_PARTS, parts, strict=True))
        ((low, high, _, _, hooks), zero_for_one, share, least, data), (paid, amount, from_wallet) = swap[0], settle
        taken, recipient, rest = take
        way = [int(low, 16), int(high, 16)] if zero_for_one else [int(high, 16), int(low, 16)]
        whole = share == rest == 0 and way == [int(paid, 16), int(taken, 16)]
        _want(whole and not int(hooks, 16) and not data, "calldata", "a V4 swap with hooks, or of a part")
        return recipient, amount, least, way, from_wallet
    _want(command in _SWAPS, "command", f"command 0x{command:02x} is not allowed")
    recipient, amount, least, path, from_wallet = _exact(_SWAPS[command], given)
    return recipient, amount, least, _tokens(path), from_wallet


def _exact(types: tuple[str, ...], body: bytes) -> tuple[Any, ...]:
    """The values of `body`, only in their one plain encoding: the router reads leniently."""
    try:
        return strict_abi.read(types, body)
    except ValueError as error:
        raise SignerRefused("calldata", f"the signer refuses: not in its plain encoding, {error}") from None


def _tokens(path: bytes | tuple[Address, ...]) -> list[int]:
    if not isinstance(path, bytes):
        tokens = [int(token, 16) for token in path]
    else:
        _want(len(path) % 23 == 20, "calldata", f"a path of {len(path)} bytes")
        tokens = [int.from_bytes(path[at : at + 20]) for at in range(0, len(path), 23)]
    _want(len(tokens) >= 2, "calldata", "a path over no pool")
    return tokens


def _want(ok: bool, rule: str, message: str) -> None:
    if not ok:
        raise SignerRefused(rule, f"the signer refuses: {message}")
