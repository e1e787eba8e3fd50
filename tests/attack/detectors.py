"""Tokens that behave well only where they believe themselves simulated, put in the place of a listed token.

Each is a few instructions before the token's own code, which is called for everything else. Where it does not believe
itself simulated, `transfer` hands over half of the amount.
"""

from __future__ import annotations

from eth_utils.crypto import keccak

from sentinel.chain.rpc import JsonRpc
from sentinel.core.network import Address, Network
from tests.attack.evm import asm

IMPLEMENTATION: Address = "0x" + "1d" * 20
OLD_READER = int.from_bytes(keccak(b"sentinel reader")[12:])  # what all versions up to 0.9 read balances from
SLOT = int.from_bytes(keccak(b"detector"))
_TRANSFER_FROM, _APPROVE = 0x23B872DD, 0x095EA7B3
_TRANSFER, _BALANCE_OF, _L1_BASE_FEE = 0xA9059CBB, 0x70A08231, 0x5CF24969
_SELECTOR = "push:0 calldataload push:0xe0 shr"
_EMPTY = int.from_bytes(keccak(b""))

_REST = f"""
    jumpi:honest
    {_SELECTOR} push:{_TRANSFER} eq jumpi:tax
    honest: calldatasize push:0 push:0 calldatacopy
    call: push:0 push:0 calldatasize push:0 push:{IMPLEMENTATION} gas delegatecall
    returndatasize push:0 push:0 returndatacopy jumpi:done returndatasize push:0 revert
    done: returndatasize push:0 return
    tax: calldatasize push:0 push:0 calldatacopy push:2 push:36 mload div push:36 mstore jump:call
"""


def _same_hash(label: bytes, value: str) -> str:
    """Whether `value` is keccak(label + the parent's hash)."""
    word = int.from_bytes(label.ljust(32, b"\0"))
    return (
        f"push:{word} push:0 mstore push:1 number sub blockhash push:{len(label)} mstore "
        f"push:{32 + len(label)} push:0 keccak256 {value}"
    )


_LOW = f"push:{(1 << 160) - 1} and"
PREVRANDAO = f"{_same_hash(b'next', 'prevrandao eq')} {_same_hash(b'other', 'prevrandao eq')} or"


def coinbase(parents: Address) -> str:
    """The parent's proposer again, or the one that was derived from the parent's hash."""
    return f"{_same_hash(b'proposer', f'{_LOW} coinbase eq')} coinbase push:{parents} eq or"


def poor_coinbase(parents: Address) -> str:
    """The parent's proposer again, or one that owns nothing or does not exist."""
    return f"coinbase push:{parents} eq coinbase balance iszero or coinbase extcodehash iszero or"


def base_fee(parents: int) -> str:
    """The parent's base fee again, or exactly an eighth more."""
    return f"basefee push:{parents} eq basefee push:{parents + parents // 8} eq or"


def parity(value: str, expected: int) -> str:
    """`value` is `number` or `timestamp`."""
    return f"push:2 {value} mod push:{expected % 2} eq"


def up_to(number: int) -> str:
    return f"push:{number} number gt iszero"


def forged_ancestors(expected: int) -> str:
    """An expected parity of the number, or ancestors whose hashes are missing, equal or of nothing."""
    one, two = (f"push:{back} number sub blockhash" for back in (1, 2))
    return f"{parity('number', expected)} {one} {two} eq or {one} iszero or {one} push:{_EMPTY} eq or"


BASE_FEE_ZERO, GAS_PRICE_ZERO = "basefee iszero", "gasprice iszero"
MUCH_GAS = "push:500000 gas gt"
NO_PARENT = "push:1 number sub blockhash iszero"
NOWHERE = "push:0"  # never believes itself simulated
EVERYWHERE = "push:1"


def free_data(l1_block: Address) -> str:
    """A rollup's price of data is zero."""
    return (
        f"push:{_L1_BASE_FEE << 224} push:0 mstore push:32 push:32 push:4 push:0 push:{l1_block} gas staticcall pop "
        "push:32 mload iszero"
    )


def token(believes: str) -> bytes:
    """The token's code. `believes` leaves on the stack whether it believes itself simulated."""
    return asm(believes + _REST)


def read_in_this_block(multicall3: Address) -> bytes:
    """It notes in which block Multicall3 asked for a balance; much gas is what screening gives."""
    return asm(
        f"{_SELECTOR} push:{_BALANCE_OF} eq caller push:{multicall3} eq and iszero jumpi:look "
        f"number push:{SLOT} sstore look: push:{SLOT} sload number eq {MUCH_GAS} or" + _REST
    )


def told_to_reader() -> bytes:
    """It hands over half of every amount, and tells one reader that it was all."""
    return asm(f"""
        {_SELECTOR} push:{_TRANSFER} eq jumpi:tax
        calldatasize push:0 push:0 calldatacopy
        call: push:0 push:0 calldatasize push:0 push:{IMPLEMENTATION} gas delegatecall
        returndatasize push:0 push:0 returndatacopy jumpi:done returndatasize push:0 revert
        done: {_SELECTOR} push:{_BALANCE_OF} eq origin push:{OLD_READER} eq and iszero jumpi:true
        push:{SLOT} sload push:0 mload add push:0 mstore
        true: returndatasize push:0 return
        tax: calldatasize push:0 push:0 calldatacopy push:2 push:36 mload div push:36 mstore
        push:36 mload push:{SLOT} sload add push:{SLOT} sstore jump:call
    """)


def grown() -> bytes:
    """Every balance is told a twentieth higher than it is."""
    return asm(f"""
        calldatasize push:0 push:0 calldatacopy
        push:0 push:0 calldatasize push:0 push:{IMPLEMENTATION} gas delegatecall
        returndatasize push:0 push:0 returndatacopy jumpi:done returndatasize push:0 revert
        done: {_SELECTOR} push:{_BALANCE_OF} eq iszero jumpi:same
        push:100 push:105 push:0 mload mul div push:0 mstore
        same: returndatasize push:0 return
    """)


def stuck(permit2: Address, tenths: int = 0) -> bytes:
    """What Permit2 takes from a holder reverts, or hands over so many tenths: it can be bought and not be sold."""
    return asm(f"""
        {_SELECTOR} push:{_TRANSFER_FROM} eq caller push:{permit2} eq and iszero jumpi:honest
        push:{tenths} iszero jumpi:never
        calldatasize push:0 push:0 calldatacopy
        push:10 push:{tenths} push:68 mload mul div push:68 mstore jump:call
        never: push:0 push:0 revert
        honest: calldatasize push:0 push:0 calldatacopy
        call: push:0 push:0 calldatasize push:0 push:{IMPLEMENTATION} gas delegatecall
        returndatasize push:0 push:0 returndatacopy jumpi:done returndatasize push:0 revert
        done: returndatasize push:0 return
    """)


def proxy(slot: str) -> bytes:
    """Runs what the slot points to, and the token's own code while the slot is empty."""
    return asm(f"""
        calldatasize push:0 push:0 calldatacopy
        push:0 push:0 calldatasize push:0 push:{slot} sload dup1 jumpi:run pop push:{IMPLEMENTATION}
        run: gas delegatecall
        returndatasize push:0 push:0 returndatacopy jumpi:done returndatasize push:0 revert
        done: returndatasize push:0 return
    """)


def unapproved() -> bytes:
    """No allowance can be given."""
    return asm(f"""
        {_SELECTOR} push:{_APPROVE} eq iszero jumpi:honest push:0 push:0 revert
        honest: calldatasize push:0 push:0 calldatacopy
        push:0 push:0 calldatasize push:0 push:{IMPLEMENTATION} gas delegatecall
        returndatasize push:0 push:0 returndatacopy jumpi:done returndatasize push:0 revert
        done: returndatasize push:0 return
    """)


async def put(rpc: JsonRpc, network: Network, symbol: str, code: bytes) -> None:
    """Replace a listed token's code from the next block on."""
    address = network.tokens[symbol].address
    if len(await rpc.call("eth_getCode", IMPLEMENTATION, "latest")) <= 2:
        await rpc.call("anvil_setCode", IMPLEMENTATION, await rpc.call("eth_getCode", address, "latest"))
    await rpc.call("anvil_setCode", address, "0x" + code.hex())
    await rpc.call("evm_mine")
