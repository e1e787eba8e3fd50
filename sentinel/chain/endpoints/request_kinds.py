"""Kinds of requests: only reads may be repeated, and a read at a block hash only if the block is known. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from sentinel.chain.rpc import Call
from sentinel.core.network import HexHash


def only_reads(calls: Sequence[Call]) -> None:
    """A send goes out by `execute.broadcast` alone, which repeats nothing (I6). Raises ValueError for one."""
    if wrong := [method for method, _ in calls if method.startswith("eth_send")]:
        raise ValueError(f"{wrong[0]} is no read")


def block_hash(calls: Sequence[Call]) -> HexHash | None:
    """The block that a request names by its hash (EIP-1898), if any; the first one."""
    for _, params in calls:
        for param in params:
            if isinstance(param, dict) and isinstance(param.get("blockHash"), str):
                return HexHash(param["blockHash"])
    return None
