"""Which transaction used a nonce: the second witness for a transaction of ours whose receipt is missing.

That no receipt is found proves nothing: nodes index receipts late. The transaction itself, or the block that used the
nonce, says whose it was.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from sentinel.chain.rpc import Endpoint, JsonRpc, quantity
from sentinel.core.errors import RpcError
from sentinel.core.market_state import Head
from sentinel.core.network import Address, HexHash
from sentinel.core.transaction import Attempt, Intent
from sentinel.execute.send_state import UNTOLD, NonceUser, Use


async def nonce_user(
    rpc: JsonRpc, wallet: Address, nonce: int, hashes: Collection[HexHash], first: int, last: int
) -> NonceUser:
    """The transaction that used `nonce` after block `first`, up to block `last`, as all endpoints together show it.

    One endpoint that shows one of `hashes` in a block is enough for ours. Raises nothing for endpoints that fail.
    """
    try:
        shown = await rpc.everywhere(lambda one: _ask(one, wallet, nonce, hashes, first, last))
    except RpcError:
        return UNTOLD
    by_use = {user.use: user for user in reversed(shown)}
    return by_use.get(Use.OURS) or by_use.get(Use.FOREIGN) or UNTOLD


async def _ask(
    rpc: JsonRpc, wallet: Address, nonce: int, hashes: Collection[HexHash], first: int, last: int
) -> NonceUser:
    for shown in await rpc.batch([("eth_getTransactionByHash", [tx_hash]) for tx_hash in hashes]):
        if isinstance(shown, dict) and shown.get("hash") in hashes and shown.get("blockHash"):
            return NonceUser(Use.OURS, HexHash(str(shown["hash"])), HexHash(str(shown["blockHash"])))
    if (mined := await mined_transaction(rpc, wallet, nonce, first, last)) is None:
        return UNTOLD
    tx_hash, block_hash = mined
    return NonceUser(Use.OURS if tx_hash in hashes else Use.FOREIGN, tx_hash, block_hash)


async def mined_transaction(
    rpc: Endpoint, wallet: Address, nonce: int, first: int, last: int
) -> tuple[HexHash, HexHash] | None:
    """The hashes of the wallet's transaction that used `nonce` after block `first`, up to `last`, and of its block.

    None if it was used elsewhere, not yet, or without a transaction of the wallet, for example by an authorization
    (EIP-7702). Raises RpcError.
    """
    low, high = max(0, first), last
    if not await _count(rpc, wallet, low) <= nonce < await _count(rpc, wallet, high):
        return None
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if await _count(rpc, wallet, middle) > nonce else (middle, high)
    block = await rpc.call("eth_getBlockByNumber", hex(high), True)
    transactions = block.get("transactions") if isinstance(block, dict) else None
    for shown in transactions if isinstance(transactions, list) else ():
        if not isinstance(shown, dict) or str(shown.get("from")).lower() != wallet.lower():
            continue
        if quantity(shown.get("nonce"), 63) == nonce:
            return HexHash(str(shown.get("hash"))[:66]), HexHash(str(block.get("hash"))[:66])
    return None


async def _count(rpc: Endpoint, wallet: Address, number: int) -> int:
    return quantity(await rpc.call("eth_getTransactionCount", wallet, hex(number)), 63)


@dataclass(slots=True)
class UsedNonce:
    """Since when the open intent's nonce is used without a receipt of ours.

    The time counts by this machine's clock and by the chain's, and the shorter one counts: a clock that jumps makes
    nothing old.
    """

    clock: Callable[[], float]
    _since: tuple[float, int] | None = None  # by our clock, by the chain's

    def forget(self) -> None:
        self._since = None

    def seconds(self, head: Head, used: bool) -> float:
        """Seconds up to this head; 0 while it is not used."""
        if not used:
            self._since = None
            return 0.0
        now = (self.clock(), head.timestamp)
        self._since = self._since or now
        return max(0.0, min(now[0] - self._since[0], now[1] - self._since[1]))


async def user_of(rpc: JsonRpc, wallet: Address, intent: Intent, attempts: Sequence[Attempt], head: Head) -> NonceUser:
    """As `nonce_user`, of an intent's nonce, from the block that it was decided on."""
    hashes: Mapping[HexHash, None] = dict.fromkeys(attempt.tx_hash for attempt in attempts)
    return await nonce_user(rpc, wallet, attempts[-1].nonce, hashes, intent.env.number - 1, head.number)
