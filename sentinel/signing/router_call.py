"""The signer's own decoder of a router call: what the call spends and what it must bring. Pure; it knows no policy.

The process that asks for a signature may be compromised, so the signer decodes the bytes again. It allows one permit
for the router, followed by exact-input swaps of listed tokens in listed pools, each up to its cap, whose output returns
to the wallet, followed by a check of the wallet's own balance of the token that all of them buy. Native coin needs no
such check: the command that pays it out checks its amount. Attached native coin must be wrapped completely and counts
against the wrapped token's cap. The layouts are those of Universal Router 2.1.0.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from sentinel.core import strict_abi
from sentinel.core.errors import SignerRefused
from sentinel.core.network import Address

MAX_BYTES = 16_384
MAX_POOLS = 4  # of one route
EXECUTE = bytes.fromhex("3593564c")  # execute(bytes,bytes[],uint256)
_CALL = ("bytes", "bytes[]", "uint256")
_PERMIT = ("((address,uint160,uint48,uint48),address,uint256)", "bytes")
V3, V2, V4 = 0x00, 0x08, 0x10
_SWAPS = {
    V3: ("address", "uint256", "uint256", "bytes", "bool"),  # token (20), fee (3), token (20), …
    V2: ("address", "uint256", "uint256", "address[]", "bool"),
}
_WRAP, _UNWRAP = 0x0B, 0x0C  # an amount of the attached wei; all wrapped coin that the router holds
_CHECK = 0x0E  # reverts the whole call unless an owner holds a minimum balance of a token
_CHECKED = ("address", "address", "uint256")
_TAKE = 0x02  # transfers wrapped coin from the wallet through Permit2; the next command must unwrap it
_TAKEN = ("address", "address", "uint160")
_ALL = 1 << 255  # means the router's whole balance
_V4_ACTIONS = bytes((0x0B, 0x06, 0x0E))  # SETTLE, SWAP_EXACT_IN_SINGLE, TAKE
_V4_PARTS = (
    ("address", "uint256", "bool"),
    ("((address,address,uint24,int24,address),bool,uint128,uint128,bytes)",),
    ("address", "address", "uint256"),
)
_PERMITS = (0x0A, 0x8A)  # the second may revert, because anyone may have submitted the permit before
_SENDER, _ROUTER = 1, 2  # recipients that stand for the wallet and for the router

# What a command says of a pool: the command, the lower and the higher token, the fee in pips, the tick spacing. A V2
# command names no fee, and only a V4 command names a tick spacing: then they are 0.
PoolKey = tuple[int, int, int, int, int]
Pools = Mapping[PoolKey, int]  # listed pools, each with its fee in pips


@dataclass(frozen=True, slots=True)
class PaidRoute:
    """A route of the trade, with what the wallet pays for it."""

    token: Address  # lower-case; the wrapped token for native coin
    amount: int  # base units
    fees: int  # of all its pools together, pips


@dataclass(frozen=True, slots=True)
class RouterTrade:
    """What a router call takes from the wallet and what it must bring, or revert."""

    deadline: int  # Unix seconds
    routes: tuple[PaidRoute, ...]
    bought: Address  # lower-case; the wrapped token for native coin
    min_out: int  # base units of `bought`, over all routes
    min_balance: int | None  # that the receipt check demands, base units of `bought`; None for native coin

    @property
    def taken(self) -> Mapping[Address, int]:
        """Base units by token."""
        taken: dict[Address, int] = {}
        for route in self.routes:
            taken[route.token] = taken.get(route.token, 0) + route.amount
        return taken


def read_call(
    data: bytes,
    own: Address,
    router: Address,
    caps: Mapping[Address, int],
    pools: Pools,
    *,
    wrapped: Address,
    value: int = 0,
) -> RouterTrade:
    """Decode a router call.

    Raises SignerRefused if any part other than the deadline is not allowed; the caller checks the deadline.
    `caps` bounds, in base units per token, what one call may spend; a token without a cap must not be spent or crossed.
    `wrapped` is the token that the router wraps the native coin into. `value` is the attached wei.
    """
    _want(len(data) <= MAX_BYTES, "calldata", f"{len(data)} bytes are more than {MAX_BYTES}")
    if data[:4] != EXECUTE:
        raise SignerRefused("selector", "the signer refuses: not the router's execute")
    commands, inputs, deadline = _exact(_CALL, data[4:])
    _want(len(commands) == len(inputs), "calldata", "commands and inputs differ in number")
    reading = _Reading(int(own, 16), {int(token, 16): cap for token, cap in caps.items()}, pools, int(wrapped, 16))
    for index, (command, body) in enumerate(zip(commands, inputs, strict=True)):
        if index == 0 and command in _PERMITS:
            reading.permit(body, int(router, 16))
        else:
            reading.command(command, body)
    return reading.trade(int(deadline), value)


@dataclass(frozen=True, slots=True)
class _Swap:
    """One command that moves tokens."""

    recipient: int
    amount: int  # base units, or _ALL
    min_out: int
    tokens: tuple[int, ...]  # along the path
    from_wallet: bool
    pools: tuple[PoolKey, ...]


@dataclass(slots=True)
class _Reading:
    """The commands so far. `trade` is the result after the last one."""

    own: int
    caps: Mapping[int, int]
    pools: Pools
    coin: int
    routes: list[PaidRoute] = field(default_factory=list)
    crossed: int = 0  # pools of the last route
    held: int | None = None  # the token that the previous command left in the router
    owed: int = 0  # wrapped coin taken from the wallet that the next command must unwrap
    received: dict[int | None, int] = field(default_factory=dict)  # minimum outputs; None stands for native coin
    min_balance: int | None = None
    wrapped: int = 0  # wei
    permitted: bool = False

    def permit(self, body: bytes, router: int) -> None:
        ((token, amount, _, _), spender, _), _ = _exact(_PERMIT, body)
        _want(int(spender, 16) == router, "spender", "the permit is not for the router")
        _want(amount <= self.caps.get(int(token, 16), -1), "amount", f"a permit of {amount} for {token}")
        self.permitted = True

    def command(self, command: int, body: bytes) -> None:
        _want(self.min_balance is None, "receipt", "a command after the check of what the wallet receives")
        if command == _UNWRAP:
            self._unwrap(body)
            return
        _want(not self.owed, "calldata", "coin taken from the wallet is not unwrapped")
        if command == _CHECK:
            self._check(body)
            return
        swap = _read(command, body, self.coin)
        self.wrapped += swap.amount if command == _WRAP else 0
        self.owed = swap.amount if command == _TAKE else 0
        self._swap(swap)

    def _unwrap(self, body: bytes) -> None:
        recipient, min_out = _exact(("address", "uint256"), body)
        _want(self.held == self.coin, "calldata", "nothing to unwrap")
        _want(int(recipient, 16) in (_SENDER, self.own), "recipient", f"the output goes to {recipient}")
        _want(min_out > 0, "min_out", "an output without a minimum amount")
        _want(not self.owed or min_out == self.owed, "min_out", f"{self.owed} taken, {min_out} unwrapped")
        self.received[None] = self.received.get(None, 0) + min_out
        self.held, self.owed = None, 0

    def _check(self, body: bytes) -> None:
        """The wallet must end with at least the sum of all minimum outputs, which are all of the token that is checked.

        The balance before the trade is not known here; `trade_rules` adds it if the signer reads it itself.
        """
        owner, token, min_balance = _exact(_CHECKED, body)
        _want(self.held is None, "calldata", "an earlier output is left in the router")
        _want(int(owner, 16) == self.own, "receipt", f"the balance of {owner} is checked, not the wallet's")
        _want(set(self.received) == {int(token, 16)}, "receipt", f"{token} is checked, which is not all that is bought")
        least = sum(self.received.values())
        _want(min_balance >= least, "receipt", f"a balance of {min_balance} is checked, {least} must be received")
        self.min_balance = min_balance

    def _swap(self, swap: _Swap) -> None:
        _want(all(token in self.caps for token in swap.tokens), "token", "a token on the path is not listed")
        _want(all(pool in self.pools for pool in swap.pools), "pool", "a pool on the path is not listed")
        fees = sum(self.pools[pool] for pool in swap.pools)
        if swap.from_wallet:
            _want(self.held is None, "calldata", "an earlier output is left in the router")
            _want(swap.amount > 0, "amount", "a swap of nothing")
            self.routes.append(PaidRoute(_text(swap.tokens[0]), swap.amount, fees))
            self.crossed = 0
        else:
            whole = self.held == swap.tokens[0] and swap.amount == _ALL
            _want(whole, "calldata", "a swap must spend all that the router holds")
            self.routes[-1] = replace(self.routes[-1], fees=self.routes[-1].fees + fees)
        self.crossed += len(swap.pools)
        _want(self.crossed <= MAX_POOLS, "pool", f"a route over more than {MAX_POOLS} pools")
        self.held = swap.tokens[-1] if swap.recipient == _ROUTER else None
        if self.held is None:
            _want(swap.recipient in (_SENDER, self.own), "recipient", f"the output goes to {_text(swap.recipient)}")
            _want(swap.min_out > 0, "min_out", "an output without a minimum amount")
            self.received[swap.tokens[-1]] = self.received.get(swap.tokens[-1], 0) + swap.min_out

    def trade(self, deadline: int, value: int) -> RouterTrade:
        _want(bool(self.routes) and self.held is None, "calldata", "no output returns to the wallet")
        checked = self.min_balance is not None or set(self.received) == {None}
        _want(checked, "receipt", "what the wallet receives is not checked")
        _want(value == self.wrapped, "value", f"{value} wei attached, {self.wrapped} wei wrapped")
        (bought,) = self.received
        trade = RouterTrade(
            deadline,
            tuple(self.routes),
            _text(self.coin if bought is None else bought),
            sum(self.received.values()),
            self.min_balance,
        )
        taken = trade.taken
        alone = not self.wrapped or (not self.permitted and taken == {_text(self.coin): self.wrapped})
        _want(alone, "calldata", "native coin and a payment through Permit2 in one call")
        for token, amount in taken.items():
            cap = self.caps[int(token, 16)]
            _want(amount <= cap, "amount", f"{amount} of {token}, the cap is {cap}")
        return trade


def _read(command: int, body: bytes, coin: int) -> _Swap:
    if command == _WRAP:  # the output equals the input
        recipient, amount = _exact(("address", "uint256"), body)
        return _Swap(int(recipient, 16), amount, amount, (coin,), True, ())
    if command == _TAKE:
        token, recipient, amount = _exact(_TAKEN, body)
        _want(int(token, 16) == coin, "token", f"{token} cannot be unwrapped")
        _want(int(recipient, 16) == _ROUTER, "recipient", f"coin taken from the wallet goes to {recipient}")
        return _Swap(_ROUTER, amount, 0, (coin,), True, ())
    if command == V4:
        return _v4_swap(body)
    _want(command in _SWAPS, "command", f"command 0x{command:02x} is not allowed")
    recipient, amount, min_out, path, from_wallet = _exact(_SWAPS[command], body)
    tokens, fees = _path(path)
    pools = zip(tokens, tokens[1:], fees, strict=False)
    keys = tuple((command, *sorted((one, other)), fee, 0) for one, other, fee in pools)
    return _Swap(int(recipient, 16), amount, min_out, tokens, from_wallet, keys)  # type: ignore[arg-type]


def _v4_swap(body: bytes) -> _Swap:
    actions, parts = _exact(("bytes", "bytes[]"), body)
    _want(actions == _V4_ACTIONS and len(parts) == len(_V4_PARTS), "command", "V4 actions that are not allowed")
    settle, swap, take = (_exact(types, part) for types, part in zip(_V4_PARTS, parts, strict=True))
    (low, high, fee, spacing, hooks), zero_for_one, swap_amount, min_out, data = swap[0]
    sold, amount, from_wallet = settle
    bought, recipient, take_amount = take
    ends = (int(low, 16), int(high, 16))
    tokens = ends if zero_for_one else ends[::-1]
    complete = swap_amount == take_amount == 0 and tokens == (int(sold, 16), int(bought, 16))
    _want(complete and not int(hooks, 16) and not data, "calldata", "a V4 swap with hooks or of a part")
    return _Swap(int(recipient, 16), amount, min_out, tokens, from_wallet, ((V4, *ends, fee, spacing),))


def _exact(types: tuple[str, ...], body: bytes) -> tuple[Any, ...]:
    """Decode `body`. Raises SignerRefused for any but the canonical encoding, because the router is lenient."""
    try:
        return strict_abi.read(types, body)
    except ValueError as error:
        raise SignerRefused("calldata", f"the signer refuses: the encoding is not canonical, {error}") from None


def _path(path: bytes | tuple[Address, ...]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The tokens, and the fee of each pool between them: 0 if the path names none."""
    if not isinstance(path, bytes):
        tokens = tuple(int(token, 16) for token in path)
        fees = (0,) * (len(tokens) - 1)
    else:
        _want(len(path) % 23 == 20, "calldata", f"a path of {len(path)} bytes")
        tokens = tuple(int.from_bytes(path[at : at + 20]) for at in range(0, len(path), 23))
        fees = tuple(int.from_bytes(path[at : at + 3]) for at in range(20, len(path), 23))
    _want(len(tokens) >= 2, "calldata", "a path without a pool")
    return tokens, fees


def _text(address: int) -> Address:
    return f"0x{address:040x}"


def _want(ok: bool, rule: str, message: str) -> None:
    if not ok:
        raise SignerRefused(rule, f"the signer refuses: {message}")
