"""Whether the chain is as the network file says: the decimals of tokens and feeds, and the form of fees (I10).

Both can change while the daemon runs: a token or a feed is upgraded, a chain changes its fee market.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sentinel.chain.multicall import decode_aggregate3, encode_aggregate3
from sentinel.chain.rpc import Endpoint
from sentinel.core.errors import RpcError
from sentinel.core.network import Address, FeeMarket, Network
from sentinel.core.units import WORD

_DECIMALS = bytes.fromhex("313ce567")  # decimals()


async def wrong_decimals(rpc: Endpoint, network: Network, block: str | Mapping[str, object]) -> str | None:
    """Each token and feed whose decimals() differ from the network file at `block`, as one sentence; None if none does.

    Raises RpcError if the endpoint gives no readable answer.
    """
    feeds = [*network.feeds.values(), *((network.quote_feed,) if network.quote_feed is not None else ())]
    listed: list[tuple[str, Address, int]] = [
        *((symbol, token.address, token.decimals) for symbol, token in network.tokens.items()),
        *((f"the feed of {feed.token}", feed.address, feed.decimals) for feed in feeds),
    ]
    data = encode_aggregate3([(address, _DECIMALS) for _, address, _ in listed])
    reply = await rpc.call("eth_call", {"to": network.multicall3, "data": "0x" + data.hex()}, block)
    try:
        answers = decode_aggregate3(bytes.fromhex(str(reply).removeprefix("0x")))
    except ValueError as error:
        raise RpcError(f"the decimals could not be read: {error}") from error
    if len(answers) != len(listed):
        raise RpcError(f"the decimals could not be read: {len(answers)} answers to {len(listed)} calls")
    actual = [None if answer is None or len(answer) != WORD else int.from_bytes(answer) for answer in answers]
    wrong = [
        differs(f"{name}: decimals()", decimals, expected)
        for (name, _, expected), decimals in zip(listed, actual, strict=True)
        if decimals != expected
    ]
    return "; ".join(wrong) or None


def wrong_fee_form(network: Network, block: Mapping[str, Any]) -> str | None:
    """Why transactions in the form that the network file says cannot be priced in this block; None if they can.

    `block` is the node's answer. Legacy transactions are valid whether blocks have a base fee or not.
    """
    if network.fees is FeeMarket.EIP1559 and block.get("baseFeePerGas") is None:
        return "blocks have no base fee, but the network file says EIP-1559"
    return None


def differs(name: str, actual: object, expected: object) -> str:
    """`actual` is the contract's answer, None if it gave none; `expected` is in the network file."""
    return f"{name} is {'unreadable' if actual is None else actual} on the chain and {expected} in the file"
