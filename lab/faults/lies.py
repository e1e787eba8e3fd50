"""False replies of a node in valid JSON, as effects for `FaultProxy.add`."""

from __future__ import annotations

import hashlib
from typing import Any

from lab.faults.fault_effects import AlteredReply


def chain_id(number: int) -> AlteredReply:
    """Another chain behind the same address."""
    return AlteredReply({"eth_chainId": lambda call, result: hex(number)})


def stale_nonce(by: int = 1) -> AlteredReply:
    """A node that lags or lost blocks: it reports fewer of our transactions than were mined."""
    return AlteredReply({"eth_getTransactionCount": lambda call, result: hex(max(0, int(result, 16) - by))})


def no_receipts() -> AlteredReply:
    """A node whose index of receipts is behind its chain."""
    return AlteredReply({"eth_getTransactionReceipt": lambda call, result: None})


def unpriced_receipts() -> AlteredReply:
    """An old or unusual node, whose receipts lack effectiveGasPrice."""

    def bare(call: dict[str, Any], result: Any) -> Any:
        return result and {name: value for name, value in result.items() if name != "effectiveGasPrice"}

    return AlteredReply({"eth_getTransactionReceipt": bare})


def foreign_receipts() -> AlteredReply:
    """Receipts of another transaction."""

    def other(call: dict[str, Any], result: Any) -> Any:
        return result and {**result, "transactionHash": twisted(result["transactionHash"])}

    return AlteredReply({"eth_getTransactionReceipt": other})


def unknown_blocks() -> AlteredReply:
    """A node that knows no block by its hash."""
    return AlteredReply({"eth_getBlockByHash": lambda call, result: None})


def other_heads(above: int = 0) -> AlteredReply:
    """Another branch from block `above` + 1 on: blocks have other hashes, and receipts name those hashes."""

    def block(call: dict[str, Any], result: Any) -> Any:
        if not result or int(result["number"], 16) <= above:
            return result
        parent = result["parentHash"] if int(result["number"], 16) == above + 1 else twisted(result["parentHash"])
        return {**result, "hash": twisted(result["hash"]), "parentHash": parent}

    def receipt(call: dict[str, Any], result: Any) -> Any:
        if not result or int(result["blockNumber"], 16) <= above:
            return result
        return {**result, "blockHash": twisted(result["blockHash"])}

    return AlteredReply({"eth_getBlockByNumber": block, "eth_getTransactionReceipt": receipt})


def frozen() -> AlteredReply:
    """A node whose newest block never changes."""
    first_results: dict[str, Any] = {}

    def first(call: dict[str, Any], result: Any) -> Any:
        if call["method"] == "eth_getBlockByNumber" and call["params"][0] != "latest":
            return result
        return first_results.setdefault(call["method"], result)

    return AlteredReply({"eth_getBlockByNumber": first, "eth_blockNumber": first})


def twisted(block_hash: str) -> str:
    """Another hash; the same input gives the same one."""
    return "0x" + hashlib.sha256(block_hash.encode()).hexdigest()
