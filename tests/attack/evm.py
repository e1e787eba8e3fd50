"""A few lines of EVM assembly, for contracts that must not depend on a compiler: text with labels to bytes.

`asm("number push:5 gt jumpi:late stop late: push:0 sload")`. A label takes two bytes; `name:` puts a JUMPDEST there.
"""

from __future__ import annotations

_OPS = {
    name: code
    for code, name in {
        0x00: "stop",
        0x01: "add",
        0x02: "mul",
        0x03: "sub",
        0x04: "div",
        0x06: "mod",
        0x10: "lt",
        0x11: "gt",
        0x14: "eq",
        0x15: "iszero",
        0x16: "and",
        0x17: "or",
        0x1C: "shr",
        0x20: "keccak256",
        0x31: "balance",
        0x32: "origin",
        0x33: "caller",
        0x35: "calldataload",
        0x36: "calldatasize",
        0x37: "calldatacopy",
        0x3A: "gasprice",
        0x3D: "returndatasize",
        0x3E: "returndatacopy",
        0x3F: "extcodehash",
        0x40: "blockhash",
        0x41: "coinbase",
        0x42: "timestamp",
        0x43: "number",
        0x44: "prevrandao",
        0x45: "gaslimit",
        0x48: "basefee",
        0x50: "pop",
        0x51: "mload",
        0x52: "mstore",
        0x54: "sload",
        0x55: "sstore",
        0x56: "jump",
        0x57: "jumpi",
        0x5A: "gas",
        0x80: "dup1",
        0x90: "swap1",
        0xF3: "return",
        0xF4: "delegatecall",
        0xFA: "staticcall",
        0xFD: "revert",
    }.items()
}


def asm(text: str) -> bytes:
    """The bytecode of the text. Raises KeyError for a word that is no instruction, label or push."""
    code = bytearray()
    labels: dict[str, int] = {}
    jumps: list[tuple[int, str]] = []
    for word in text.split():
        name, colon, value = word.partition(":")
        if not colon:
            code.append(_OPS[word])
        elif not value:
            labels[name] = len(code)
            code.append(0x5B)
        elif name == "push":
            number = int(value, 0)
            width = max(1, (number.bit_length() + 7) // 8)
            code += bytes([0x5F + width]) + number.to_bytes(width)
        else:  # jump:label, jumpi:label
            jumps.append((len(code) + 1, value))
            code += b"\x61\x00\x00" + bytes([_OPS[name]])
    for place, label in jumps:
        code[place : place + 2] = labels[label].to_bytes(2)
    return bytes(code)
