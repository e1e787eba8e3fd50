"""geth's pool rules in front of Anvil: known bytes, used nonces, 10 % more for a replacement, sufficient funds.

Anvil does not enforce them. After a reorg the dropped transactions return to the pool, which Anvil does not do either.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import rlp
from eth_account import Account
from eth_utils.crypto import keccak
from hexbytes import HexBytes

PRICE_BUMP = 10  # min raise of both fees by a replacement, percent
TX_GAS_CAP = 2**24  # EIP-7825

Ask = Callable[[str, list[Any]], Awaitable[Any]]  # method, params -> the node's result


@dataclass(frozen=True, slots=True)
class Pooled:
    """A transaction in the pool."""

    raw: str
    tx_hash: str
    sender: str
    nonce: int
    max_fee: int  # wei per gas
    tip: int  # wei per gas
    gas: int
    value: int  # wei

    @classmethod
    def of(cls, raw: str) -> Pooled:
        data = HexBytes(raw)
        sender, tx_hash = Account.recover_transaction(data), "0x" + keccak(data).hex()
        if data[0] > 0x7F:  # type 0: one price is both fees
            nonce, price, gas, _, value = (int.from_bytes(item) for item in rlp.decode(data)[:5])
            return cls(raw, tx_hash, sender, nonce, price, price, gas, value)
        _, nonce, tip, max_fee, gas, _, value = (int.from_bytes(item) for item in rlp.decode(data[1:])[:7])  # type 2
        return cls(raw, tx_hash, sender, nonce, max_fee, tip, gas, value)


class Rejected(Exception):
    """A refused transaction, with geth's error message."""


@dataclass(slots=True)
class GethPool:
    """The accepted transactions of one node. `ask` calls the node behind the proxy."""

    ask: Ask
    pooled: dict[tuple[str, int], Pooled] = field(default_factory=dict)
    _waits: set[str] = field(default_factory=set)

    async def offer(self, raw: str) -> str:
        """Accept a raw transaction. Returns its hash. Raises Rejected."""
        new = Pooled.of(raw)
        pooled = self.pooled.get((new.sender, new.nonce))
        mined = int(await self.ask("eth_getTransactionCount", [new.sender, "latest"]), 16)
        if pooled is not None and pooled.tx_hash == new.tx_hash and new.nonce >= mined:
            raise Rejected("already known")
        if new.nonce < mined:
            raise Rejected(f"nonce too low: next nonce {mined}, tx nonce {new.nonce}")
        if new.gas > TX_GAS_CAP:
            raise Rejected(f"transaction gas limit too high (cap: {TX_GAS_CAP}, tx: {new.gas})")
        if pooled is not None and not _outbids(new, pooled):
            raise Rejected("replacement transaction underpriced")
        balance, cost = int(await self.ask("eth_getBalance", [new.sender, "latest"]), 16), new.gas * new.max_fee
        if balance < cost + new.value:
            over = cost + new.value - balance
            raise Rejected(
                f"insufficient funds for gas * price + value: balance {balance}, tx cost {cost + new.value}, "
                f"overshot {over}"
            )
        await self._give(new)
        self.pooled[new.sender, new.nonce] = new
        return new.tx_hash

    @property
    def waiting(self) -> bool:
        """True if Anvil refused a transaction that geth would keep."""
        return bool(self._waits)

    async def _give(self, item: Pooled) -> None:
        """Pass a transaction to Anvil. geth keeps one below the base fee until that falls, so it is kept here."""
        self._waits.discard(item.tx_hash)
        try:
            await self.ask("eth_sendRawTransaction", [item.raw])
        except Rejected as error:
            if "base fee" not in str(error):
                raise
            self._waits.add(item.tx_hash)

    async def repool(self) -> int:
        """Pass accepted transactions that are not mined to Anvil again. Returns their number."""
        back = 0
        for item in sorted(self.pooled.values(), key=lambda item: item.nonce):
            mined = int(await self.ask("eth_getTransactionCount", [item.sender, "latest"]), 16)
            pending = await self.ask("eth_getTransactionByHash", [item.tx_hash])
            if item.nonce >= mined and pending is None:
                await self._give(item)
                back += 1
        return back


def _outbids(new: Pooled, old: Pooled) -> bool:
    min_percent = 100 + PRICE_BUMP
    return new.max_fee * 100 >= old.max_fee * min_percent and new.tip * 100 >= old.tip * min_percent
