"""Nonces of the wallet that were used by transactions which the journal does not know: in words, with their hashes.

The journal was restored from an older copy, or the key is used elsewhere. Either way its caps and its record are wrong,
so trading halts until a person has looked.
"""

from __future__ import annotations

from contextlib import suppress

from sentinel.chain.rpc import JsonRpc, quantity
from sentinel.core.errors import Unavailable
from sentinel.core.network import Address, HexHash
from sentinel.execute.nonce_user import mined_transaction

STATES = 127  # blocks; a full node keeps the states of about 128
NAMED = 3  # of the newest nonces, so that the search is 8 reads each and 24 in all
PAGE = "docs/runbook/SentinelForeignNonce.md"


async def described(rpc: JsonRpc, wallet: Address, foreign: range) -> str:
    """The reason to halt. Never raises for a node that cannot tell which transactions used the nonces."""
    hashes: list[HexHash] = []
    with suppress(Unavailable):
        newest = quantity(await rpc.call("eth_blockNumber"), 63)
        for nonce in foreign[-NAMED:]:
            if (mined := await mined_transaction(rpc, wallet, nonce, newest - STATES, newest)) is not None:
                hashes.append(mined[0])
    nonces = f"nonce {foreign[0]} was" if len(foreign) == 1 else f"nonces {foreign[0]} to {foreign[-1]} were"
    known = f" ({', '.join(hashes)})" if hashes else ""
    return (
        f"{nonces} used by transactions that this journal does not know{known}: the journal was restored from an older "
        f"copy, or the key is used elsewhere; see {PAGE}"
    )
