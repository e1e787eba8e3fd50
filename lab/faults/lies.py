"""Lies that a node tells in good JSON: each an effect to `add`."""

from __future__ import annotations

import hashlib
from typing import Any

from lab.faults.effects import Lie


def chain_id(number: int) -> Lie:
    """Another chain behind the same address."""
    return Lie({"eth_chainId": lambda call, result: hex(number)})


def stale_nonce(by: int = 1) -> Lie:
    """A node that lags, or lost blocks: fewer of our transactions than were mined."""
    return Lie({"eth_getTransactionCount": lambda call, result: hex(max(0, int(result, 16) - by))})


def no_receipts() -> Lie:
    """A node whose index of receipts is behind its chain."""
    return Lie({"eth_getTransactionReceipt": lambda call, result: None})


def unpriced_receipts() -> Lie:
    """A node of before London, or of another make: its receipts do not say what a gas cost."""

    def bare(call: dict[str, Any], result: Any) -> Any:
        return result and {name: value for name, value in result.items() if name != "effectiveGasPrice"}

    return Lie({"eth_getTransactionReceipt": bare})


def foreign_receipts() -> Lie:
    """Receipts that are another transaction's."""

    def other(call: dict[str, Any], result: Any) -> Any:
        return result and {**result, "transactionHash": twisted(result["transactionHash"])}

    return Lie({"eth_getTransactionReceipt": other})


def unknown_blocks() -> Lie:
    """A node that does not have the block which is asked for by its hash."""
    return Lie({"eth_getBlockByHash": lambda call, result: None})


def other_heads(above: int = 0) -> Lie:
    """Another branch from block `above` + 1 on: its blocks have hashes of their own, its receipts stand in them."""

    def block(call: dict[str, Any], result: Any) -> Any:
        if not result or int(result["number"], 16) <= above:
            return result
        parent = result["parentHash"] if int(result["number"], 16) == above + 1 else twisted(result["parentHash"])
        return {**result, "hash": twisted(result["hash"]), "parentHash": parent}

    def receipt(call: dict[str, Any], result: Any) -> Any:
        if not result or int(result["blockNumber"], 16) <= above:
            return result
        return {**result, "blockHash": twisted(result["blockHash"])}

    return Lie({"eth_getBlockByNumber": block, "eth_getTransactionReceipt": receipt})


def frozen() -> Lie:
    """The newest block stays the one that was first seen."""
    held: dict[str, Any] = {}

    def first(call: dict[str, Any], result: Any) -> Any:
        if call["method"] == "eth_getBlockByNumber" and call["params"][0] != "latest":
            return result
        return held.setdefault(call["method"], result)

    return Lie({"eth_getBlockByNumber": first, "eth_blockNumber": first})


def twisted(block_hash: str) -> str:
    """Another hash, always the same one for the same hash."""
    return "0x" + hashlib.sha256(block_hash.encode()).hexdigest()
