"""Whether the contracts of a trade are those of the start, on the node and on the fork (I13, I17).

The code of each is read as EXTCODEHASH by one eth_call without a recipient; where a proxy's code is, its slots say.
A contract whose slots hold an address is watched together with that address.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from eth_utils.address import to_checksum_address

from sentinel.chain.rpc import Call, Endpoint, JsonRpc, at_block
from sentinel.core.actions import Action, Approve, Swap
from sentinel.core.errors import ForkUnavailable, Refused, RpcError
from sentinel.core.market_state import Head
from sentinel.core.network import COIN_LEGS, NATIVE, Address, HexHash, Network
from sentinel.core.units import WORD

# Where proxies keep the address of what they run: EIP-1967's implementation and beacon, and OpenZeppelin's before it,
# which USDC on Ethereum still has.
SLOTS = (
    "0x360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc",
    "0xa3f0ad74e5423aebfd80d3ef4346578335a9a72aeaee59ff6cb3582b35133d50",
    "0x7050c9e0f4ca769c69bd3a8ef740bc37934f8e2c036e5a723fd8ee048ed3f8c3",
)
AT_ONCE = 16  # contracts in one batch


@dataclass(frozen=True, slots=True)
class ContractCode:
    """One contract: the hash of its code, and the content of SLOTS (empty if they were not read)."""

    hash: HexHash
    slots: tuple[HexHash, ...] = ()

    @property
    def behind(self) -> tuple[Address, ...]:
        """The addresses in the slots."""
        return tuple(to_checksum_address("0x" + slot[-40:]) for slot in self.slots if int(slot, 16))


Codes = Mapping[Address, ContractCode]


class News:
    """Sentences, each of which is given out once."""

    def __init__(self) -> None:
        self._known: set[str] = set()
        self._new: list[str] = []

    def add(self, why: str) -> None:
        if why not in self._known:
            self._known.add(why)
            self._new.append(why)

    def taken(self) -> list[str]:
        """The sentences since the last call."""
        new, self._new = self._new, []
        return new


class ContractWatch:
    """Reads all contracts of the network once, and those of one action again before it is signed."""

    def __init__(self, network: Network, rpc: JsonRpc) -> None:
        self._network = network
        self._rpc = rpc
        self._first: dict[Address, ContractCode] = {}
        self.changed = News()  # contracts of the chain that are not as at the start
        self.forged = News()  # contracts of the fork that are not as on the node

    async def start(self) -> None:
        """Read what all later reads are compared with. Raises Unavailable."""
        network = self._network
        listed = (
            *(token.address for token in network.tokens.values()),
            *(pool.address for pool in network.pools.values()),
            *(network.universal_router, network.permit2, network.multicall3),
        )
        first = await read_codes(self._rpc, listed, "latest")
        behind = {address for code in first.values() for address in code.behind}
        self._first = first | await read_codes(self._rpc, behind - first.keys(), "latest")

    def path(self, action: Action) -> tuple[Address, ...]:
        """The contracts that the action's transaction runs, with what stands behind them."""
        network = self._network
        direct = [network.permit2, network.multicall3]
        if isinstance(action, Swap):
            legs = [leg for route in action.routes for leg in route.legs]
            symbols = {symbol for leg in legs for symbol in (leg.token_in, leg.token_out)} - {NATIVE}
            direct += [network.tokens[symbol].address for symbol in sorted(symbols)]
            direct += [network.pools[leg.pool].address for leg in legs if leg.venue not in COIN_LEGS]
            direct.append(network.universal_router)
        elif isinstance(action, Approve):
            direct.append(network.tokens[action.token].address)
        behind = [address for one in direct if one in self._first for address in self._first[one].behind]
        return tuple(dict.fromkeys((*direct, *behind)))

    async def check(self, action: Action, head: Head) -> Codes:
        """The contracts of the action at `head`. Raises Refused if one is not as at the start, Unavailable."""
        codes = await read_codes(self._rpc, self.path(action), at_block(head.hash))
        if changed := self._changed(codes, self._first):
            why = f"since the start the code has changed of {changed}"
            self.changed.add(why)
            raise Refused("contracts", why)
        return codes

    async def compare(self, fork: Endpoint, codes: Codes) -> None:
        """Raises ForkUnavailable if the fork has other code than the node, RpcError if it does not answer."""
        forked = await read_codes(fork, codes, "latest", slots=False)
        if changed := self._changed(forked, {address: ContractCode(code.hash) for address, code in codes.items()}):
            why = f"the fork has other code than the node of {changed}: somebody else uses it"
            self.forged.add(why)
            raise ForkUnavailable(why)

    def _changed(self, codes: Codes, expected: Codes) -> str:
        names = {token.address: symbol for symbol, token in self._network.tokens.items()}
        names |= {pool.address: name for name, pool in self._network.pools.items()}
        different = [address for address, code in codes.items() if expected.get(address) != code]
        return ", ".join(f"{names.get(address, 'a contract')} ({address})" for address in different)


async def read_codes(
    rpc: Endpoint, addresses: Iterable[Address], block: str | Mapping[str, object], *, slots: bool = True
) -> dict[Address, ContractCode]:
    """Code hashes, and slots if wanted. Raises RpcError for an answer that is missing or not readable."""
    wanted = tuple(addresses)
    found: dict[Address, ContractCode] = {}
    for first in range(0, len(wanted), AT_ONCE):
        found |= await _read(rpc, wanted[first : first + AT_ONCE], block, SLOTS if slots else ())
    return found


async def _read(
    rpc: Endpoint, addresses: Sequence[Address], block: str | Mapping[str, object], slots: Sequence[str]
) -> dict[Address, ContractCode]:
    calls: list[Call] = [("eth_call", [{"data": "0x" + _hashes_of(addresses).hex()}, block])]
    calls += [("eth_getStorageAt", [address, slot, block]) for address in addresses for slot in slots]
    hashes, *words = [_bytes(reply) for reply in await rpc.batch(calls)]
    if len(hashes) != WORD * (1 + len(addresses)) or any(len(word) != WORD for word in words):
        raise RpcError("code hashes or slots could not be read")
    rest = iter(words)
    return {
        address: ContractCode(
            HexHash("0x" + hashes[WORD * place : WORD * (place + 1)].hex()),
            tuple(HexHash("0x" + next(rest).hex()) for _ in slots),
        )
        for place, address in enumerate(addresses, start=1)
    }


def _hashes_of(addresses: Sequence[Address]) -> bytes:
    """Creation code that returns one EXTCODEHASH per address, after a word of zeros: no code may begin with 0xef."""
    code = bytearray()
    for place, address in enumerate(addresses):
        offset = (WORD * (place + 1)).to_bytes(2)
        code += b"\x73" + bytes.fromhex(address[2:]) + b"\x3f" + b"\x61" + offset + b"\x52"
    size = (WORD * (len(addresses) + 1)).to_bytes(2)
    return bytes(code) + b"\x61" + size + b"\x60\x00\xf3"


def _bytes(reply: Any | RpcError) -> bytes:
    if isinstance(reply, RpcError):
        raise reply
    try:
        data = bytes.fromhex(str(reply).removeprefix("0x"))
    except ValueError as error:
        raise RpcError("code hashes or slots are no hex") from error
    return data
