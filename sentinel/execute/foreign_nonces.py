"""Nonces of the wallet that were used by transactions which the journal does not know: in words, with their hashes.

The journal was restored from an older copy, or the key is used elsewhere. Either way its caps and its record are wrong,
so trading halts until a person has looked.
"""

from __future__ import annotations

from contextlib import suppress

from sentinel.chain.rpc import JsonRpc, quantity
from sentinel.core.errors import Unavailable
from sentinel.core.network import Address, HexHash

STATES = 127  # blocks; a full node keeps the states of about 128
NAMED = 3  # of the newest nonces, so that the search is 8 reads each and 24 in all
PAGE = "docs/runbook/SentinelForeignNonce.md"


async def described(rpc: JsonRpc, wallet: Address, foreign: range) -> str:
    """The reason to halt. Never raises for a node that cannot tell which transactions used the nonces."""
    hashes: list[HexHash] = []
    with suppress(Unavailable):
        newest = quantity(await rpc.call("eth_blockNumber"), 63)
        for nonce in foreign[-NAMED:]:
            if (found := await _transaction(rpc, wallet, nonce, newest)) is not None:
                hashes.append(found)
    nonces = f"nonce {foreign[0]} was" if len(foreign) == 1 else f"nonces {foreign[0]} to {foreign[-1]} were"
    known = f" ({', '.join(hashes)})" if hashes else ""
    return (
        f"{nonces} used by transactions that this journal does not know{known}: the journal was restored from an older "
        f"copy, or the key is used elsewhere; see {PAGE}"
    )


async def _transaction(rpc: JsonRpc, wallet: Address, nonce: int, newest: int) -> HexHash | None:
    """The hash of the transaction that used the nonce; None if its block is older than what nodes keep states of."""

    async def used(block: int) -> bool:
        return quantity(await rpc.call("eth_getTransactionCount", wallet, hex(block)), 63) > nonce

    before, after = max(0, newest - STATES), newest
    if await used(before) or not await used(after):
        return None
    while after - before > 1:
        middle = (before + after) // 2
        before, after = (before, middle) if await used(middle) else (middle, after)
    block = await rpc.call("eth_getBlockByNumber", hex(after), True)
    for tx in block.get("transactions", ()) if isinstance(block, dict) else ():
        if (
            isinstance(tx, dict)
            and str(tx.get("from")).lower() == wallet.lower()
            and quantity(tx.get("nonce")) == nonce
        ):
            return HexHash(str(tx.get("hash"))[:66])
    return None
