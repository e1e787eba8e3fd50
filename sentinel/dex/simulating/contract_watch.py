"""Whether the contracts of a trade are those of the start, on the node and on the fork (I13, I17).

The code of each is read as EXTCODEHASH by one eth_call without a recipient; where a proxy's code is, its slots say.
A contract whose slots hold an address is watched together with that address. A slot that is empty, and that the code
does not name, is read at the start only.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from eth_utils.address import to_checksum_address

from sentinel.chain.network_facts import wrong_decimals
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
    """One contract: the hash of its code, and the content of those of SLOTS that were read."""

    hash: HexHash
    slots: Mapping[str, HexHash] = field(default_factory=dict)

    @property
    def behind(self) -> tuple[Address, ...]:
        """The addresses in the slots."""
        return tuple(to_checksum_address("0x" + slot[-40:]) for slot in self.slots.values() if int(slot, 16))


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
        self.misread = News()  # decimals on the chain that are not those of the network file

    async def start(self) -> None:
        """Read what all later reads are compared with. Raises Unavailable."""
        network = self._network
        listed = (
            *(token.address for token in network.tokens.values()),
            *(pool.address for pool in network.pools.values()),
            *(network.universal_router, network.permit2, network.multicall3),
        )
        await self._begin(dict.fromkeys(listed))
        await self._begin({address for code in self._first.values() for address in code.behind} - self._first.keys())

    async def _begin(self, addresses: Iterable[Address]) -> None:
        wanted = tuple(addresses)
        for address, code in (await read_codes(self._rpc, dict.fromkeys(wanted, SLOTS), "latest")).items():
            text = await self._rpc.call("eth_getCode", address, "latest")
            self._first[address] = ContractCode(
                code.hash, {slot: word for slot, word in code.slots.items() if int(word, 16) or slot[2:] in str(text)}
            )

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
        """The contracts of the action at `head`. Raises Refused if one is not as at the start, Unavailable.

        Also raises Refused if any decimals are not those of the network file: limits and equity would be wrong by
        powers of ten.
        """
        path = {address: self._slots(address) for address in self.path(action)}
        codes = await read_codes(self._rpc, path, at_block(head.hash))
        if changed := self._changed(codes, self._first):
            why = _since_the_start(changed)
            self.changed.add(why)
            raise Refused("contracts", why)
        if (why_not := await wrong_decimals(self._rpc, self._network, at_block(head.hash))) is not None:
            self.misread.add(why_not)
            raise Refused("decimals", why_not)
        return codes

    async def changed_anywhere(self) -> str | None:
        """Which contracts of the network are not as at the start, whoever uses them; None if all are.

        Raises Unavailable.
        """
        codes = await read_codes(self._rpc, {address: self._slots(address) for address in self._first}, "latest")
        changed = self._changed(codes, self._first)
        return _since_the_start(changed) if changed else None

    async def compare(self, fork: Endpoint, codes: Codes) -> None:
        """Raises ForkUnavailable if the fork has other code than the node, RpcError if it does not answer."""
        forked = await read_codes(fork, dict.fromkeys(codes, ()), "latest")
        if changed := self._changed(forked, {address: ContractCode(code.hash) for address, code in codes.items()}):
            why = f"the fork has other code than the node of {changed}: somebody else uses it"
            self.forged.add(why)
            raise ForkUnavailable(why)

    def _slots(self, address: Address) -> tuple[str, ...]:
        return tuple(self._first[address].slots) if address in self._first else ()

    def _changed(self, codes: Codes, expected: Codes) -> str:
        names = {token.address: symbol for symbol, token in self._network.tokens.items()}
        names |= {pool.address: name for name, pool in self._network.pools.items()}
        different = [address for address, code in codes.items() if expected.get(address) != code]
        return ", ".join(f"{names.get(address, 'a contract')} ({address})" for address in different)


def _since_the_start(changed: str) -> str:
    return f"since the start the code has changed of {changed}"


async def read_codes(
    rpc: Endpoint, slots: Mapping[Address, Sequence[str]], block: str | Mapping[str, object]
) -> dict[Address, ContractCode]:
    """The code of each address and the content of its `slots`. Raises RpcError for an answer that is not readable."""
    wanted = tuple(slots)
    found: dict[Address, ContractCode] = {}
    for first in range(0, len(wanted), AT_ONCE):
        found |= await _read(rpc, {address: slots[address] for address in wanted[first : first + AT_ONCE]}, block)
    return found


async def _read(
    rpc: Endpoint, slots: Mapping[Address, Sequence[str]], block: str | Mapping[str, object]
) -> dict[Address, ContractCode]:
    calls: list[Call] = [("eth_call", [{"data": "0x" + _hashes_of(tuple(slots)).hex()}, block])]
    calls += [("eth_getStorageAt", [address, slot, block]) for address, own in slots.items() for slot in own]
    hashes, *words = [_bytes(reply) for reply in await rpc.batch(calls)]
    if len(hashes) != WORD * (1 + len(slots)) or any(len(word) != WORD for word in words):
        raise RpcError("code hashes or slots could not be read")
    rest = iter(words)
    return {
        address: ContractCode(
            HexHash("0x" + hashes[WORD * place : WORD * (place + 1)].hex()),
            {slot: HexHash("0x" + next(rest).hex()) for slot in own},
        )
        for place, (address, own) in enumerate(slots.items(), start=1)
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
