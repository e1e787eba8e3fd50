"""Kinds of requests: what an endpoint is asked for, what may be repeated, and which errors are no answer. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any

from sentinel.chain import replies
from sentinel.chain.replies import Reply
from sentinel.chain.rpc import Call
from sentinel.core.errors import RpcError
from sentinel.core.network import HexHash


class Kind(StrEnum):
    """An endpoint that fails at one kind may serve another. The heaviest kind comes last."""

    HEADS = "heads"  # blocks and the chain id
    STATE = "state"  # calls, balances, nonces, code, receipts and fees
    SIMULATE = "simulate"
    SEND = "send"


READS = (Kind.HEADS, Kind.STATE)  # what an endpoint must serve to be read from
_KINDS: Mapping[str, Kind] = {
    "eth_chainId": Kind.HEADS,
    "eth_blockNumber": Kind.HEADS,
    "eth_getBlockByNumber": Kind.HEADS,
    "eth_getBlockByHash": Kind.HEADS,
    "eth_simulateV1": Kind.SIMULATE,
}
_FINALIZED = "finalized"
# Requests that some nodes do not serve, and whose callers have another way then.
_OPTIONAL = ("eth_feeHistory", "eth_maxPriorityFeePerGas", "eth_syncing", f"eth_getBlockByNumber {_FINALIZED}")
Refusals = Mapping[str, RpcError]  # by name, see `name_of`


def name_of(call: Call) -> str:
    """The method. The newest finalized block has a name of its own, because not every node has one."""
    method, params = call
    return f"{method} {_FINALIZED}" if params and params[0] == _FINALIZED else method


def kind_of(name: str) -> Kind:
    """The kind of a request by its name. Methods that are not listed read state."""
    method = name.partition(" ")[0]
    return Kind.SEND if method.startswith("eth_send") else _KINDS.get(method, Kind.STATE)


def heaviest(calls: Sequence[Call]) -> Kind:
    """The heaviest kind among the calls of one request."""
    kinds = {kind_of(name_of(call)) for call in calls}
    return max(kinds, key=list(Kind).index)


def refusals(calls: Sequence[Call], results: Sequence[Any | RpcError]) -> Refusals:
    """The errors that are no answer, by what was asked for; one for each name.

    Left out are optional requests that the endpoint does not serve, and calls at another block than the first one that
    the request names: such a block is named to see whether the endpoint refuses it.
    """
    block, refused = block_hash(calls), dict[str, RpcError]()
    for call, result in zip(calls, results, strict=True):
        if not isinstance(result, RpcError) or block_hash([call]) not in (None, block):
            continue
        reply = replies.classify(result)
        served_elsewhere = name_of(call) in _OPTIONAL and reply in (Reply.UNSUPPORTED, Reply.MISSING)
        if reply is not Reply.JUDGEMENT and not served_elsewhere:
            refused.setdefault(name_of(call), result)
    return refused


def unanswered(calls: Sequence[Call], error: RpcError) -> Refusals:
    """The failures of a request without any reply: it counts against the heaviest kind that it asked for."""
    kind = heaviest(calls)
    return {name: error for name in map(name_of, calls) if kind_of(name) is kind}


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
