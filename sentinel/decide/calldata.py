"""Policy's own decoder of a transaction's calldata, separate from the code that encodes it.

Two calls are allowed. One is ERC-20 `approve`. The other is the Universal Router's `execute(commands, inputs,
deadline)`: an optional Permit2 permit, exact-input V2, V3 and V4 swaps, and at most one receipt check, which is last. A
route may begin with a wrap and end with an unwrap, and the wallet's own wrapped coin may be taken and unwrapped.

The router decodes its inputs leniently (any offsets, dirty upper bits, trailing bytes). Here only the canonical
encoding is accepted and all else is malformed, so the bytes have one meaning. The layouts are those of Universal Router
2.1.0 (Dispatcher.dispatch) and of its V4 actions.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from eth_utils.address import to_checksum_address

from sentinel.core import strict_abi
from sentinel.core.network import Address

APPROVE = bytes.fromhex("095ea7b3")  # approve(address,uint256)
EXECUTE = bytes.fromhex("3593564c")  # execute(bytes,bytes[],uint256)
V3_EXACT_IN = 0x00
V2_EXACT_IN = 0x08
TRANSFER_FROM = 0x02
WRAP_ETH = 0x0B
UNWRAP_WETH = 0x0C
V4_SWAP = 0x10
PERMIT = 0x0A
BALANCE_CHECK = 0x0E  # never with ALLOW_REVERT: the router would then ignore a balance that is too low
ALLOW_REVERT = 0x80  # flag of a command: anyone may submit the permit first, which must not fail the trade
MSG_SENDER: Address = "0x0000000000000000000000000000000000000001"
ADDRESS_THIS: Address = "0x0000000000000000000000000000000000000002"
CONTRACT_BALANCE = 1 << 255  # amount that means all that the router holds
MAX_BYTES = 16_384
MAX_COMMANDS = 16

_EXECUTE_TYPES = ("bytes", "bytes[]", "uint256")
_PERMIT_TYPES = ("((address,uint160,uint48,uint48),address,uint256)", "bytes")
_V3_TYPES = ("address", "uint256", "uint256", "bytes", "bool")
_V2_TYPES = ("address", "uint256", "uint256", "address[]", "bool")
_WRAP_TYPES = _UNWRAP_TYPES = ("address", "uint256")
_TRANSFER_TYPES = ("address", "address", "uint160")
_CHECK_TYPES = ("address", "address", "uint256")
_V4_TYPES = ("bytes", "bytes[]")
# SETTLE, SWAP_EXACT_IN_SINGLE, TAKE: the only sequence of V4 actions that is allowed
_V4_ACTIONS = bytes((0x0B, 0x06, 0x0E))
_V4_SETTLE = ("address", "uint256", "bool")
_V4_SINGLE = ("((address,address,uint24,int24,address),bool,uint128,uint128,bytes)",)
_V4_TAKE = ("address", "address", "uint256")
_LATER_SIXTH = "uint256[]"  # minimum price per hop of later routers; 2.1.0 ignores it, so it must be empty


@dataclass(frozen=True, slots=True)
class PermitCall:
    token: Address
    amount: int  # base units of token
    expiration: int  # Unix seconds: end of the allowance
    nonce: int
    spender: Address
    sig_deadline: int  # Unix seconds: end of the signature
    signature: bytes  # empty while the trade is screened only
    allow_revert: bool


@dataclass(frozen=True, slots=True)
class SwapCall:
    """One router command, which may cross several pools of one venue; or the two commands that unwrap wallet funds."""

    venue: str  # "uniswap_v2" | "uniswap_v3" | "uniswap_v4" | "wrap" | "unwrap"
    recipient: Address
    amount_in: int  # base units, or CONTRACT_BALANCE
    min_out: int  # base units of the last token
    tokens: tuple[Address, ...]  # along the path; the token taken to unwrap wallet funds; else empty to wrap or unwrap
    fees: tuple[int, ...]  # pips, one per pool; empty for V2
    payer_is_user: bool  # the wallet pays through Permit2, or with the transaction's value to wrap
    spacings: tuple[int, ...] = ()  # tick spacings, one per pool; V4 only


@dataclass(frozen=True, slots=True)
class ReceiptCheck:
    """The last command: the whole call reverts unless `owner` then holds at least `min_balance` of `token`."""

    owner: Address
    token: Address
    min_balance: int  # base units of token


@dataclass(frozen=True, slots=True)
class RouterCall:
    permit: PermitCall | None
    swaps: tuple[SwapCall, ...]
    deadline: int  # Unix seconds
    receipt: ReceiptCheck | None = None


@dataclass(frozen=True, slots=True)
class ApproveCall:
    spender: Address
    amount: int  # base units of the token that the transaction is sent to


@dataclass(frozen=True, slots=True)
class Malformed:
    reason: str


Call = RouterCall | ApproveCall | Malformed


class _Bad(Exception):
    """The call is malformed. `decode_call` turns it into Malformed."""


@lru_cache(maxsize=512)  # candidates repeat one another, and the winner is decoded again
def decode_call(data: bytes) -> Call:
    """Decode any bytes. Never raises: the result is Malformed for anything that is not allowed or too long."""
    if len(data) > MAX_BYTES:
        return Malformed(f"{len(data)} bytes of calldata are more than {MAX_BYTES}")
    selector, body = data[:4], data[4:]
    try:
        if selector == APPROVE:
            spender, amount = _exact(("address", "uint256"), body, "approve")
            return ApproveCall(_address(spender), amount)
        if selector == EXECUTE:
            return _router_call(body)
    except _Bad as bad:
        return Malformed(str(bad))
    except Exception as error:  # hostile bytes must end as a refusal, whatever error they cause
        return Malformed(f"cannot be read: {type(error).__name__}")
    return Malformed(f"selector 0x{selector.hex()} is not allowed")


def _router_call(body: bytes) -> RouterCall:
    commands, inputs, deadline = _exact(_EXECUTE_TYPES, body, "execute")
    if len(commands) != len(inputs) or len(commands) > MAX_COMMANDS:
        raise _Bad(f"{len(commands)} commands with {len(inputs)} inputs")
    permit: PermitCall | None = None
    swaps: list[SwapCall] = []
    receipt: ReceiptCheck | None = None
    transfer: SwapCall | None = None  # the previous command took tokens from the wallet, which the next one must unwrap
    for position, (command, payload) in enumerate(zip(commands, inputs, strict=True)):
        if transfer is not None:
            swaps.append(_unwrapping(transfer, command, payload))
            transfer = None
            continue
        if command & ~ALLOW_REVERT == PERMIT and position == 0:
            permit = _permit(payload, allow_revert=bool(command & ALLOW_REVERT))
        elif command == V3_EXACT_IN:
            swaps.append(_v3_swap(payload))
        elif command == V2_EXACT_IN:
            swaps.append(_v2_swap(payload))
        elif command == V4_SWAP:
            swaps.append(_v4_swap(payload))
        elif command == WRAP_ETH:
            recipient, amount = _exact(_WRAP_TYPES, payload, "wrap")
            if not 0 < amount < CONTRACT_BALANCE:
                raise _Bad("what is wrapped is no amount")
            swaps.append(SwapCall("wrap", _address(recipient), amount, 0, (), (), True))
        elif command == TRANSFER_FROM:
            token, recipient, amount = _exact(_TRANSFER_TYPES, payload, "transfer")
            transfer = SwapCall("unwrap", _address(recipient), amount, 0, (_address(token),), (), True)
        elif command == UNWRAP_WETH and swaps:
            recipient, min_amount = _exact(_UNWRAP_TYPES, payload, "unwrap")
            swaps.append(SwapCall("unwrap", _address(recipient), CONTRACT_BALANCE, min_amount, (), (), False))
        elif command == BALANCE_CHECK and swaps and position == len(commands) - 1:
            owner, token, min_balance = _exact(_CHECK_TYPES, payload, "receipt check")
            receipt = ReceiptCheck(_address(owner), _address(token), min_balance)
        else:
            raise _Bad(f"command 0x{command:02x} at position {position} is not allowed")
    if not swaps or transfer is not None:
        raise _Bad("no swap among the commands" if not swaps else "what is taken from the wallet is not unwrapped")
    return RouterCall(permit, tuple(swaps), deadline, receipt)


def _unwrapping(transfer: SwapCall, command: int, payload: bytes) -> SwapCall:
    """The pair of commands that unwraps wallet funds: the router takes an amount and pays out the same amount.

    The rule `route` checks that the token is the wrapped one.
    """
    if command != UNWRAP_WETH or transfer.recipient != ADDRESS_THIS:
        raise _Bad("what is taken from the wallet is not unwrapped")
    recipient, min_amount = _exact(_UNWRAP_TYPES, payload, "unwrap")
    if min_amount != transfer.amount_in:
        raise _Bad(f"{transfer.amount_in} taken from the wallet, {min_amount} unwrapped")
    return replace(transfer, recipient=_address(recipient), min_out=min_amount)


def _permit(payload: bytes, *, allow_revert: bool) -> PermitCall:
    ((token, amount, expiration, nonce), spender, sig_deadline), signature = _exact(_PERMIT_TYPES, payload, "permit")
    return PermitCall(
        _address(token),
        amount,
        expiration,
        nonce,
        _address(spender),
        sig_deadline,
        signature,
        allow_revert,
    )


def _v3_swap(payload: bytes) -> SwapCall:
    recipient, amount_in, min_out, path, payer_is_user = _swap(_V3_TYPES, payload, "V3 swap")
    hops, rest = divmod(len(path) - 20, 23)  # an address (20 bytes), then a fee (3) and an address (20) per hop
    if hops < 1 or rest:
        raise _Bad(f"V3 path of {len(path)} bytes")
    tokens = tuple(_address(path[at : at + 20]) for at in range(0, len(path), 23))
    fees = tuple(int.from_bytes(path[at : at + 3], "big") for at in range(20, len(path), 23))
    return SwapCall("uniswap_v3", _address(recipient), amount_in, min_out, tokens, fees, payer_is_user)


def _v2_swap(payload: bytes) -> SwapCall:
    recipient, amount_in, min_out, path, payer_is_user = _swap(_V2_TYPES, payload, "V2 swap")
    if len(path) < 2:
        raise _Bad(f"V2 path of {len(path)} tokens")
    tokens = tuple(_address(token) for token in path)
    return SwapCall("uniswap_v2", _address(recipient), amount_in, min_out, tokens, (), payer_is_user)


def _v4_swap(payload: bytes) -> SwapCall:
    """A V4 swap that puts the whole settled amount into one pool without hooks, and takes the whole output."""
    actions, parts = _exact(_V4_TYPES, payload, "V4 swap")
    if actions != _V4_ACTIONS or len(parts) != len(_V4_ACTIONS):
        raise _Bad(f"V4 actions 0x{actions.hex()[:32]} are not allowed")
    settled, amount_in, payer_is_user = _exact(_V4_SETTLE, parts[0], "V4 settle")
    ((key, zero_for_one, amount, min_out, data),) = _exact(_V4_SINGLE, parts[1], "V4 swap")
    taken_token, recipient, share = _exact(_V4_TAKE, parts[2], "V4 take")
    low, high, fee, spacing, hooks = key
    if int(low, 16) >= int(high, 16) or int(hooks, 16) or data:
        raise _Bad("a V4 pool with hooks, or with its tokens in the wrong order")
    tokens = (low, high) if zero_for_one else (high, low)
    if amount or share or (settled, taken_token) != tokens:
        raise _Bad("a V4 swap that leaves something behind")
    return SwapCall(
        "uniswap_v4",
        _address(recipient),
        amount_in,
        min_out,
        (_address(tokens[0]), _address(tokens[1])),
        (fee,),
        payer_is_user,
        (spacing,),
    )


def _swap(types: tuple[str, ...], payload: bytes, name: str) -> tuple[Any, ...]:
    """The five arguments of a swap. Routers later than 2.1.0 have six: then the path is at byte 0xc0, not 0xa0."""
    if payload[0x60:0x80] != (0xC0).to_bytes(32, "big"):
        return _exact(types, payload, name)
    *values, min_prices = _exact((*types, _LATER_SIXTH), payload, name)
    if min_prices:
        raise _Bad(f"{name} asks for least prices a hop, which the router would ignore")
    return tuple(values)


def _exact(types: tuple[str, ...], body: bytes, name: str) -> tuple[Any, ...]:
    """The values of `body`. Raises _Bad unless it is their canonical encoding."""
    try:
        return strict_abi.read(types, body)
    except ValueError as error:
        raise _Bad(f"{name} is not in its one plain encoding: {error}") from None


@lru_cache(maxsize=1024)
def _address(raw: str | bytes) -> Address:
    return to_checksum_address(raw)
