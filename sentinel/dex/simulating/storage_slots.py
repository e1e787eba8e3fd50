"""Where tokens keep balances and allowances, found by trying: a simulation can then run with paper balances.

A token maps an address to its balance in one storage slot, in Solidity's layout or in Vyper's. Whether a slot is the
right one is seen by `balanceOf` and `allowance` in a call with that slot replaced. Nothing is sent.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from eth_abi.abi import encode
from eth_utils.crypto import keccak

from sentinel.chain.rpc import Call, JsonRpc, at_block
from sentinel.core.errors import OperatorError, RpcError
from sentinel.core.market_state import Head, MarketState
from sentinel.core.network import NATIVE, Address, Network, Symbol

_BALANCE_OF = bytes.fromhex("70a08231")
_ALLOWANCE = bytes.fromhex("dd62ed3e")
_PLACES = 64  # positions of the mapping that are tried
_AT_ONCE = 32  # calls in one request
_MARK = 0x1234_5678_9ABC  # an amount that no wallet holds by chance
_UNLIMITED = (1 << 128) - 1  # of an allowance; a token may keep a flag in the highest bits
_HINT = "; set SENTINEL_PAPER__WALLET=chain to dry-run without a paper wallet"

Overrides = Mapping[Address, Mapping[str, Any]]  # state overrides as JSON, by address


@dataclass(frozen=True, slots=True)
class PaperSlots:
    """The slots of one wallet; find them with `PaperSlots.find`."""

    wallet: Address
    balances: Mapping[Symbol, tuple[Address, str]]  # token and slot of its balance
    allowances: Mapping[Symbol, tuple[Address, str]]  # of its allowance to Permit2

    @classmethod
    async def find(cls, rpc: JsonRpc, network: Network, wallet: Address, head: Head) -> PaperSlots:
        """Raises OperatorError for a token that keeps its balances otherwise, RpcError if the node does not answer."""
        balances, allowances = {}, {}
        for symbol, token in network.tokens.items():
            places = list(_slots(wallet))
            holder = _BALANCE_OF + encode(["address"], [wallet])
            spender = _ALLOWANCE + encode(["address", "address"], [wallet, network.permit2])
            balances[symbol] = (
                token.address,
                await _slot(rpc, token.address, holder, places, symbol, head),
            )
            pairs = [slot for place in places for slot in _inner(network.permit2, place)]
            allowances[symbol] = token.address, await _slot(rpc, token.address, spender, pairs, symbol, head)
        return cls(wallet, balances, allowances)

    def overrides(self, state: MarketState) -> Overrides:
        """What makes the wallet of a simulation hold the balances of `state`, with unlimited allowances to Permit2."""
        found: dict[Address, dict[str, Any]] = {self.wallet: {"balance": hex(state.balances.get(NATIVE, 0))}}
        for symbol, (token, slot) in self.balances.items():
            diff = {slot: _word(state.balances.get(symbol, 0)), self.allowances[symbol][1]: _word(_UNLIMITED)}
            found[token] = {"stateDiff": diff}
        return found


def overrides(slots: PaperSlots | None, state: MarketState) -> Overrides:
    """The state overrides of a simulation upon `state`; none without a paper wallet."""
    return {} if slots is None else slots.overrides(state)


async def _slot(rpc: JsonRpc, token: Address, data: bytes, slots: Sequence[str], symbol: Symbol, head: Head) -> str:
    failure: RpcError | None = None
    for start in range(0, len(slots), _AT_ONCE):
        tried = slots[start : start + _AT_ONCE]
        for slot, answer in zip(
            tried, await rpc.batch([_call(token, data, slot, head) for slot in tried]), strict=True
        ):
            if isinstance(answer, RpcError):
                failure = answer
            elif isinstance(answer, str) and answer != "0x" and int(answer, 16) == _MARK:
                return slot
    if failure is not None:
        raise OperatorError(f"the endpoint cannot call {symbol} with other balances: {failure}{_HINT}")
    raise OperatorError(f"{symbol} does not keep its balances in a slot that can be replaced{_HINT}")


def _call(token: Address, data: bytes, slot: str, head: Head) -> Call:
    call = {"to": token, "data": "0x" + data.hex()}
    return "eth_call", [call, at_block(head.hash), {token: {"stateDiff": {slot: _word(_MARK)}}}]


def _slots(owner: Address) -> Iterator[str]:
    """The slots of a mapping's entry of `owner`, by the mapping's position: Solidity's layout, then Vyper's."""
    for place in range(_PLACES):
        yield _hash(["address", "uint256"], [owner, place])
        yield _hash(["uint256", "address"], [place, owner])


def _inner(spender: Address, outer: str) -> Iterator[str]:
    """The slots of a nested mapping's entry of `spender`, whose outer entry is at `outer`: both layouts."""
    place = bytes.fromhex(outer[2:])
    yield _hash(["address", "bytes32"], [spender, place])
    yield _hash(["bytes32", "address"], [place, spender])


def _hash(types: Sequence[str], values: Sequence[Any]) -> str:
    return "0x" + keccak(encode(types, values)).hex()


def _word(value: int) -> str:
    return f"0x{value:064x}"
