"""Short, printable reasons from revert data, which is untrusted text. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from eth_abi.abi import decode
from eth_utils.crypto import keccak

from sentinel.core.amounts import printable

CAP = 48  # characters

# Custom errors of the contracts that a trade calls.
_KNOWN = (
    "V2TooLittleReceived()",
    "V2InvalidPath()",
    "V3TooLittleReceived()",
    "V3InvalidSwap()",
    "V3InvalidCaller()",
    "TransactionDeadlinePassed()",
    "LengthMismatch()",
    "InvalidCommandType(uint256)",
    "InsufficientToken()",
    "InsufficientETH()",
    "BalanceTooLow()",
    "InvalidEthSender()",
    "ContractLocked()",
    "UnsafeCast()",
    "AllowanceExpired(uint256)",
    "InsufficientAllowance(uint256)",
    "SignatureExpired(uint256)",
    "InvalidNonce()",
    "InvalidSigner()",
    "InvalidSignature()",
    "InvalidSignatureLength()",
    "InvalidContractSignature()",
    "ExcessiveInvalidation()",
)
_NAMES: Mapping[bytes, str] = {keccak(text=known)[:4]: known.partition("(")[0] for known in _KNOWN}
_ERROR = keccak(text="Error(string)")[:4]
_PANIC = keccak(text="Panic(uint256)")[:4]
_WRAPPED = keccak(text="ExecutionFailed(uint256,bytes)")[:4]  # the router wraps the error of one of its commands


def revert_reason(data: bytes, depth: int = 0) -> str:
    """A reason of 1 to CAP characters. Never raises, whatever the bytes are."""
    selector, body = data[:4], data[4:]
    try:
        if selector == _ERROR:
            return printable(decode(["string"], body, strict=False)[0], CAP) or "reverted"
        if selector == _PANIC:
            return f"panic 0x{decode(['uint256'], body)[0] & 0xFFFF:02x}"
        if selector == _WRAPPED and depth < 2:
            return revert_reason(decode(["uint256", "bytes"], body)[1], depth + 1)
    except Exception:  # eth_abi raises many types, and the bytes are untrusted
        return f"error 0x{selector.hex()}"
    if selector in _NAMES:
        return _NAMES[selector]
    return f"error 0x{selector.hex()}" if selector else "reverted"
