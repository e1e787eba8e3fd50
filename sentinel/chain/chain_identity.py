"""Check that an endpoint serves the network's chain: chain id, pinned block and contract codes (I10)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from eth_utils.crypto import keccak

from sentinel.chain.rpc import Endpoint, quantity
from sentinel.core.errors import ChainMismatch, RpcError
from sentinel.core.network import Address, HexHash, Network

_HASH = re.compile(r"0x[0-9a-fA-F]{64}")
ANOTHER_CHAIN = "this is another chain: give it a SENTINEL_STATE_DIR of its own, or correct SENTINEL_RPC__URL"


@dataclass(frozen=True, slots=True)
class KnownBlock:
    """A block that no reorg can replace."""

    number: int
    hash: HexHash


@dataclass(frozen=True, slots=True)
class ContractCodes:
    """The result of comparing the code at the network's addresses with the code hashes in the network file."""

    checked: int  # addresses
    pinned: int  # how many of them have a code hash in the network file
    missing: tuple[Address, ...]  # addresses without code
    changed: tuple[Address, ...]  # addresses whose code differs from the pinned hash
    unpinned: tuple[tuple[Address, HexHash], ...]  # addresses without a pinned hash, with the chain's hash


async def check_chain(rpc: Endpoint, network: Network) -> HexHash:
    """The hash of the pinned block, or of block 0 if the network file pins none.

    Raises ChainMismatch if the endpoint serves another chain, Unavailable if it does not answer.
    """
    chain_id = quantity(await rpc.call("eth_chainId"))
    if chain_id != network.chain_id:
        raise ChainMismatch(
            f"the endpoint serves chain {chain_id}, network {network.name} is {network.chain_id}: "
            "set SENTINEL_RPC__URL or SENTINEL_NETWORK"
        )
    number = network.pinned_block or 0
    block = await rpc.call("eth_getBlockByNumber", hex(number), False)
    if not isinstance(block, dict) or not isinstance(block.get("hash"), str):
        raise RpcError(f"the endpoint does not know block {number}")
    block_hash: HexHash = block["hash"]
    if network.pinned_hash is not None and block_hash != network.pinned_hash:
        raise ChainMismatch(f"block {number} is {block_hash}, network {network.name} pins {network.pinned_hash}")
    return block_hash


async def check_known(rpc: Endpoint, known: KnownBlock) -> None:
    """Check that the endpoint has this block at its number (I30).

    Raises ChainMismatch if it has another one, or if its chain is shorter although it is not syncing. Raises RpcError
    if it does not answer, is still syncing, or has dropped the block.
    """
    block, newest, syncing = await rpc.batch(
        [("eth_getBlockByNumber", [hex(known.number), False]), ("eth_blockNumber", []), ("eth_syncing", [])]
    )
    for answer in (block, newest):
        if isinstance(answer, RpcError):
            raise answer
    if isinstance(block, dict):
        require_same(block, known)
        return
    head = quantity(newest, 63)
    if head >= known.number or (syncing is not False and not isinstance(syncing, RpcError)):
        raise RpcError(f"the endpoint does not have block {known.number} yet or any more; its newest is {head}")
    raise ChainMismatch(f"the chain ends at block {head}, this journal knows block {known.number}: {ANOTHER_CHAIN}")


def require_same(block: Mapping[str, Any], known: KnownBlock) -> None:
    """Raises ChainMismatch if `block`, as the node shows it at that number, is another one than the known one, and
    RpcError if it is malformed, which is a fault of the node and no other chain."""
    shown = block.get("hash")
    if not isinstance(shown, str) or not _HASH.fullmatch(shown):
        raise RpcError(f"the endpoint shows block {known.number} without a hash")
    if shown != known.hash:
        raise ChainMismatch(f"block {known.number} is {shown}, this journal knows {known.hash}: {ANOTHER_CHAIN}")


async def contract_codes(rpc: Endpoint, network: Network) -> ContractCodes:
    """Compare the code of every contract of the network at the newest block. Raises Unavailable."""
    wanted: dict[Address, HexHash | None] = {token.address: token.code_hash for token in network.tokens.values()}
    for address in (network.universal_router, network.permit2, network.multicall3):
        wanted.setdefault(address, None)
    for pool in network.pools.values():
        wanted.setdefault(pool.address, None)
    for feed in (*network.feeds.values(), network.quote_feed):
        if feed is not None:
            wanted.setdefault(feed.address, None)
    if network.v3_quoter is not None:
        wanted.setdefault(network.v3_quoter, None)
    wanted |= network.code_hashes
    replies = await rpc.batch([("eth_getCode", [address, "latest"]) for address in wanted])
    missing, changed, unpinned = [], [], []
    for (address, expected), code in zip(wanted.items(), replies, strict=True):
        if isinstance(code, RpcError):
            raise code
        if not isinstance(code, str) or len(code) <= 2:
            missing.append(address)
            continue
        actual = HexHash("0x" + keccak(hexstr=code).hex())
        if expected is None:
            unpinned.append((address, actual))
        elif actual != expected:
            changed.append(address)
    pinned = sum(expected is not None for expected in wanted.values())
    return ContractCodes(len(wanted), pinned, tuple(missing), tuple(changed), tuple(unpinned))


async def require_chain(rpc: Endpoint, network: Network) -> HexHash:
    """`check_chain`, and a check of all contract codes. Raises ChainMismatch or Unavailable."""
    pinned_block = await check_chain(rpc, network)
    codes = await contract_codes(rpc, network)
    if codes.missing or codes.changed:
        faults = [f"no code at {address}" for address in codes.missing]
        faults += [f"code at {address} differs from the pinned code" for address in codes.changed]
        text = "; ".join(faults)
        raise ChainMismatch(f"network {network.name} does not match the chain: {text}; see `sentinel doctor`")
    return pinned_block
